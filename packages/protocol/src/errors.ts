/**
 * Every error that crosses a border, in one table.
 *
 * A code is `DOMAIN_REASON` and never changes its meaning. Each row says how the error looks on every
 * surface: HTTP status, JSON-RPC number, exit code of the CLI, and whether the same call may succeed
 * later without a change. `message` says what happened, with which values (`{fact}` is replaced), and
 * what to do next. docs/errors.md lists the same rows; a test compares both ways.
 *
 * Three kinds of trouble are kept apart: an expected refusal is a value `Refusal` (chain and market
 * return it), an operational failure throws `AppError`, a bug is an assert and ends the process.
 */

import { rows } from './error-rows/all.ts';

/** A code of the error table. */
export type ErrorCode = keyof typeof rows;

/** Values that fill the message of an error; bigint becomes a decimal string. */
export type Facts = Readonly<Record<string, string | number | bigint | boolean | null>>;

/** How one error looks on every surface. */
export interface ErrorRow {
  readonly code: ErrorCode;
  readonly httpStatus: number;
  /** JSON-RPC error number: fixed by the position-independent rule in `rpcNumberOf`. */
  readonly rpcNumber: number;
  readonly exitCode: number;
  readonly retryable: boolean;
  readonly message: string;
}

/** JSON-RPC number of a code: -32602 and friends for the standard ones, else -33000 − HTTP status. */
function rpcNumberOf(code: ErrorCode, httpStatus: number): number {
  if (code === 'BAD_REQUEST') return -32602;
  if (code === 'INTERNAL') return -32603;
  return -33000 - httpStatus;
}

/** The table, code → row. */
export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = Object.freeze(
  Object.fromEntries(
    Object.entries(rows).map(([code, [httpStatus, exitCode, retryable, message]]) => [
      code,
      {
        code,
        httpStatus,
        rpcNumber: rpcNumberOf(code as ErrorCode, httpStatus),
        exitCode,
        retryable,
        message,
      },
    ]),
  ) as Record<ErrorCode, ErrorRow>,
);

/** True when the text is a code of the table. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(rows, text);
}

/** The message of a code with its facts filled in. */
export function messageOf(code: ErrorCode, facts: Facts): string {
  return errorTable[code].message.replace(/\{(\w+)\}/g, (hole, name: string) => {
    const value = facts[name];
    return value === undefined ? hole : String(value);
  });
}

/** An expected refusal: returned, never thrown. */
export interface Refusal {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly facts: Facts;
}

/** A verdict of the pure rules: a value, or a refusal with its code. */
export type Verdict<T> = { readonly ok: true; readonly value: T } | Refusal;

/** Builds a refusal. */
export function refuse(code: ErrorCode, facts: Facts = {}): Refusal {
  return { ok: false, code, facts };
}

/** Builds a positive verdict. */
export function accept<T>(value: T): Verdict<T> {
  return { ok: true, value };
}

/** The one error class: an operational failure, or a refusal on its way out of the process. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly facts: Facts;

  constructor(code: ErrorCode, facts: Facts = {}, options: { cause?: unknown } = {}) {
    super(messageOf(code, facts), options);
    this.code = code;
    this.facts = facts;
  }

  get row(): ErrorRow {
    return errorTable[this.code];
  }
}

/** What crosses the wire in place of an error. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly facts: Record<string, string | number | boolean | null>;
}

/** Wire form of an error; an unknown error becomes INTERNAL without its text, which may hold secrets. */
export function errorBodyOf(error: unknown): ErrorBody {
  const known = asAppError(error);
  const facts = Object.fromEntries(
    Object.entries(known.facts).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? value.toString() : value,
    ]),
  );
  return { code: known.code, message: known.message, facts };
}

/** The error itself when it carries a code of the table, else INTERNAL with the error as its cause. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const candidate = error as { code?: unknown; facts?: unknown } | null | undefined;
  if (isErrorCode(candidate?.code)) {
    return new AppError(candidate.code, (candidate.facts ?? {}) as Facts, { cause: error });
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return new AppError('CANCELLED', {}, { cause: error });
  }
  return new AppError('INTERNAL', { reason: 'unexpected error' }, { cause: error });
}

/** The value of a verdict, or the refusal thrown as AppError: for edges, not for rules. */
export function unwrap<T>(verdict: Verdict<T>): T {
  if (verdict.ok) return verdict.value;
  throw new AppError(verdict.code, verdict.facts);
}

/** The error rebuilt from its wire form. */
export function errorFromBody(body: unknown, fallback: Facts = {}): AppError {
  const candidate = body as { code?: unknown; facts?: unknown; message?: unknown } | null;
  if (isErrorCode(candidate?.code))
    return new AppError(candidate.code, (candidate.facts ?? {}) as Facts);
  return new AppError('INTERNAL', {
    reason: String(candidate?.message ?? 'unreadable answer'),
    ...fallback,
  });
}
