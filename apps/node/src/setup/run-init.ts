/** The command line of `--init DIR [--validators N]`: prints one JSON line with the files it wrote. */
import { resolve } from 'node:path';
import { AppError, asAppError } from '@aitbc/protocol';
import { createJournal } from '../storage/journal/journal.ts';
import { initDevnet } from './init-devnet.ts';

/** The part of `process` that is used. */
export interface InitHost {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  exitCode?: number | string | null | undefined;
}

const usage = 'usage: --init DIR [--validators N] [DATA_DIR of each node …]';

/**
 * Makes the files, and in each data folder the journal of a key that has never voted; on a fault it prints the
 * message and sets the exit code.
 */
export async function runInit(argv: readonly string[], host: InitHost): Promise<void> {
  try {
    const { folder, validators, dataDirs } = initArgs(argv);
    const result = initDevnet({ folder: resolve(folder), timeMs: Date.now(), validators });
    for (const dataDir of dataDirs) await createJournal({ folder: resolve(dataDir) });
    host.stdout.write(`${JSON.stringify(result)}\n`);
  } catch (error) {
    const known = asAppError(error);
    if (known.code === 'INTERNAL') throw error;
    host.stderr.write(`aitbc-node: ${known.message}\n`);
    host.exitCode = known.row.exitCode;
  }
}

function initArgs(argv: readonly string[]) {
  const [flag, folder, ...rest] = argv;
  const isMore = rest[0] === '--validators';
  const [count = '', ...after] = isMore ? rest.slice(1) : ['1', ...rest];
  const dataDirs = after.filter((text) => /^[^-]/.test(text));
  const isWhole = flag === '--init' && folder && dataDirs.length === after.length && count;
  if (!isWhole) throw new AppError('CONFIG_INVALID', { reason: usage });
  const validators = /^[1-9][0-9]{0,2}$/.test(count) ? Number(count) : 0;
  return { folder, validators, dataDirs };
}
