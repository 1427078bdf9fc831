import { hex, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { limits } from '../limits.ts';
import { networkFromHash } from '../network.ts';
import { callerOf, signAccountCall } from './account-call.ts';
import { isNoticeTopic, readNotice, writeNotice } from './notice.ts';

const network = networkFromHash('test', 'ab'.repeat(32));
const other = networkFromHash('other', 'cd'.repeat(32));
const keys = keyPairFromSeed(new Uint8Array(32).fill(1));
const nowMs = 1_700_000_000_000;
const wish = { topic: 'jobs/eu', contentType: 'text/plain', payload: utf8('hello') };

describe('a notice', () => {
  it('is read as it was written, and not at another time or on another network', () => {
    const bytes = writeNotice(network, wish, { keys, nowMs });
    const read = readNotice(network, bytes, nowMs + limits.clockSkewMs);
    expect(read).toMatchObject({ ok: true, value: { ...wish, sender: hex(keys.publicKey) } });
    for (const fault of [
      readNotice(network, bytes, nowMs + limits.clockSkewMs + 1),
      readNotice(other, bytes, nowMs),
    ]) {
      expect(fault).toMatchObject({ ok: false, code: 'NOTICE_INVALID' });
    }
  });

  it('is void when a byte of it is another, and random bytes are none', () => {
    const bytes = writeNotice(network, wish, { keys, nowMs });
    void fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ change;
        expect(readNotice(network, changed, nowMs).ok).toBe(false);
      }),
      { numRuns: 150 },
    );
    void fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (random) => {
        expect(readNotice(network, random, nowMs).ok).toBe(false);
      }),
    );
  });

  it('has a topic of words, and room for so much', () => {
    const write = (changes: object) =>
      writeNotice(network, { ...wish, ...changes }, { keys, nowMs });
    for (const topic of ['', 'A', 'a//b', '/a', 'a b', 'a'.repeat(limits.noticeTopicBytes + 1)]) {
      expect(isNoticeTopic(topic)).toBe(false);
      expect(() => write({ topic })).toThrow('a topic is');
    }
    expect(() => write({ contentType: '' })).toThrow('content type');
    const payload = new Uint8Array(limits.noticePayloadBytes);
    expect(write({ payload }).length).toBeLessThan(limits.busPayloadBytes);
    expect(() => write({ payload: new Uint8Array(payload.length + 1) })).toThrow('the limit is');
  });
});

describe('a call signed by an account', () => {
  const input = z.strictObject({ after: z.int().default(0), name: z.string().optional() });
  const row = { method: 'GET', path: '/v1/things', input } as const;
  const header = signAccountCall(network, { row, input: { name: 'x' } }, { keys, nowMs });
  const check = (changes: object = {}, at = nowMs, on = network) => {
    const call = { row, input: { after: 0, name: 'x' }, ...changes };
    return callerOf(on, call, { header, nowMs: at });
  };

  it('names its account, with defaults filled in or not', () => {
    expect(check()).toEqual({ ok: true, value: hex(keys.publicKey) });
  });

  it('is no other call, and none of another time or network', () => {
    const faults = [
      check({ input: { after: 1, name: 'x' } }),
      check({ input: { after: 0 } }),
      check({ row: { ...row, path: '/v1/others' } }),
      check({ row: { ...row, method: 'DELETE' } }),
      check({}, nowMs + limits.clockSkewMs + 1),
      check({}, nowMs, other),
      callerOf(network, { row, input: {} }, { header: undefined, nowMs }),
      callerOf(network, { row, input: {} }, { header: 'Bearer x', nowMs }),
    ];
    for (const fault of faults) expect(fault).toMatchObject({ ok: false, code: 'UNAUTHORIZED' });
  });
});
