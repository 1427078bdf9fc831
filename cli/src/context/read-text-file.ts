/** Files that the user names. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AppError } from '@aitbc/protocol/errors';

const sentences: Readonly<Record<string, string>> = {
  ENOENT: 'it does not exist',
  EACCES: 'you have no permission',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
};

/** Why a call of the file system failed, in words. */
export function fileFault(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return sentences[code] ?? message;
}

/** The text of a file. `what` begins the sentence of the CLI_USAGE it throws, such as `The file`. */
export function readTextFile(file: string, what = 'The file'): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const reason = `${what} ${file} cannot be read: ${fileFault(error)}.`;
    throw new AppError('CLI_USAGE', { reason }, { cause: error });
  }
}

/** Throws CLI_USAGE when a file could not be written there. To be asked before anything is paid. */
export function assertWritable(file: string): void {
  const folder = dirname(resolve(file));
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const reason = `Nothing can be written to the folder ${folder}: ${fileFault(error)}.`;
    throw new AppError('CLI_USAGE', { reason }, { cause: error });
  }
}
