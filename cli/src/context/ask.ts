/** Questions to a person. They appear on standard error, and only where a person sits at a terminal. */
import type { Readable, Writable } from 'node:stream';
import { AppError } from '@aitbc/protocol';
import { readTextFile } from './read-text-file.ts';

/** Asks. */
export interface Ask {
  /** False without a terminal and with `--json`: nobody would answer. */
  readonly isPossible: boolean;
  /** Throws CANCELLED when the person leaves the question. */
  password(message: string): Promise<string>;
  confirm(message: string): Promise<boolean>;
}

/** What `createAsk` talks through. */
export interface AskOptions {
  readonly isPossible: boolean;
  readonly input: Readable;
  readonly output: Writable;
  readonly signal: AbortSignal;
}

/** Questions through clack, which is loaded when one is asked. */
export function createAsk({ isPossible, ...streams }: AskOptions): Ask {
  return {
    isPossible,
    async password(message) {
      const { password } = await import('@clack/prompts');
      return answerOf<string>(await password({ message, ...streams }));
    },
    async confirm(message) {
      const { confirm } = await import('@clack/prompts');
      return answerOf<boolean>(await confirm({ message, ...streams }));
    },
  };
}

function answerOf<T>(answer: T | symbol): T {
  if (typeof answer === 'symbol') throw new AppError('CANCELLED');
  return answer;
}

/** Where a password may come from. */
export interface PasswordSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ask: Ask;
  /** `--password-file` */
  readonly file: string | undefined;
  readonly message: string;
  /** Ask twice: for a new password. */
  readonly isNew?: boolean;
}

/** File, then AITBC_WALLET_PASSWORD, then a question. Throws CLI_USAGE when there is none. */
export async function readPassword(sources: PasswordSources): Promise<string> {
  const { env, ask, file, message, isNew = false } = sources;
  if (file !== undefined) {
    return readTextFile(file, 'The password file').replace(/\r?\n$/, '');
  }
  if (env.AITBC_WALLET_PASSWORD) return env.AITBC_WALLET_PASSWORD;
  if (!ask.isPossible) {
    const reason =
      'A password is needed. Set AITBC_WALLET_PASSWORD, give --password-file <path>, or run this in a terminal.';
    throw new AppError('CLI_USAGE', { reason });
  }
  const password = await ask.password(message);
  if (isNew && (await ask.password('Once more')) !== password) {
    throw new AppError('CLI_USAGE', { reason: 'The two passwords differ. Nothing was changed.' });
  }
  return password;
}
