import { AppError, limits, rpcMethod } from '@aitbc/protocol';
import { createLog } from '@aitbc/service';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createDispatch } from './json-rpc.ts';

const table = {
  add: rpcMethod({
    summary: 'Adds.',
    input: z.strictObject({ a: z.int(), b: z.int().default(1) }),
    output: z.int(),
  }),
  fail: rpcMethod({ summary: 'Fails.', input: z.strictObject({}), output: z.int() }),
  lie: rpcMethod({ summary: 'Answers nonsense.', input: z.strictObject({}), output: z.int() }),
} as const;

const calls: unknown[] = [];
const dispatch = createDispatch({
  table,
  handlers: {
    add: ({ a, b }) => {
      calls.push([a, b]);
      return a + b;
    },
    fail: () => {
      throw new AppError('TX_FUNDS_INSUFFICIENT', { account: 'x', available: 1n, needed: 2n });
    },
    lie: () => 'text' as unknown as number,
  },
  log: createLog({ name: 'test', level: 'silent' }),
  checkOutputs: true,
});
const ask = (value: unknown) => dispatch(value, undefined);
const request = (method: string, params: unknown, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});
const errorOf = async (value: unknown) => {
  const answer = await ask(value);
  return Array.isArray(answer) ? undefined : answer?.error;
};

describe('JSON-RPC', () => {
  it('answers with the id it was given, text, number or null', async () => {
    expect(await ask(request('add', { a: 1 }, 'x'))).toEqual({
      jsonrpc: '2.0',
      id: 'x',
      result: 2,
    });
    expect(await ask(request('add', { a: 1, b: 5 }, 0))).toMatchObject({ id: 0, result: 6 });
    expect(await ask(request('add', { a: 1 }, null))).toMatchObject({ id: null, result: 2 });
  });

  it('runs a notification and stays silent, also when it fails', async () => {
    calls.length = 0;
    expect(await ask({ jsonrpc: '2.0', method: 'add', params: { a: 4 } })).toBeUndefined();
    expect(calls).toEqual([[4, 1]]);
    expect(await ask({ jsonrpc: '2.0', method: 'fail' })).toBeUndefined();
    expect(await ask([{ jsonrpc: '2.0', method: 'nowhere' }])).toBeUndefined();
  });

  it.each([
    ['a number', 5],
    ['null', null],
    ['no version', { id: 1, method: 'add' }],
    ['another version', { ...request('add', {}), jsonrpc: '1.0' }],
    ['no method', { jsonrpc: '2.0', id: 1 }],
    ['an object as id', request('add', { a: 1 }, {})],
    ['an empty batch', []],
    [
      'a batch above the limit',
      Array.from({ length: limits.rpcBatch + 1 }, () => request('add', { a: 1 })),
    ],
  ])('refuses %s as invalid request', async (_, value) => {
    expect(await errorOf(value)).toMatchObject({ code: -32600, data: { code: 'BAD_REQUEST' } });
  });

  it('has the standard number for an unknown method', async () => {
    expect(await errorOf(request('nowhere', {}))).toMatchObject({
      code: -32601,
      data: { code: 'NOT_FOUND', facts: { what: 'method nowhere' } },
    });
    expect(await errorOf(request('toString', {}))).toMatchObject({ code: -32601 });
  });

  it.each([
    ['a wrong type', { a: 'x' }, /^The request is not valid: a: /],
    ['an unknown name', { a: 1, c: 2 }, /c/],
    ['a missing name', {}, /a: /],
    ['a list', [1], /object with names/],
    ['null', null, /./],
  ])('names the fault of params with %s', async (_, params, message) => {
    const error = await errorOf(request('add', params));
    expect(error).toMatchObject({ code: -32602, data: { code: 'BAD_REQUEST' } });
    expect(error?.message).toMatch(message);
  });

  it('carries a refusal with number, message and facts, amounts as decimal strings', async () => {
    expect(await errorOf(request('fail', {}))).toEqual({
      code: -33402,
      message: 'x has 1 nait; 2 are needed.',
      data: { code: 'TX_FUNDS_INSUFFICIENT', facts: { account: 'x', available: '1', needed: '2' } },
    });
  });

  it('shows an unexpected failure as INTERNAL without its text', async () => {
    const error = await errorOf(request('lie', {}));
    expect(error).toMatchObject({ code: -32603, data: { code: 'INTERNAL' } });
    expect(JSON.stringify(error)).not.toContain('text');
  });

  it('keeps the order of a batch and leaves notifications out', async () => {
    const answers = await ask([
      request('add', { a: 1 }, 'first'),
      { jsonrpc: '2.0', method: 'add', params: { a: 1 } },
      7,
      request('fail', {}, 'last'),
    ]);
    expect((answers as { id: unknown }[]).map(({ id }) => id)).toEqual(['first', null, 'last']);
  });
});
