/**
 * One daemon of the devnet as a real process. It is started with `--exit-with-parent`, so that a killed
 * devnet leaves no orphans; its log goes to a file; it counts as up when it prints its `ready` line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync, openSync, type WriteStream } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { AppError } from '@aitbc/protocol/errors';
import { type CopyName, type ProgramName, programOf } from './daemon-name.ts';

/** A running daemon. */
export interface DaemonProcess {
  readonly name: CopyName;
  readonly pid: number;
  readonly url: string;
  /** Milliseconds from the start of the process to its ready line. */
  readonly startMs: number;
  /** SIGTERM, then SIGKILL after ten seconds. */
  stop(): Promise<void>;
  /** SIGKILL at once. */
  kill(): Promise<void>;
  /** Resolves when the process has ended, with a sentence that says how. */
  readonly ended: Promise<string>;
}

/** How to start a daemon. */
export interface DaemonStart {
  readonly name: CopyName;
  readonly args: readonly string[];
  /** File to run; the entry of the daemon's package when left out. */
  readonly entry?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Program that starts the daemon's, and its arguments, such as `ip netns exec NAME`; it must not fork. */
  readonly wrapper?: readonly string[];
  readonly logFile: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Room for young objects, in MB, of the daemons through which answers flow. What a call leaves is garbage at once; with
 * the 16 MB that are the default its collection takes some per cent more of the CPU under load. The others keep the default:
 * a daemon's start fills what it may take, and at rest it gives nothing back.
 */
const youngMb = 32;
const answering: readonly ProgramName[] = ['provider', 'gateway'];

/** Flags of Node for a program. */
export function nodeFlagsOf(program: ProgramName): readonly string[] {
  return answering.includes(program) ? [`--max-semi-space-size=${youngMb}`] : [];
}

const readyTimeoutMs = 60_000;
const stopTimeoutMs = 10_000;
const keptLines = 20;

/** Path of the entry of a program's package: bundled, where `npm run build` has done that, for a start in a third of the time. */
export function entryOf(program: ProgramName, file = 'main.js'): string {
  const bundled = join(distOf(program), 'daemon', file);
  return existsSync(bundled) ? bundled : modulesEntryOf(program, file);
}

/** The same as modules one by one, for what replaces one of them. */
export function modulesEntryOf(program: ProgramName, file = 'main.js'): string {
  return join(distOf(program), file);
}

function distOf(program: ProgramName): string {
  const manifest = createRequire(import.meta.url).resolve(`@aitbc/${program}/package.json`);
  return join(dirname(manifest), 'dist');
}

/** Starts a daemon and waits until it is ready. Throws DAEMON_FAILED with its last words. */
export async function startDaemon(start: DaemonStart): Promise<DaemonProcess> {
  if (start.signal?.aborted) throw new AppError('CANCELLED');
  const begunMs = performance.now();
  const last: string[] = [];
  const log = openLog(start.logFile, last);
  const entry = start.entry ?? entryOf(programOf(start.name));
  const flags = nodeFlagsOf(programOf(start.name));
  const words = [...(start.wrapper ?? []), process.execPath, ...flags, entry, ...start.args];
  const [program = '', ...args] = [...words, '--exit-with-parent'];
  const child = spawn(program, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...start.env },
    detached: true, // Ctrl-C of the terminal reaches only us; we stop the daemons in order
  });
  const ended = endOf(child, log);
  const url = await readyUrl({ child, start, log, last, ended });
  return {
    name: start.name,
    pid: child.pid ?? 0,
    url,
    startMs: performance.now() - begunMs,
    ended,
    stop: () => stopProcess(child, ended),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** The log file, open before the daemon starts. A disk that fills up later ends the log, not the daemon. */
function openLog(file: string, last: string[]): WriteStream {
  let fd: number;
  try {
    fd = openSync(file, 'a');
  } catch (error) {
    const reason = `the log ${file} cannot be written: ${(error as Error).message}`;
    throw new AppError('CONFIG_INVALID', { reason }, { cause: error });
  }
  const log = createWriteStream(file, { fd });
  log.on('error', (error) => last.push(`the log ends here: ${error.message}`));
  return log;
}

/** Runs a one-shot command of a program, such as `--init`; throws DAEMON_FAILED. */
export async function runDaemonOnce(name: ProgramName, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [entryOf(name), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (code === 0) return output;
  throw new AppError('DAEMON_FAILED', {
    daemon: name,
    reason: complaint.trim() || `exit code ${code}`,
  });
}

interface Waiting {
  readonly child: ChildProcess;
  readonly start: DaemonStart;
  readonly log: WriteStream;
  readonly last: string[];
  readonly ended: Promise<string>;
}

async function readyUrl({ child, start, log, last, ended }: Waiting): Promise<string> {
  const keep = (line: string): void => {
    log.write(`${line}\n`);
    last.push(line);
    if (last.length > keptLines) last.shift();
  };
  const ready = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      keep(line);
      const url = urlOfReadyLine(line);
      if (url) resolve(url);
    });
    createInterface({ input: child.stderr! }).on('line', keep);
  });
  const timer = AbortSignal.timeout(readyTimeoutMs);
  const stopped = start.signal ? AbortSignal.any([start.signal, timer]) : timer;
  const cut = new Promise<'cut'>((resolve) => {
    stopped.addEventListener('abort', () => resolve('cut'), { once: true });
    if (stopped.aborted) resolve('cut');
  });
  const first = await Promise.race([ready.then((url) => ({ url })), ended, cut]);
  if (typeof first === 'object') return first.url;
  if (first === 'cut') {
    await stopProcess(child, ended);
    if (start.signal?.aborted) throw new AppError('CANCELLED');
    throw new AppError('TIMEOUT', { what: `The ${start.name} daemon`, timeoutMs: readyTimeoutMs });
  }
  throw new AppError('DAEMON_FAILED', { daemon: start.name, reason: lastWords(last) ?? first });
}

function urlOfReadyLine(line: string): string | undefined {
  if (!line.includes('"msg":"ready"')) return undefined;
  try {
    const entry = JSON.parse(line) as { msg?: unknown; url?: unknown };
    return entry.msg === 'ready' && typeof entry.url === 'string' ? entry.url : undefined;
  } catch {
    return undefined; // a line of text that only looks like the ready line
  }
}

/** The last line a daemon wrote for people (standard error is plain text, the log is JSON). */
function lastWords(lines: readonly string[]): string | undefined {
  const plain = lines.filter((line) => line && !line.startsWith('{'));
  return plain.at(-1) ?? lines.at(-1);
}

function endOf(child: ChildProcess, log: WriteStream): Promise<string> {
  return new Promise((resolve) => {
    const end = (how: string): void => {
      log.end();
      resolve(how);
    };
    child.once('error', (error) => end(error.message));
    child.once('close', (code, signal) => end(signal ? `ended by ${signal}` : `exit code ${code}`));
  });
}

async function stopProcess(child: ChildProcess, ended: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await ended;
  clearTimeout(timer);
}
