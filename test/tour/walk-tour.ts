/**
 * Takes the tour: every command runs in this process against one devnet, but for those that start daemons of their
 * own or hand their streams on; they are the real program.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { outputs, zErrorOutput } from '@aitbc/cli/output';
import { commandPathOf, runCli } from '@aitbc/cli/run';
import { until } from '../harness.ts';
import { expand, type RunStep, type Step, valueAt } from './read-tour.ts';

const program = fileURLToPath(new URL('../../cli/bin/aitbc.mjs', import.meta.url));
const interruptedExitCode = 130;
/** Commands that inherit streams, or whose daemon outlives a call: the real program, not this process. */
const realPrograms = ['up', 'ai serve', 'node run', 'gateway mcp'];

/** What went wrong, and which commands were run. */
export interface Walk {
  readonly faults: string[];
  readonly commands: Set<string>;
  /** The ten steps that took longest. */
  readonly slowest: string[];
}

/** How the tour is taken. */
export interface WalkOptions {
  readonly json: boolean;
  /** Folder of the user and of all files of the tour. */
  readonly dir: string;
  /** Values that are taken instead of those of the page. */
  readonly values: Readonly<Record<string, string>>;
}

interface Said {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Takes all steps; a step that fails does not end the tour. */
export async function walkTour(
  steps: readonly Step[],
  { json, dir, values }: WalkOptions,
): Promise<Walk> {
  const variables = new Map<string, string>();
  const walk: Walk = { faults: [], commands: new Set(), slowest: [] };
  const times: [number, string][] = [];
  const open: OpenStep[] = [];
  const place = { json, dir, variables, open, walk };
  for (const step of steps) {
    const begunMs = performance.now();
    try {
      if (step.kind === 'set') variables.set(step.name, values[step.name] ?? step.value);
      else if (step.kind === 'write') writeFileSync(resolve(dir, step.file), `${step.text}\n`);
      else if (step.kind === 'stop') await stopLatest(open);
      else await runStep(step, place);
    } catch (error) {
      const line = step.kind === 'run' ? step.line : JSON.stringify(step);
      walk.faults.push(`${json ? '--json ' : ''}${line}\n  ${(error as Error).message}`);
    }
    if (step.kind === 'run') times.push([performance.now() - begunMs, step.line]);
  }
  for (const { terminal } of open) await terminal.stop();
  times.sort(([left], [right]) => right - left);
  walk.slowest.push(...times.slice(0, 10).map(([ms, line]) => `${Math.round(ms)} ms  ${line}`));
  return walk;
}

interface Place {
  readonly json: boolean;
  readonly dir: string;
  readonly variables: Map<string, string>;
  readonly open: OpenStep[];
  readonly walk: Walk;
}

/** A terminal that goes on while the tour does. */
interface OpenStep {
  readonly step: RunStep;
  readonly path: string;
  readonly isJson: boolean;
  readonly terminal: Terminal;
}

async function stopLatest(open: OpenStep[], isEnding = false): Promise<void> {
  const latest = open.pop();
  if (!latest) throw new Error('nothing is open');
  if (!realPrograms.includes(latest.path)) await latest.terminal.ready(latest.path);
  check(latest.step, { ...latest, said: await latest.terminal.stop(isEnding) });
}

async function runStep(step: RunStep, place: Place): Promise<void> {
  const { json, dir, variables, open, walk } = place;
  const isJson = json || step.takes !== undefined;
  const words = step.words.map((word) => expand(word, variables, dir));
  const path = commandPathOf(words);
  walk.commands.add(`${path}${isJson ? ' --json' : ''}`);
  const argv = [...words, ...(isJson && !words.includes('--json') ? ['--json'] : [])];
  const isReal = realPrograms.includes(path);
  if (step.until !== 'itself') {
    const terminal = isReal ? openProgram(argv, dir) : openInside(argv, dir);
    open.push({ step, path, isJson, terminal });
    if (step.until === 'first output') {
      await terminal.ready('');
      await stopLatest(open);
    } else if (isReal) await terminal.ready(path);
    return;
  }
  const said = isReal
    ? await runProgram(argv, dir, step.stdin)
    : await runInside(argv, dir, step.stdin);
  check(step, { path, isJson, said });
  if (step.takes) variables.set(step.takes.name, valueAt(JSON.parse(said.stdout), step.takes.path));
  if (path === 'down') await stopLatest(open, true);
}

function check(
  step: RunStep,
  { path, isJson, said }: { path: string; isJson: boolean; said: Said },
): void {
  const { exitCode, stdout, stderr } = said;
  const wanted = step.until === 'itself' ? [step.exitCode] : [0, interruptedExitCode];
  if (exitCode === null || !wanted.includes(exitCode)) {
    throw new Error(`exit code ${exitCode}: ${stderr}${stdout}`.slice(0, 1_000));
  }
  if (!isJson) {
    if (stdout + stderr === '') throw new Error('it says nothing');
    return;
  }
  const values = valuesIn(stdout);
  if (values.length === 0) throw new Error('there is no JSON');
  for (const value of values) holdAgainstSchema(path, value);
}

/** One JSON value, or one a line. */
function valuesIn(stdout: string): unknown[] {
  try {
    return [JSON.parse(stdout)];
  } catch {
    const lines = stdout
      .split('\n')
      .slice(0, -1)
      .filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as unknown);
  }
}

/** What the schema does not name must not be there either. */
function holdAgainstSchema(path: string, value: unknown): void {
  const isError = typeof value === 'object' && value !== null && 'error' in value;
  const own = outputs[path];
  if (!own) throw new Error(`there is no schema of ${path}`);
  const asOutput = own.safeParse(value);
  const read = !asOutput.success && isError ? zErrorOutput.safeParse(value) : asOutput;
  if (!read.success) throw new Error(`against its schema: ${read.error.message}`);
  const extra = unnamed(value, read.data, '');
  if (extra.length > 0) throw new Error(`not in its schema: ${extra.join(', ')}`);
}

function unnamed(given: unknown, read: unknown, at: string): string[] {
  if (typeof given !== 'object' || given === null) return [];
  const known = read as Readonly<Record<string, unknown>>;
  return Object.entries(given).flatMap(([key, value]) =>
    key in known ? unnamed(value, known[key], `${at}.${key}`) : [`${at}.${key}`],
  );
}

/** A command that stays until it is stopped. */
interface Terminal {
  /** Resolves when it has said something; with the path of a command that starts daemons, when they answer. */
  ready(path: string): Promise<void>;
  /** Presses Ctrl-C, unless it ends already, and waits for the end. */
  stop(isEnding?: boolean): Promise<Said>;
}

function envOf(dir: string): Record<string, string> {
  return { HOME: dir, PATH: process.env.PATH ?? '' };
}

function hostOf(argv: readonly string[], dir: string, stdin = '') {
  const said = { exitCode: null as number | null, stdout: '', stderr: '' };
  const ending = new AbortController();
  const streamOf = (name: 'stdout' | 'stderr') => ({
    isTTY: false,
    columns: 120,
    write(text: string) {
      said[name] += text;
    },
  });
  const host = {
    ...{ argv, env: envOf(dir), signal: ending.signal, version: '0.1.0' },
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout: streamOf('stdout'),
    stderr: streamOf('stderr'),
  };
  return { host, said, ending };
}

async function runInside(argv: readonly string[], dir: string, stdin: string): Promise<Said> {
  const { host, said } = hostOf(argv, dir, stdin);
  return { ...said, exitCode: await runCli(host), stdout: said.stdout, stderr: said.stderr };
}

function openInside(argv: readonly string[], dir: string): Terminal {
  const { host, said, ending } = hostOf(argv, dir);
  const end = runCli(host).then((exitCode) => {
    said.exitCode = exitCode;
  });
  return {
    ready: () => saysSomething(said, argv),
    async stop() {
      ending.abort();
      await end;
      return said;
    },
  };
}

async function saysSomething(said: Said, argv: readonly string[]): Promise<void> {
  await until(
    `${argv.join(' ')} says something`,
    async () => {
      return said.stdout.includes('\n') || (said.exitCode !== null && 'ended');
    },
    60_000,
  );
}

/** What tells that daemons are up. */
function asksOf(path: string, argv: readonly string[]): readonly string[] | undefined {
  const at = argv.indexOf('--data-dir');
  if (path === 'ai serve') return ['ai', 'drain', '--back', ...argv.slice(at, at + 2)];
  if (path === 'up') return ['ai', 'drain', '--back'];
  return path === 'node run' ? ['node', 'status', argv[2] ?? ''] : undefined;
}

function startProgram(argv: readonly string[], dir: string): { child: ChildProcess; said: Said } {
  const child = spawn(process.execPath, [program, ...argv], { cwd: dir, env: envOf(dir) });
  const said = { exitCode: null as number | null, stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
  });
  child.once('close', (code) => {
    said.exitCode = code ?? -1;
  });
  return { child, said };
}

async function runProgram(argv: readonly string[], dir: string, stdin: string): Promise<Said> {
  const { child, said } = startProgram(argv, dir);
  child.stdin?.end(`${stdin}\n`);
  await until(`${argv.join(' ')} ends`, async () => said.exitCode !== null, 60_000);
  return said;
}

function openProgram(argv: readonly string[], dir: string): Terminal {
  const { child, said } = startProgram(argv, dir);
  return {
    async ready(path) {
      await saysSomething(said, argv);
      const asks = asksOf(path, argv);
      if (!asks) return;
      await until(
        `${path} answers`,
        async () => {
          if (said.exitCode !== null) throw new Error(`it ended: ${said.stderr}${said.stdout}`);
          return (await runInside(asks, dir, '')).exitCode === 0;
        },
        120_000,
      );
    },
    async stop(isEnding = false) {
      if (said.exitCode === null && !isEnding) child.kill('SIGINT');
      await until(`${argv.join(' ')} ends`, async () => said.exitCode !== null, 60_000);
      return said;
    },
  };
}
