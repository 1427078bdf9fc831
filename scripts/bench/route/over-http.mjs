/** Route calls over one kept connection against a server process of its own. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { spreadOf } from './in-process.mjs';
import { MODEL } from './market.mjs';

const IDLE_MS = 3_000;
const WARM_UP_CALLS = 5_000; // with 500 nearly all slow calls are the compiler at work

/** Latency, CPU for each route (heartbeats taken off) and memory at one size; prints a line. */
export async function measureOverHttp(size, calls) {
  const server = fork(new URL('./server.mjs', import.meta.url), [String(size)]);
  const [{ url }] = await once(server, 'message');
  const used = async () => {
    server.send('cpu');
    const [message] = await once(server, 'message');
    return message;
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = JSON.stringify({ models: [MODEL], contextTokens: 2_000 });
  try {
    for (let call = 0; call < WARM_UP_CALLS; call += 1) await post(`${url}/v1/route`, body, agent);
    const idleStart = await used();
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const idleEnd = await used();
    const beatUs = (idleEnd.cpuUs - idleStart.cpuUs) / (idleEnd.beats - idleStart.beats);

    const times = [];
    for (let call = 0; call < calls; call += 1) {
      const sentMs = performance.now();
      await post(`${url}/v1/route`, body, agent);
      times.push((performance.now() - sentMs) * 1_000);
    }
    const end = await used();
    const cpuUs = end.cpuUs - idleEnd.cpuUs - beatUs * (end.beats - idleEnd.beats);
    const row = {
      ...{ size, calls, latencyUs: spreadOf(times), cpuPerRouteUs: cpuUs / calls },
      ...{ cpuPerHeartbeatUs: beatUs, residentMb: end.residentMb },
    };
    print(row);
    return row;
  } finally {
    agent.destroy();
    server.disconnect();
    await once(server, 'exit');
  }
}

function print({ size, latencyUs, cpuPerRouteUs, cpuPerHeartbeatUs, residentMb }) {
  const us = (value) => `${value.toFixed(0)} µs`;
  console.log(
    `\nHTTP, ${size} providers: p50 ${us(latencyUs.p50)}, p99 ${us(latencyUs.p99)}, CPU per route ${us(cpuPerRouteUs)}, ` +
      `per heartbeat ${us(cpuPerHeartbeatUs)}, ${residentMb.toFixed(0)} MB resident`,
  );
}

function post(url, body, agent) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const call = request(url, { method: 'POST', agent, headers }, (answer) => {
      answer.resume();
      answer.on('end', () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`route answered ${answer.statusCode}`));
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}
