/** What is to be said: words of the command line, or a file. */
import { readFileSync } from 'node:fs';
import { utf8 } from '@aitbc/primitives';
import { AppError } from '@aitbc/protocol';
import { fileFault } from '../context/read-text-file.ts';

/** Options of commands that say something. */
export const bodyOptions = {
  file: { flags: '-f, --file <path>', help: 'say what is in this file' },
  type: { flags: '--type <type>', help: 'content type', default: 'text/plain' },
} as const;

/** What is said. Throws CLI_USAGE without a text, or with two. */
export function bodyOf(
  words: readonly string[],
  { file, type }: { readonly file: string | undefined; readonly type: string },
): { contentType: string; payload: Uint8Array } {
  const text = words.join(' ');
  if ((text === '') === (file === undefined)) {
    throw new AppError('CLI_USAGE', { reason: 'Give a text, or a file with --file.' });
  }
  return { contentType: type, payload: file === undefined ? utf8(text) : bytesIn(file) };
}

function bytesIn(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const reason = `The file ${file} cannot be read: ${fileFault(error)}.`;
    throw new AppError('CLI_USAGE', { reason }, { cause: error });
  }
}
