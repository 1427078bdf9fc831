/**
 * The provider daemon in the foreground. It runs in a process group of its own, so Ctrl-C reaches only
 * us: we ask it once to drain and wait. Its standard input is the tie between us: when this process
 * dies in any way, the daemon notices and stops.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { AppError, asAppError } from '@aitbc/protocol';
import type { Context } from '../context/context.ts';
import { nodeFlagsOf } from '../devnet/daemon-process.ts';
import { followProvider } from './owner/follow-provider.ts';
import { createLostJobs } from './owner/lost-jobs.ts';
import { type OwnerView, ownerPicture } from './owner/owner-screen.ts';
import { noteServed, providerOwner } from './owner/served.ts';
import { logEntryOf, logText } from './provider-log.ts';

/** What to run. */
export interface ServeOptions {
  /** File of the daemon's entry. */
  readonly entry: string;
  readonly args: readonly string[];
  /** Folder of the daemon: its token opens the owner's calls. */
  readonly dataDir: string;
  /** Runs beside the daemon once it is ready; what it throws is told, and the daemon goes on. */
  readonly onReady?: (url: string, tell: (line: string) => void) => Promise<void>;
}

/** Runs the daemon until it ends or Ctrl-C has drained it. Answers its exit code. */
export async function serveProvider(
  context: Context,
  { entry, args, dataDir, onReady }: ServeOptions,
): Promise<number> {
  const { out, env, signal } = context;
  const child = spawn(
    process.execPath,
    [...nodeFlagsOf('provider'), entry, ...args, '--exit-with-parent'],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: env as NodeJS.ProcessEnv,
      detached: true,
    },
  );
  const ended = endOf(child);
  const ending = new AbortController();
  const starting = out.progress('the provider starts');
  const live: Live = { above: starting.above };
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
      starting.done();
      void showScreen(context, { url, dataDir, live, signal: ending.signal, tell });
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
    starting.done();
    live.done?.();
    signal.removeEventListener('abort', drain);
  }
}

/** What stands at the bottom of the terminal: a line while it starts, then the owner's screen. */
interface Live {
  above(write: () => void): void;
  done?: () => void;
}

interface ScreenOptions {
  readonly url: string;
  readonly dataDir: string;
  readonly live: Live;
  readonly signal: AbortSignal;
  tell(line: string): void;
}

/** Shows the screen from the first answer of the daemon until the signal aborts. */
async function showScreen(context: Context, options: ScreenOptions): Promise<void> {
  const { out } = context;
  const { url, dataDir, live, signal, tell } = options;
  const forget = noteServed(dataDir, url);
  let view: OwnerView | undefined;
  const screen = out.screen((size) => (view ? ownerPicture(out, view, size) : []));
  live.above = screen.above;
  live.done = () => {
    forget();
    screen.done();
  };
  if (!screen.isLive) return;
  try {
    const client = await providerOwner(context, { url, dataDir });
    const { provider: address } = await client.status({}, { signal });
    const { transport } = await context.clients();
    const coordinatorUrl = context.urls.coordinator;
    const losses = createLostJobs({ coordinatorUrl, transport, dataDir, address, signal });
    await followProvider({
      ...{ client, signal, losses, nowMs: () => performance.now() },
      onView(next) {
        view = next;
        screen.draw();
      },
    });
  } catch (error) {
    const { code, message } = asAppError(error);
    if (code !== 'CANCELLED') tell(message);
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
  { live, onReady }: { readonly live: Live; onReady(url: string): void },
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
