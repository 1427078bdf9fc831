/** Runs a tool of a maker: bounded in time and output, without a shell, never throwing. */
import { execFile } from 'node:child_process';

/** A tool that takes longer has trouble with its driver. The first call wakes a sleeping card. */
const timeoutMs = 5_000;
/** The XML of a machine with eight cards and many processes has some 300 kB. */
const outputBytesMax = 8_388_608;

/** What became of a call. */
export type ToolAnswer =
  | { readonly kind: 'text'; readonly text: string; readonly exitCode: number }
  | { readonly kind: 'absent' }
  | { readonly kind: 'hung'; readonly timeoutMs: number }
  /** It wrote more than anybody needs. */
  | { readonly kind: 'flood' };

/** Runs a program by name. */
export type RunTool = (name: string, args: readonly string[]) => Promise<ToolAnswer>;

/** Runs programs of this machine; answers are in the language of programs. */
export function createRunTool(options: { readonly timeoutMs?: number } = {}): RunTool {
  const limitMs = options.timeoutMs ?? timeoutMs;
  return (name, args) =>
    new Promise((resolve) => {
      const settings = {
        timeout: limitMs,
        maxBuffer: outputBytesMax,
        killSignal: 'SIGKILL' as const,
        windowsHide: true,
      };
      execFile(name, args, settings, (error, stdout, stderr) =>
        resolve(answerOf(error, { stdout, stderr }, limitMs)),
      );
    });
}

interface ToolError {
  readonly code?: number | string | null;
  readonly killed?: boolean;
}

function answerOf(
  error: ToolError | null,
  { stdout, stderr }: { readonly stdout: string; readonly stderr: string },
  limitMs: number,
): ToolAnswer {
  if (error === null) return { kind: 'text', text: stdout, exitCode: 0 };
  if (error.code === 'ENOENT' || error.code === 'EACCES') return { kind: 'absent' };
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return { kind: 'flood' };
  if (error.killed) return { kind: 'hung', timeoutMs: limitMs };
  const exitCode = typeof error.code === 'number' ? error.code : 1;
  // A tool may complain on either stream.
  return { kind: 'text', text: stdout.trim() === '' ? stderr : stdout, exitCode };
}
