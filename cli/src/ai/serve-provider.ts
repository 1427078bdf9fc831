/**
 * The provider daemon in the foreground. It runs in a process group of its own, so Ctrl-C reaches only
 * us: we ask it once to drain and wait. Its standard input is the tie between us: when this process
 * dies in any way, the daemon notices and stops.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { AppError, asAppError, type OutputOf, type providerEndpoints } from '@aitbc/protocol';
import { createProviderClient } from '@aitbc/sdk';
import { aitText } from '../amounts.ts';
import { pause } from '../chain/await-final.ts';
import type { Context } from '../context/context.ts';
import type { Progress } from '../context/out.ts';
import { loadText } from '../market/offer-rows.ts';
import { counted } from '../wording.ts';
import { logEntryOf, logText } from './provider-log.ts';

/** What to run. */
export interface ServeOptions {
  /** File of the daemon's entry. */
  readonly entry: string;
  readonly args: readonly string[];
  /** Runs beside the daemon once it is ready; what it throws is told, and the daemon goes on. */
  readonly onReady?: (url: string, tell: (line: string) => void) => Promise<void>;
}

type Status = OutputOf<typeof providerEndpoints.status>;

const statusEveryMs = 1_000;

/** Runs the daemon until it ends or Ctrl-C has drained it. Answers its exit code. */
export async function serveProvider(
  context: Context,
  { entry, args, onReady }: ServeOptions,
): Promise<number> {
  const { out, env, signal } = context;
  const child = spawn(process.execPath, [entry, ...args, '--exit-with-parent'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: env as NodeJS.ProcessEnv,
    detached: true,
  });
  const ended = endOf(child);
  const ending = new AbortController();
  const live = out.progress('the provider starts');
  const drain = () => {
    live.above(() => out.note('Draining: running jobs end first. Ctrl-C again stops at once.'));
    child.kill('SIGTERM');
  };
  signal.addEventListener('abort', drain, { once: true });
  if (signal.aborted) drain();
  const tell = (line: string) => live.above(() => tellLine(context, line));
  tellLines(context, child, {
    live,
    onReady(url) {
      void follow({ url, live, signal: ending.signal });
      onReady?.(url, tell).catch((error: unknown) => {
        const { code, message } = asAppError(error);
        if (code !== 'CANCELLED') tell(message);
      });
    },
  });
  try {
    return await ended;
  } finally {
    ending.abort();
    live.done();
    signal.removeEventListener('abort', drain);
  }
}

function endOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      const facts = { daemon: 'provider', reason: error.message };
      reject(new AppError('DAEMON_FAILED', facts, { cause: error }));
    });
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** One of our own lines: for people on standard error, for tools among the lines of the log. */
function tellLine({ out }: Context, line: string): void {
  const entry = { level: 'info', time: new Date().toISOString(), name: 'aitbc', msg: line };
  if (out.json) out.event(entry, () => line);
  else out.note(line);
}

/** Log lines go to standard output, complaints to standard error. */
function tellLines(
  { out }: Context,
  { stdout, stderr }: ChildProcess,
  { live, onReady }: { readonly live: Progress; onReady(url: string): void },
): void {
  if (!stdout || !stderr) return;
  createInterface({ input: stdout }).on('line', (line) => {
    const entry = logEntryOf(line);
    live.above(() => {
      if (entry) out.event(entry, () => logText(out, entry));
      else out.note(line);
    });
    if (entry?.msg === 'ready' && typeof entry.url === 'string') onReady(entry.url);
  });
  createInterface({ input: stderr }).on('line', (line) => live.above(() => out.note(line)));
}

/** Keeps the live line true until the signal aborts. */
async function follow(watch: {
  readonly url: string;
  readonly live: Progress;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { url, live, signal } = watch;
  const client = createProviderClient({ baseUrl: url });
  let before: { status: Status; atMs: number } | undefined;
  while (!signal.aborted) {
    try {
      const status = await client.status({}, { signal });
      const now = { status, atMs: performance.now() };
      live.update(liveText(status, before ? speedOf(before, now) : 0));
      before = now;
      await pause(statusEveryMs, signal);
    } catch (error) {
      const known = asAppError(error);
      if (known.code === 'CANCELLED') return;
      live.update(known.message);
      await pause(statusEveryMs, signal).catch(() => {}); // only an abort ends it early
    }
  }
}

interface Look {
  readonly status: Status;
  readonly atMs: number;
}

function speedOf(before: Look, now: Look): number {
  const tokens = now.status.outputTokens - before.status.outputTokens;
  return (tokens * 1000) / Math.max(1, now.atMs - before.atMs);
}

/** The live line: connection to the coordinator, work, speed, money. */
export function liveText(status: Status, tokensPerSecond: number): string {
  return [
    status.coordinator,
    counted(status.jobs, 'job'),
    `${loadText(status)} slots`,
    `${tokensPerSecond.toFixed(1)} tokens/s`,
    `earned ${aitText(status.charged)}`,
  ].join(' · ');
}
