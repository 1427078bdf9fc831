/**
 * What others do when the engine dies in the middle of an answer: `node scripts/bench/failover/peers.mjs [--kills 5] [--out FILE]`
 *
 * nginx with two engines as one upstream and `proxy_next_upstream`, and Portkey with a fallback from one engine to the other:
 * both are made for an engine that does not answer. The engine that writes is killed with SIGKILL after a third of
 * the tokens. An answer counts as whole when all tokens reach the client. Both engines are fresh for every kill.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nginxVersion, startNginx } from '../hops/nginx.mjs';
import { portkeyFallback, portkeyVersion, startPortkey } from '../hops/portkey.mjs';
import { machineText } from '../lib/machine.mjs';
import { startProgram, withCleanup } from '../lib/processes.mjs';
import { writeJson } from '../lib/write-json.mjs';

const tokens = 48;
const paceMs = 10;
const program = fileURLToPath(new URL('engine.mjs', import.meta.url));
const wordMark = /word-(\w+)-(\d+)/g;

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '5' }, out: { type: 'string', default: '' } },
});
const systems = {
  nginx: {
    isThere: () => nginxVersion() !== undefined,
    version: nginxVersion,
    start: startNginx,
    headers: () => ({}),
  },
  portkey: {
    isThere: () => true,
    version: portkeyVersion,
    start: startPortkey,
    headers: portkeyFallback,
  },
};
const peers = [];
for (const [name, system] of Object.entries(systems)) {
  if (!system.isThere()) {
    console.log(`${name} is not installed here and is left out: apt-get install ${name}`);
    continue;
  }
  const runs = [];
  for (let at = 0; at < Number(values.kills); at += 1) runs.push(await killOnce(system));
  const whole = runs.filter((run) => run.seen === tokens).length;
  peers.push({ name, version: system.version(), kills: runs.length, whole, runs });
  console.log(`${name} ${system.version()}: ${whole} of ${runs.length} answers came whole`);
}
writeJson(values.out, { machine: machineText(), tokens, peers });

function killOnce(system) {
  return withCleanup(async (undo) => {
    const folder = mkdtempSync(join(tmpdir(), 'aitbc-peers-'));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const engines = new Map();
    for (const name of ['a', 'b']) {
      const engine = await startEngine(name, folder);
      undo.push(engine.stop);
      engines.set(name, engine);
    }
    const engineUrls = [...engines.values()].map(({ value }) => value.url);
    const { url } = await system.start({ folder, engineUrls, undo });
    return readUntilEnd({ url, headers: system.headers(engineUrls), engines });
  });
}

function startEngine(name, folder) {
  return startProgram({
    program: process.execPath,
    args: [program],
    cwd: folder,
    env: { AITBC_BENCH_NAME: name },
    logFile: join(folder, `${name}.log`),
    readyOf: (line) => (line.startsWith('{"url"') ? JSON.parse(line) : undefined),
  });
}

async function readUntilEnd({ url, headers, engines }) {
  const messages = [{ role: 'user', content: 'Say words.' }];
  const body = { model: 'bench-model', messages, max_tokens: tokens, seed: paceMs, stream: true };
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ ...body, temperature: 0 }),
  });
  if (answer.status !== 200) throw new Error(`status ${answer.status}: ${await answer.text()}`);
  const seen = new Set();
  let killed;
  try {
    const decoder = new TextDecoder();
    for await (const chunk of answer.body) {
      const words = [...decoder.decode(chunk, { stream: true }).matchAll(wordMark)];
      for (const [, , at] of words) seen.add(at);
      const writer = words.at(-1)?.[1];
      if (killed || writer === undefined || seen.size < tokens / 3) continue;
      killed = writer;
      engines.get(writer).child.kill('SIGKILL');
    }
    return { killed, seen: seen.size, end: 'stream ended' };
  } catch (error) {
    return { killed, seen: seen.size, end: error.cause?.code ?? error.message };
  }
}
