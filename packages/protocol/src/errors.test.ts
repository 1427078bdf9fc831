import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  AppError,
  accept,
  asAppError,
  type ErrorCode,
  errorBodyOf,
  errorFromBody,
  errorTable,
  isErrorCode,
  refuse,
  unwrap,
} from './errors.ts';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const documented = new Map(
  [
    ...page.matchAll(/^\| `([A-Z0-9_]+)` \| (\d+) \| (-\d+) \| (\d+) \| (yes|no) \| (.*) \|$/gm),
  ].map(([, code, http, rpc, exit, retry, message]) => [code, { http, rpc, exit, retry, message }]),
);

describe('the error table', () => {
  it('and docs/errors.md list the same codes with the same values', () => {
    for (const row of Object.values(errorTable)) {
      expect(documented.get(row.code), `${row.code} in docs/errors.md`).toEqual({
        http: String(row.httpStatus),
        rpc: String(row.rpcNumber),
        exit: String(row.exitCode),
        retry: row.retryable ? 'yes' : 'no',
        message: row.message,
      });
    }
    for (const code of documented.keys())
      expect(isErrorCode(code), `${code} in the table`).toBe(true);
  });

  it('spells every code DOMAIN_REASON or one word, and every message as a sentence', () => {
    for (const row of Object.values(errorTable)) {
      expect(row.code).toMatch(/^[A-Z]+(?:_[A-Z]+)*$/);
      expect(row.message, row.code).toMatch(/[.?}]$/);
    }
  });
});

describe('an AppError', () => {
  it('fills its facts into the message and survives the wire', () => {
    const error = new AppError('TX_NONCE_TOO_LOW', { got: 3, expected: 5, from: 'ait1x' });
    expect(error.message).toBe('Nonce 3 of ait1x was used already; the next is 5.');
    const body = JSON.parse(JSON.stringify(errorBodyOf(error)));
    const rebuilt = errorFromBody(body);
    expect(rebuilt.code).toBe('TX_NONCE_TOO_LOW');
    expect(rebuilt.message).toBe(error.message);
  });

  it('turns amounts into decimal strings on the wire', () => {
    const body = errorBodyOf(new AppError('TX_FEE_TOO_LOW', { got: 1n, expected: 10n }));
    expect(body.facts).toEqual({ got: '1', expected: '10' });
  });

  it('hides the text of an unknown error, which may hold secrets', () => {
    const body = errorBodyOf(new Error('password is hunter2'));
    expect(body.code).toBe('INTERNAL');
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  it('recognises an abort and a foreign error with a known code', () => {
    expect(asAppError(new DOMException('x', 'AbortError')).code).toBe('CANCELLED');
    expect(asAppError(Object.assign(new Error('x'), { code: 'QUEUE_FULL' })).code).toBe(
      'QUEUE_FULL',
    );
    expect(asAppError(undefined).code).toBe('INTERNAL');
    expect(errorFromBody({ message: 'gateway down' }).facts.reason).toBe('gateway down');
  });

  it('is what a refusal becomes at an edge', () => {
    expect(unwrap(accept(7))).toBe(7);
    const code: ErrorCode = 'CHANNEL_UNKNOWN';
    expect(() => unwrap(refuse(code, { channelId: 'x' }))).toThrowError(/no channel x/);
  });
});
