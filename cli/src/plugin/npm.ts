/** npm, for packages of plugins. Scripts of packages never run: an install must not be able to do anything. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { AppError } from '@aitbc/protocol/errors';

const timeoutMs = 300_000;
const outputMaxChars = 20_000;

/** Where and for whom npm works. */
export interface NpmPlace {
  /** Folder whose node_modules is changed; made when it is missing. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Installs a folder, an archive or a package of the registry. Throws PLUGIN_BROKEN with npm's own words. */
export async function npmInstall(what: string, place: NpmPlace): Promise<void> {
  await runNpm(['install', ...quiet, '--', what], what, place);
}

/** Removes a package. */
export async function npmUninstall(name: string, place: NpmPlace): Promise<void> {
  await runNpm(['uninstall', ...quiet, '--', name], name, place);
}

const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--no-progress'];

async function runNpm(args: readonly string[], what: string, place: NpmPlace): Promise<void> {
  const { dir, env, signal } = place;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const child = spawn('npm', ['--prefix', dir, ...args], {
    cwd: dir,
    env: env as NodeJS.ProcessEnv,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: timeoutMs,
    signal,
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, outputMaxChars);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve);
    child.once('error', reject);
  }).catch((error: NodeJS.ErrnoException) => {
    if (signal.aborted) throw new AppError('CANCELLED', {}, { cause: error });
    said = error.code === 'ENOENT' ? 'npm is not installed' : error.message;
    return null;
  });
  if (code !== 0) throw new AppError('PLUGIN_BROKEN', { plugin: what, reason: reasonIn(said) });
}

/** The line of npm that tells most. */
function reasonIn(said: string): string {
  const lines = said
    .split('\n')
    .map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim())
    .filter((line) => line !== '' && !/^(code|path|errno|syscall|A complete log)/.test(line));
  return lines[0] ?? 'npm failed without a word';
}
