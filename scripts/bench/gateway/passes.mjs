/** What is measured of a system: one call at a time, many at once, streams at once, paced streams. */
import { cpuOf, machineBusyUs } from '../lib/machine.mjs';
import { after } from '../lib/processes.mjs';
import { percentile } from '../lib/statistics.mjs';
import { createClient } from './client.mjs';
import { bodyOf } from './systems.mjs';

const warmUpShare = 0.25;
const staggerMs = 1_500;

/** Calls kept `at` a time for some seconds, after a warm-up that does not count. */
export async function pass(system, { at, seconds, shape, isStaggered = false }) {
  const client = createClient(system.url, at);
  const call = bodyOf(shape);
  const state = { calls: [], isOver: false, isCounting: false };
  const lanes = Array.from({ length: at }, async (_, lane) => {
    if (isStaggered) await after((staggerMs * lane) / at);
    while (!state.isOver) await callOnce(system, client, { call, lane, state });
  });
  const running = Promise.all(lanes);
  const wait = (ms) => Promise.race([after(ms), running]); // a lane that fails ends it
  await wait(seconds * 1_000 * warmUpShare + (isStaggered ? staggerMs : 0));
  const meter = meterOf(system.pids);
  state.isCounting = true;
  await wait(seconds * 1_000);
  const used = meter.stop();
  state.isCounting = false;
  state.isOver = true;
  await running;
  await client.close();
  return figuresOf(state.calls, used, shape);
}

async function callOnce(system, client, { call, lane, state }) {
  const { headers, done } = await system.buy(call, lane);
  const wasCounting = state.isCounting;
  const answer = await client.post({ ...call, headers });
  done(answer.text);
  if (wasCounting && state.isCounting) {
    state.calls.push({ ms: answer.ms, firstMs: answer.firstMs ?? answer.ms });
  } else if (wasCounting || state.isCounting) state.calls.push({ isPart: true });
}

/** Calls that only began or only ended in the measured time count as half a call of its costs. */
function figuresOf(calls, { cpuUs, seconds, busyCores }, { tokens }) {
  const whole = calls.filter(({ isPart }) => !isPart);
  const count = whole.length + (calls.length - whole.length) / 2;
  const of = (pick, share) => percentile(whole.map(pick), share);
  const each = Object.fromEntries(Object.entries(cpuUs).map(([name, us]) => [name, us / count]));
  return {
    calls: whole.length,
    perSecond: count / seconds,
    ms: { p50: of(({ ms }) => ms, 0.5), p99: of(({ ms }) => ms, 0.99) },
    firstMs: { p50: of(({ firstMs }) => firstMs, 0.5), p99: of(({ firstMs }) => firstMs, 0.99) },
    cpuUs: each,
    cpuUsPerToken: Object.fromEntries(
      Object.entries(each).map(([name, us]) => [name, us / tokens]),
    ),
    busyCores,
  };
}

/** CPU of the named processes, and cores of this machine that anybody used. */
function meterOf(pids) {
  const read = () =>
    Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, cpuOf(pid).allUs]));
  const [before, busyBefore, begunMs] = [read(), machineBusyUs(), performance.now()];
  return {
    stop() {
      const seconds = (performance.now() - begunMs) / 1_000;
      const now = read();
      const cpuUs = Object.fromEntries(
        Object.keys(pids).map((name) => [name, now[name] - before[name]]),
      );
      return { cpuUs, seconds, busyCores: (machineBusyUs() - busyBefore) / 1e6 / seconds };
    },
  };
}
