/** Runs the command line inside a test: captured streams, a home folder of its own, no environment. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Host, runCli } from '../run-cli.ts';
import { cliVersion } from '../version.ts';

/** Everything a run left behind. */
export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a test may choose. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly stdin?: string;
  /** Pretend that the streams are a terminal. */
  readonly isTty?: boolean;
  readonly onStdout?: (text: string) => void;
}

/** A folder for one test file and a function that runs commands in it. */
export interface TestHome {
  readonly dir: string;
  run(words: readonly string[], options?: RunOptions): Promise<RunResult>;
  remove(): void;
}

/** A home folder in the system's temporary folder. */
export function createTestHome(): TestHome {
  const dir = mkdtempSync(join(tmpdir(), 'aitbc-cli-'));
  return {
    dir,
    run: (words, options = {}) => runWords(words, { HOME: dir, ...options.env }, options),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

async function runWords(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  options: RunOptions,
): Promise<RunResult> {
  const { host, written } = createTestHost(argv, env, options);
  const exitCode = await runCli(host);
  return { exitCode, ...written };
}

/** A process for one run, and what it has written so far. */
export function createTestHost(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  { signal, stdin = '', isTty = false, onStdout }: RunOptions = {},
): { host: Host; written: { stdout: string; stderr: string } } {
  const written = { stdout: '', stderr: '' };
  const streamOf = (name: 'stdout' | 'stderr', onText?: (text: string) => void) => ({
    isTTY: isTty,
    columns: 100,
    write(text: string) {
      written[name] += text;
      onText?.(text);
    },
  });
  const host: Host = {
    argv,
    env,
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: streamOf('stdout', onStdout),
    stderr: streamOf('stderr'),
    signal: signal ?? new AbortController().signal,
    version: cliVersion,
  };
  return { host, written };
}
