import { describe, expect, it } from 'vitest';
import { limits } from '../limits.ts';
import { type Dialect, dialectBodies, dialectPaths, inferenceOf } from './index.ts';

const messages = [{ role: 'user', content: 'hi' }];

function parsed(dialect: Dialect, body: unknown) {
  return inferenceOf(dialect, dialectBodies[dialect].parse(body));
}

function isRefused(dialect: Dialect, body: unknown): boolean {
  return !dialectBodies[dialect].safeParse(body).success;
}

const bare = {
  model: 'm',
  messages: [{ role: 'user', content: 'hi' }],
  maxTokens: undefined,
  temperature: undefined,
  topP: undefined,
  topK: undefined,
  seed: undefined,
  stop: [],
};

describe('the job inside a body', () => {
  it('is the same whichever dialect asks for it, up to streaming by default', () => {
    expect(parsed('openai', { model: 'm', messages })).toEqual({ ...bare, stream: false });
    expect(parsed('ollama-chat', { model: 'm', messages })).toEqual({ ...bare, stream: true });
    expect(parsed('ollama-generate', { model: 'm', prompt: 'hi' })).toEqual({
      ...bare,
      stream: true,
    });
    expect(Object.keys(dialectPaths)).toEqual(Object.keys(dialectBodies));
  });

  it('takes the newer of the two OpenAI token limits, and null for none', () => {
    const limit = (more: object) => parsed('openai', { model: 'm', messages, ...more }).maxTokens;
    expect(limit({ max_tokens: 5 })).toBe(5);
    expect(limit({ max_tokens: 5, max_completion_tokens: 6 })).toBe(6);
    expect(limit({ max_tokens: null, max_completion_tokens: null })).toBe(undefined);
  });

  it('takes one stop text, several, or none', () => {
    const stop = (value: unknown) => parsed('openai', { model: 'm', messages, stop: value }).stop;
    expect([stop('#'), stop(['#', '\n']), stop(null), stop(undefined)]).toEqual([
      ['#'],
      ['#', '\n'],
      [],
      [],
    ]);
    expect(isRefused('openai', { model: 'm', messages, stop: ['1', '2', '3', '4', '5'] })).toBe(
      true,
    );
  });

  it('joins the text parts of a message and refuses parts that are no text', () => {
    const content = [
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ];
    const job = parsed('openai', { model: 'm', messages: [{ role: 'user', content }] });
    expect(job.messages).toEqual([{ role: 'user', content: 'ab' }]);
    const image = [{ type: 'image_url', image_url: { url: 'x' } }];
    const asked = (parts: unknown) => ({
      model: 'm',
      messages: [{ role: 'user', content: parts }],
    });
    expect(isRefused('openai', asked(image))).toBe(true);
    expect(isRefused('openai', asked([]))).toBe(true);
  });

  it('reads the options of Ollama, and takes a num_predict without limit for none', () => {
    const options = { temperature: 0.5, top_p: 0.9, top_k: 3, seed: 4, stop: ['#'] };
    expect(parsed('ollama-chat', { model: 'm', messages, options })).toMatchObject({
      temperature: 0.5,
      topP: 0.9,
      topK: 3,
      seed: 4,
      stop: ['#'],
    });
    for (const [num_predict, maxTokens] of [
      [7, 7],
      [-1, undefined],
      [-2, undefined],
      [0, undefined],
    ]) {
      const job = parsed('ollama-chat', { model: 'm', messages, options: { num_predict } });
      expect(job.maxTokens).toBe(maxTokens);
    }
  });

  it('puts the system text of a generate call in front', () => {
    const job = parsed('ollama-generate', { model: 'm', prompt: 'hi', system: 'be short' });
    expect(job.messages).toEqual([
      { role: 'system', content: 'be short' },
      { role: 'user', content: 'hi' },
    ]);
    const empty = parsed('ollama-generate', { model: 'm', prompt: 'hi', system: '' });
    expect(empty.messages).toHaveLength(1);
  });

  it.each([
    ['more output tokens than the limit', { max_tokens: limits.outputTokensMax + 1 }],
    ['no output token at all', { max_tokens: 0 }],
    ['two answers', { n: 2 }],
    ['an unknown field', { tools: [] }],
    ['a temperature above two', { temperature: 2.1 }],
    ['no message', { messages: [] }],
    ['a role that is none', { messages: [{ role: 'tool', content: 'x' }] }],
  ])('is refused with %s', (_, more) => {
    expect(isRefused('openai', { model: 'm', messages, ...more })).toBe(true);
  });
});
