import { utf8 } from '@aitbc/primitives';
import { AppError, errorBodyOf } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createStreamReader, type WireEvent } from './stream-reader.ts';

const sse = (...lines: string[]) => utf8(lines.map((line) => `${line}\n\n`).join(''));
const chunk = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}`;

describe('stream reader', () => {
  it('joins the text of one read and counts its tokens', () => {
    const reader = createStreamReader('openai');
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
        const reader = createStreamReader('openai');
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

  it('reads both Ollama dialects, with errors', () => {
    const lines = [
      { message: { content: 'a' }, done: false },
      { response: 'b', done: false },
      { response: '', done: false, x_aitbc_need_voucher: {} },
      { done: true, done_reason: 'length' },
    ];
    const reader = createStreamReader('ollama-chat');
    const body = `${lines.map((line) => JSON.stringify(line)).join('\n')}\n\n`;
    expect(reader.feed(utf8(body))).toEqual([
      { type: 'text', text: 'ab', tokens: 2 },
      { type: 'needVoucher' },
      { type: 'finish', reason: 'length' },
    ]);
    const { code, facts } = errorBodyOf(new AppError('ENGINE_BUSY', { engine: 'e', reason: 'r' }));
    const [ours] = reader.feed(utf8(`${JSON.stringify({ error: 'text', code, facts })}\n`));
    expect(ours).toMatchObject({ type: 'error', error: { code: 'ENGINE_BUSY' } });
    const [foreign] = reader.feed(utf8('{"error":"out of memory"}\n'));
    expect(foreign).toMatchObject({ type: 'error', error: { code: 'ENGINE_CRASHED' } });
  });

  it('reads the error of an SSE stream', () => {
    const error = errorBodyOf(new AppError('ENGINE_CRASHED', { engine: 'e', reason: 'r' }));
    const [event] = createStreamReader('openai').feed(sse(`data: ${JSON.stringify({ error })}`));
    expect(event).toMatchObject({ type: 'error', error: { code: 'ENGINE_CRASHED' } });
  });

  it('refuses lines that are not JSON, lines without end, and receipts that cannot be read', () => {
    const feed = (bytes: Uint8Array) => () => createStreamReader('openai').feed(bytes);
    expect(feed(utf8('data: {oops\n'))).toThrow(
      expect.objectContaining({ code: 'ENGINE_PROTOCOL' }),
    );
    expect(feed(utf8('data: 7\n'))).toThrow(expect.objectContaining({ code: 'ENGINE_PROTOCOL' }));
    expect(feed(utf8('x'.repeat(1_100_000)))).toThrow(
      expect.objectContaining({ code: 'ENGINE_PROTOCOL' }),
    );
    expect(feed(utf8(': aitbc-receipt {"payload":{}}\n'))).toThrow(
      expect.objectContaining({ code: 'RECEIPT_INVALID' }),
    );
  });
});
