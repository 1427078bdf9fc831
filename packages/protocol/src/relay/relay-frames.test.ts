import { utf8 } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../errors.ts';
import { limits } from '../limits.ts';
import {
  decodeRelayFrame,
  decodeRelayHead,
  encodeRelayCredit,
  encodeRelayFrame,
  encodeRelayHead,
  type RelayFrameType,
  relayCreditOf,
  relayedHeaders,
  zRelayAnswer,
  zRelayRequest,
} from './relay-frames.ts';

const u32 = fc.integer({ min: 1, max: 0xffff_ffff });
const frame = fc.oneof(
  fc.record({
    type: fc.constantFrom<RelayFrameType[]>('head'),
    call: u32,
    payload: fc.uint8Array({ minLength: 2, maxLength: 400 }),
  }),
  fc.record({
    type: fc.constantFrom<RelayFrameType[]>('data'),
    call: u32,
    payload: fc.uint8Array({ minLength: 1, maxLength: 400 }),
  }),
  fc.record({
    type: fc.constantFrom<RelayFrameType[]>('end', 'reset'),
    call: u32,
    payload: fc.constant(new Uint8Array(0)),
  }),
);

const request = {
  method: 'POST',
  path: '/v1/chat/completions?x=1',
  headers: { 'content-type': 'application/json', 'payment-signature': 'é"' },
  from: '203.0.113.9',
};

describe('relay frames', () => {
  it('are what they were after encoding and decoding', () => {
    fc.assert(
      fc.property(frame, ({ type, call, payload }) => {
        const decoded = unwrap(decodeRelayFrame(encodeRelayFrame(type, call, payload)));
        expect(decoded).toEqual({ type, call, payload });
      }),
    );
  });

  it('carry credit of a call and of the line', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.integer({ min: 1, max: 0x7fff_ffff }), (call, size) => {
        const decoded = unwrap(decodeRelayFrame(encodeRelayCredit(call, size)));
        expect(decoded).toMatchObject({ type: 'credit', call });
        expect(relayCreditOf(decoded.payload)).toBe(size);
      }),
    );
  });

  it('have one encoding: any bytes are refused, or encode to themselves', () => {
    const first = fc.integer({ min: 0, max: 7 });
    fc.assert(
      fc.property(first, fc.uint8Array({ maxLength: 40 }), (type, rest) => {
        const bytes = Uint8Array.of(type, ...rest);
        const verdict = decodeRelayFrame(bytes);
        if (verdict.ok) {
          const { type: name, call, payload } = verdict.value;
          expect(encodeRelayFrame(name, call, payload)).toEqual(bytes);
        } else expect(verdict.code).toBe('BAD_REQUEST');
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['a type that is not known', encodeRelayFrame('end', 1).fill(6, 0, 1)],
    ['a prefix that is cut', encodeRelayFrame('end', 1).subarray(0, 4)],
    ['data of no call', encodeRelayFrame('data', 0, utf8('x'))],
    ['data without bytes', encodeRelayFrame('data', 1)],
    ['a part above the limit', encodeRelayFrame('data', 1, new Uint8Array(16_385))],
    ['a head above the limit', encodeRelayFrame('head', 1, new Uint8Array(32_769))],
    ['an end with bytes', encodeRelayFrame('end', 1, utf8('x'))],
    ['a credit of nothing', encodeRelayCredit(1, 0)],
    ['a credit beyond all sense', encodeRelayCredit(1, 0xffff_ffff)],
  ])('refuse %s', (_, bytes) => {
    expect(decodeRelayFrame(bytes)).toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('heads', () => {
  it('of calls and answers are what they were', () => {
    const payload = unwrap(encodeRelayHead(zRelayRequest, request));
    expect(decodeRelayHead(zRelayRequest, payload)).toEqual({ ok: true, value: request });
    const answer = { status: 402, headers: { 'payment-required': 'e30=' } };
    const other = unwrap(encodeRelayHead(zRelayAnswer, answer));
    expect(decodeRelayHead(zRelayAnswer, other)).toEqual({ ok: true, value: answer });
  });

  it.each([
    ['a method of small letters', { ...request, method: 'post' }],
    ['a path without a slash', { ...request, path: 'v1/models' }],
    ['a path with a blank', { ...request, path: '/v1/models HTTP/1.1' }],
    ['a header that begins another', { ...request, headers: { a: 'b\r\nc: d' } }],
    ['a name with a colon', { ...request, headers: { 'a:': 'b' } }],
    ['a field more', { ...request, host: 'x' }],
  ])('are refused on both ways with %s', (_, head) => {
    expect(encodeRelayHead(zRelayRequest, head)).toMatchObject({ code: 'BAD_REQUEST' });
    const payload = utf8(JSON.stringify(head));
    expect(decodeRelayHead(zRelayRequest, payload)).toMatchObject({ code: 'BAD_REQUEST' });
  });

  it('above the limit are refused before they are sent', () => {
    const headers = { a: '"'.repeat(limits.relayHeadBytes / 2) };
    const head = { ...request, headers };
    expect(encodeRelayHead(zRelayRequest, head)).toMatchObject({ code: 'BAD_REQUEST' });
  });

  it('are never read from what is no text or no JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(decodeRelayHead(zRelayRequest, bytes)).toMatchObject({ code: 'BAD_REQUEST' });
      }),
    );
  });
});

it('lengths, rights and cookies do not travel', () => {
  const headers = {
    ...{ host: 'a', connection: 'close', 'content-length': '5', 'transfer-encoding': 'chunked' },
    ...{ authorization: 'Bearer x', cookie: 'a=b', 'set-cookie': ['a=b'] },
    ...{ accept: 'text/plain', via: ['a', 'b'], empty: undefined },
  };
  expect(relayedHeaders(headers)).toEqual({ accept: 'text/plain', via: 'a, b' });
});
