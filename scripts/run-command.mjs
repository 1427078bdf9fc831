/**
 * Running other programs: quietly with the end of their output kept (steps of the set-up and of the
 * check), or in the foreground with signals passed on (the devnet, the tests).
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's top folder. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Output kept of a quiet program: enough for some hundred lines, whatever the program prints. */
const KEPT_CHARS = 65_536;
const PARENT_CHECK_MS = 500;
const WINDOWS = process.platform === 'win32';

/** Path of a tool that `npm ci` installed, for example `tool('tsc')`. */
export function tool(name, root = ROOT) {
  return join(root, 'node_modules', '.bin', WINDOWS ? `${name}.cmd` : name);
}

/**
 * Runs a program without a terminal and answers `{ code, output }`. `output` is the end of stdout and
 * stderr together; a program that cannot be started answers code 127 and the reason.
 */
export function runQuietly(command, args, { cwd = ROOT, env = process.env } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: WINDOWS,
    });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-KEPT_CHARS);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.once('error', (error) => resolve({ code: 127, output: `${command}: ${error.message}` }));
    child.once('close', (code, signal) => resolve({ code: exitCode(code, signal), output }));
  });
}

/**
 * Starts a program on this terminal and answers `{ stop, ended }`: `stop(signal)` passes a signal on,
 * `ended` is its exit code.
 */
export function startInForeground(command, args, { cwd = ROOT, env = process.env } = {}) {
  const child = spawn(command, args, { cwd, env, stdio: 'inherit', shell: WINDOWS });
  const ended = new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`);
      resolve(127);
    });
    child.once('exit', (code, signal) => resolve(exitCode(code, signal)));
  });
  return { stop: (signal) => child.kill(signal), ended };
}

/**
 * Passes SIGINT and SIGTERM on to programs in the foreground until the returned function is called.
 * Ctrl-C on a terminal already reaches the whole process group: passing it on again would look to
 * the program like a second, impatient Ctrl-C, so there SIGINT is only waited for.
 */
export function forwardSignals(programs) {
  const interrupt = () => {
    if (!process.stdin.isTTY) for (const program of programs) program.stop('SIGINT');
  };
  const terminate = () => {
    for (const program of programs) program.stop('SIGTERM');
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', terminate);
  const stopWatching = watchNpm(terminate);
  return () => {
    stopWatching();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', terminate);
  };
}

/**
 * npm gives a SIGTERM to the shell between it and us, and most shells die of it without a word to
 * us: started by npm, the loss of the parent is that signal.
 */
function watchNpm(onLost) {
  if (process.env.npm_lifecycle_event === undefined || WINDOWS) return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onLost();
  }, PARENT_CHECK_MS);
  return () => clearInterval(timer);
}

/** Runs one program in the foreground, passes signals on, answers its exit code. */
export async function runInForeground(command, args, options = {}) {
  const program = startInForeground(command, args, options);
  const release = forwardSignals([program]);
  try {
    return await program.ended;
  } finally {
    release();
  }
}

/** The last `count` lines of a text that are not empty at its end. */
export function lastLines(text, count) {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

function exitCode(code, signal) {
  return code ?? 128 + (constants.signals[signal] ?? 0);
}
