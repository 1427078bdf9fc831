/**
 * Where the trading commands keep what outlives them: `<home>/trading`. Documents are JSON, written beside and moved
 * into place, so a crash leaves the old one or the new one. Amounts are decimal strings there.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AppError } from '@aitbc/protocol';
import type { Context } from '../context/context.ts';

/** Folder of recorded events, trained parameters and runs. */
export function tradingDir({ home }: Pick<Context, 'home'>, ...parts: string[]): string {
  return join(home, 'trading', ...parts);
}

/** A strategy and a model as a name of a file. */
export function fileNameOf(strategy: string, model: string): string {
  return `${strategy}--${model.replace(/[^a-zA-Z0-9._-]/g, '_')}.json`;
}

/** Writes a document; folders are made. */
export function writeDocument(file: string, document: unknown): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const beside = `${file}.new`;
  const plain = (_key: string, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value;
  writeFileSync(beside, `${JSON.stringify(document, plain, 2)}\n`, { mode: 0o600 });
  renameSync(beside, file);
}

/** A document, undefined when there is none. Throws STORE_CORRUPT for one that is no JSON. */
export function readDocument(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError('STORE_CORRUPT', { what: file, reason: 'it is no JSON' }, { cause: error });
  }
}

/** Names of the documents in a folder, sorted. */
export function documentsIn(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((name) => name.endsWith('.json'))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Amounts by name from a document. */
export function bigintsOf(texts: Readonly<Record<string, string>>): Record<string, bigint> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, BigInt(text)]));
}
