import { utf8 } from '@aitbc/primitives';
import { AppError, errorBodyOf } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStreamReader, type WireEvent } from './stream-reader.ts';

const sse = (...lines: string[]) => utf8(lines.map((line) => `${line}\n\n`).join(''));
const chunk = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}`;

describe('stream reader', () => {
  it('joins the text of one read and counts its tokens', () => {
    const reader = createStreamReader();
    const events = reader.feed(
      sse(chunk('a'), chunk(''), chunk('b'), ': aitbc-need-voucher {}', chunk('c')),
    );
    expect(events).toEqual([
      { type: 'text', text: 'ab', tokens: 2 },
      { type: 'needVoucher' },
      { type: 'text', text: 'c', tokens: 1 },
    ]);
  });

  it('gives the same text wherever the bytes are cut', () => {
    const words = ['grüße ', '日本語 ', '🙂', ' "q\\', '\n', 'end'];
    const whole = sse(
      ...words.map(chunk),
      'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}',
      'data: [DONE]',
    );
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 12 }), (cuts) => {
        const reader = createStreamReader();
        const edges = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const events: WireEvent[] = [];
        for (let index = 1; index < edges.length; index += 1) {
          events.push(...reader.feed(whole.subarray(edges[index - 1], edges[index])));
        }
        const texts = events.filter((event) => event.type === 'text');
        expect(texts.map(({ text }) => text).join('')).toBe(words.join(''));
        expect(texts.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(words.length);
        expect(events.at(-1)).toEqual({ type: 'finish', reason: 'stop' });
      }),
    );
  });

  it('counts a line as the comment before it says, and the next one as one token again', () => {
    const reader = createStreamReader();
    const parts = [': aitbc-tokens 3', chunk('abc'), chunk('d'), ': aitbc-tokens 0', chunk('e')];
    expect(parts.flatMap((part) => reader.feed(sse(part)))).toEqual([
      { type: 'text', text: 'abc', tokens: 3 },
      { type: 'text', text: 'd', tokens: 1 },
      { type: 'text', text: 'e', tokens: 0 },
    ]);
    for (const count of ['', '-1', '1.5', '9000', 'x']) {
      const [event] = createStreamReader().feed(sse(`: aitbc-tokens ${count}`));
      expect(event).toMatchObject({ type: 'garbage', error: { code: 'ENGINE_PROTOCOL' } });
    }
  });

  it('gives what came before a line that cannot be read, and nothing after it', () => {
    const reader = createStreamReader();
    const events = reader.feed(sse(chunk('a'), 'data: {oops', chunk('b')));
    expect(events).toMatchObject([
      { type: 'text', text: 'a' },
      { type: 'garbage', error: { code: 'ENGINE_PROTOCOL' } },
    ]);
    expect(reader.feed(sse(chunk('c')))).toEqual([]);
  });

  it('reads the error of an SSE stream', () => {
    const error = errorBodyOf(new AppError('ENGINE_CRASHED', { engine: 'e', reason: 'r' }));
    const [event] = createStreamReader().feed(sse(`data: ${JSON.stringify({ error })}`));
    expect(event).toMatchObject({ type: 'error', error: { code: 'ENGINE_CRASHED' } });
    const foreign = 'data: {"error":{"message":"out of memory"}}';
    expect(createStreamReader().feed(sse(foreign))).toMatchObject([
      { error: { code: 'ENGINE_CRASHED', facts: { reason: 'out of memory' } } },
    ]);
  });

  it.each([
    ['data: {oops\n', 'ENGINE_PROTOCOL'],
    ['data: 7\n', 'ENGINE_PROTOCOL'],
    ['x'.repeat(1_100_000), 'ENGINE_PROTOCOL'],
    [': aitbc-receipt {"payload":{}}\n', 'RECEIPT_INVALID'],
  ])('refuses what cannot be read, case %#', (text, code) => {
    expect(createStreamReader().feed(utf8(text))).toMatchObject([
      { type: 'garbage', error: { code } },
    ]);
  });
});
