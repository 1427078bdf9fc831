/**
 * Runs the benches of a part as processes of their own, one after another, each for a bounded time; what they print goes into
 * a log, what they found comes back from their JSON. A bench that fails or is too slow costs its own lines only.
 */
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after } from '../lib/processes.mjs';

const benches = fileURLToPath(new URL('..', import.meta.url));
const graceMs = 20_000; // to stop what it has started
const keptChars = 2_000;

/** Results by key, seconds taken, commands, and what failed. `patience`: so many times the expected time is a hang. */
export async function runPart(part, { isQuick, folder, signal, patience }) {
  const results = {};
  const failures = [];
  const commands = [];
  const begunMs = performance.now();
  const limitMs = patience * 1_000 * part.seconds[isQuick ? 'quick' : 'full'];
  for (const { key, script, args, file } of part.runs(isQuick)) {
    commands.push(commandOf(script, args));
    const out = file ? join(folder, key) : join(folder, `${key}.json`);
    const command = [join(benches, script), ...args, '--out', out];
    const told = await runBounded(command, { log: join(folder, `${key}.log`), limitMs, signal });
    const path = file ? join(out, file) : out;
    if (existsSync(path)) results[key] = JSON.parse(readFileSync(path, 'utf8'));
    if (told !== undefined) failures.push(`${script}: ${told}`);
    if (signal.aborted) break;
  }
  const seconds = (performance.now() - begunMs) / 1_000;
  return { results, seconds, commands, failures };
}

/** The command as people type it. */
function commandOf(script, args) {
  const quoted = args.map((word) => (/\s|;/.test(word) ? `"${word}"` : word));
  return ['node', `scripts/bench/${script}`, ...quoted].join(' ');
}

/** Undefined when it ended well, otherwise why not with its last words. */
async function runBounded(command, { log, limitMs, signal }) {
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  const file = createWriteStream(log);
  let last = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      file.write(text);
      last = (last + text).slice(-keptChars);
    });
  }
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, by) => resolve(code === 0 ? undefined : (by ?? `status ${code}`)));
  });
  const over = new AbortController();
  const late = after(limitMs, AbortSignal.any([over.signal, signal])).then(() => 'late');
  const first = await Promise.race([ended, late]);
  if (first === 'late') await end(child, ended);
  over.abort();
  file.end();
  const how = first === 'late' ? `stopped after ${Math.round(limitMs / 1_000)} s` : first;
  return how && `${how}; ${lastLine(last)}`;
}

/** The benches stop what they have started when they are asked to end. */
async function end(child, ended) {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await ended;
  clearTimeout(timer);
}

/** The line that says most: the last error, or the last line. */
function lastLine(text) {
  const lines = text.trim().split('\n');
  return (lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? '').trim();
}
