/** Questions to a person. They appear on standard error, and only where a person sits at a terminal. */
import type { Readable, Writable } from 'node:stream';
import { AppError } from '@aitbc/protocol/errors';
import { readTextFile } from './read-text-file.ts';

/** Asks. */
export interface Ask {
  /** False without a terminal and with `--json`: nobody would answer. */
  readonly isPossible: boolean;
  /** Throws CANCELLED when the person leaves the question. */
  password(message: string): Promise<string>;
  confirm(message: string): Promise<boolean>;
  /** A line of text that begins as `initial`; asked again while `check` names a fault. */
  text(message: string, options: TextQuestion): Promise<string>;
  /** One of several; the first stands under the cursor. */
  choose<T extends string>(message: string, choices: readonly Choice<T>[]): Promise<T>;
}

/** One answer of several. */
export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
  readonly hint?: string;
}

/** How a line of text is asked for. */
export interface TextQuestion {
  readonly initial: string;
  readonly check: (text: string) => string | undefined;
}

/** What `createAsk` talks through. */
export interface AskOptions {
  readonly isPossible: boolean;
  readonly input: Readable;
  readonly output: Writable;
  readonly signal: AbortSignal;
}

/** Questions through clack, which is loaded when one is asked. */
export function createAsk({ isPossible, signal, ...streams }: AskOptions): Ask {
  return {
    isPossible,
    async password(message) {
      const { password } = await import('@clack/prompts');
      return during(signal, (asking) => password({ message, ...streams, signal: asking }));
    },
    async confirm(message) {
      const { confirm } = await import('@clack/prompts');
      return during(signal, (asking) => confirm({ message, ...streams, signal: asking }));
    },
    async text(message, { initial, check }) {
      const { text } = await import('@clack/prompts');
      const validate = (given: string | undefined) => check(given ?? '');
      return during(signal, (asking) =>
        text({ message, initialValue: initial, validate, ...streams, signal: asking }),
      );
    },
    async choose(message, choices) {
      const { select } = await import('@clack/prompts');
      const options = choices.map((choice) => ({ ...choice }));
      const picked = await during(signal, (asking) =>
        select<string>({ message, options, ...streams, signal: asking }),
      );
      return picked as (typeof choices)[number]['value'];
    },
  };
}

/** A question with a signal of its own: clack ends a line at every abort it hears, also long after the answer. */
async function during<T>(
  signal: AbortSignal,
  ask: (asking: AbortSignal) => Promise<T>,
): Promise<Exclude<T, symbol>> {
  const asking = new AbortController();
  const onAbort = () => asking.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return answerOf(await ask(asking.signal));
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function answerOf<T>(answer: T): Exclude<T, symbol> {
  if (typeof answer === 'symbol') throw new AppError('CANCELLED');
  return answer as Exclude<T, symbol>;
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
  /** The option that names the file, where the environment is not asked. Default: --password-file, and it is. */
  readonly fileOption?: string;
}

/** File, then AITBC_WALLET_PASSWORD, then a question. Throws CLI_USAGE when there is none. */
export async function readPassword(sources: PasswordSources): Promise<string> {
  const { env, ask, file, message, isNew = false, fileOption } = sources;
  if (file !== undefined) {
    return readTextFile(file, 'The password file').replace(/\r?\n$/, '');
  }
  const known = fileOption === undefined ? env.AITBC_WALLET_PASSWORD : undefined;
  if (known) return known;
  if (!ask.isPossible) {
    const reason =
      fileOption === undefined
        ? 'A password is needed. Set AITBC_WALLET_PASSWORD, give --password-file <path>, or run this in a terminal.'
        : `A new password is needed. Give ${fileOption} <path>, or run this in a terminal.`;
    throw new AppError('CLI_USAGE', { reason });
  }
  const password = await ask.password(message);
  if (isNew && (await ask.password('Once more')) !== password) {
    throw new AppError('CLI_USAGE', { reason: 'The two passwords differ. Nothing was changed.' });
  }
  return password;
}
