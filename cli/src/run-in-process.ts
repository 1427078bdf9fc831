/** Joins the command line to the real process: streams, Ctrl-C, closed pipes. */
import { type Host, runCli } from './run-cli.ts';

const interruptedExitCode = 130;

/**
 * Runs the command of this process and answers its exit code. The first Ctrl-C aborts the command, which
 * ends what it began; the second ends the process.
 */
export async function runInProcess(version: string): Promise<number> {
  const ending = new AbortController();
  const interrupt = () => {
    if (ending.signal.aborted) process.exit(interruptedExitCode);
    ending.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const pipe = watchPipe(process.stdout, ending);
  const host: Host = {
    argv: process.argv.slice(2),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: ending.signal,
    version,
  };
  const exitCode = await runCli(host);
  return pipe.isBroken() ? 0 : exitCode;
}

/** A reader that has seen enough (`| head`) ends the command in silence. */
function watchPipe(stream: NodeJS.WriteStream, ending: AbortController) {
  let isBroken = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    isBroken = true;
    process.stderr.write = () => true;
    ending.abort();
  });
  return { isBroken: () => isBroken };
}
