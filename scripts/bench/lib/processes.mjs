/**
 * Programs under test: started with a log of their own, ready when they say so, ended for certain. Only
 * processes that were started here are ever signalled.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const readyTimeoutMs = 90_000;
const stopTimeoutMs = 15_000;
const keptLines = 20;
const pollMs = 50;

/** Ports of loopback that are free now. They are taken all at once, so that none comes twice. */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/**
 * Starts a program. `readyOf` looks at each line it prints and returns what the caller waits for;
 * `isReady`, when given, is asked again and again instead. Throws with the program's last words.
 */
export async function startProgram({ program, args, cwd, env, logFile, readyOf, isReady }) {
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const log = createWriteStream(logFile, { flags: 'a' });
  const lines = [];
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  void ended.then(() => log.end());
  const started = { child, ended, stop: () => stopChild(child, ended) };
  const said = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`);
        if (lines.push(line) > keptLines) lines.shift();
        const value = readyOf?.(line);
        if (value !== undefined) resolve({ value });
      });
    }
  });
  const gone = new AbortController();
  const asked = isReady ? poll(isReady, gone.signal) : said;
  const late = after(readyTimeoutMs, gone.signal);
  const first = await Promise.race([asked, late, ended.then((how) => ({ how }))]);
  gone.abort();
  if (first && 'value' in first) return { ...started, pid: child.pid, value: first.value };
  await started.stop();
  throw new Error(`${program} did not start: ${first?.how ?? 'too slow'}\n${lines.join('\n')}`);
}

async function poll(isReady, signal) {
  while (!signal.aborted) {
    const value = await isReady().catch(() => undefined);
    if (value !== undefined) return { value };
    await after(pollMs);
  }
  return undefined;
}

/** Resolves with nothing after a time, or at once when it is called off. */
export function after(ms, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
  });
}

async function stopChild(child, ended) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await ended;
  clearTimeout(timer);
}

/** Runs `work` with a list of undo steps, which run in reverse whatever happens, also on Ctrl-C. */
export async function withCleanup(work) {
  const steps = [];
  const cleanUp = async () => {
    for (const step of steps.splice(0).reverse()) await step();
  };
  const interrupted = (signal) =>
    void cleanUp().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143));
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    return await work(steps);
  } finally {
    await cleanUp();
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
  }
}
