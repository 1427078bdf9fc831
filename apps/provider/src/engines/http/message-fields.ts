/**
 * Fields of one message of a stream, read by hand: a schema costs every token more than the JSON itself. What is left
 * out or null is empty; anything else of a wrong type throws LineError with its place.
 */
import { LineError } from './line-reader.ts';

type Fields = Readonly<Record<string, unknown>>;

const none: Fields = Object.freeze({});

/** The fields of an object. */
export function fieldsOf(value: unknown, at: string): Fields {
  if (value === undefined || value === null) return none;
  return typeof value === 'object' ? (value as Fields) : misfit(at);
}

/** The entries of a list; undefined when there is none. */
export function listOf(value: unknown, at: string): readonly unknown[] | undefined {
  if (value === undefined || value === null) return undefined;
  return Array.isArray(value) ? value : misfit(at);
}

/** A text; undefined when there is none. */
export function textOf(value: unknown, at: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : misfit(at);
}

/** A number of tokens, which must be there. */
export function countOf(value: unknown, at: string): number {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : misfit(at);
}

function misfit(at: string): never {
  throw new LineError(`a message has a wrong shape at ${at}`);
}
