import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../errors.ts';
import type { SignedReceipt } from '../payments/receipt.ts';
import {
  type AnswerWriter,
  type Dialect,
  dialectForms,
  dialectOfPath,
  dialectPaths,
  embedDialectOfPath,
  embedForms,
  inferenceOf,
  ndjsonReceiptField,
  ndjsonTokensField,
  readBody,
  readDialect,
  sseReceiptMark,
  sseTokensMark,
  wireBodyOf,
} from './index.ts';

const dialects = Object.keys(dialectForms) as Dialect[];
const subject = {
  jobId: 'ab'.repeat(32),
  model: 'a "model"',
  createdMs: 1_000,
  includeUsage: true,
};
const bill = { charged: '42', jobId: subject.jobId, provider: 'b', providers: ['a', 'b'] };
const finish = { reason: 'stop', promptTokens: 5, outputTokens: 3, firstTokenMs: 1, durationMs: 9 };
const receiptOf = (outcome: string) => ({ payload: { outcome } }) as unknown as SignedReceipt;

/** The text that a stream says, in whichever dialect, and how many tokens each line stands for. */
function readStream(stream: string): { text: string; lines: number[] } {
  const read = { text: '', lines: [] as number[] };
  let tokens = 1;
  for (const line of stream.split('\n')) {
    if (line.startsWith(sseTokensMark)) tokens = Number(line.slice(sseTokensMark.length));
    const json = line.startsWith('data: ') ? line.slice(6) : line.startsWith('{') ? line : '';
    if (json === '' || json === '[DONE]') continue;
    const value = JSON.parse(json);
    const text = textOf(value);
    if (text === '') continue;
    read.text += text;
    read.lines.push(value[ndjsonTokensField] ?? tokens);
    tokens = 1;
  }
  return read;
}

interface AnyChunk {
  readonly type?: string;
  readonly delta?: string | { readonly text?: string };
  readonly choices?: { readonly delta?: { readonly content?: string }; readonly text?: string }[];
  readonly message?: { readonly content?: unknown };
  readonly response?: unknown;
}

function textOf({ type, delta, choices, message, response }: AnyChunk): string {
  if (type === 'response.output_text.delta') return delta as string;
  if (type === 'content_block_delta') return (delta as { text: string }).text;
  const said = choices?.[0]?.delta?.content ?? choices?.[0]?.text ?? message?.content ?? response;
  return typeof said === 'string' ? said : '';
}

describe.each(dialects)('an answer in %s', (dialect) => {
  const writerOf = (): AnswerWriter => dialectForms[dialect].writer(subject);

  it('streams any text whole, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (texts) => {
        const writer = writerOf();
        const stream = [
          writer.head(),
          ...texts.map((text) => writer.text(text)),
          writer.end(finish),
        ];
        expect(readStream(stream.join('')).text).toBe(texts.join(''));
      }),
    );
  });

  it('says how many tokens a line stands for, when it is not one', () => {
    const writer = writerOf();
    const stream = [
      writer.head(),
      writer.text('a'),
      writer.text('', 2),
      writer.text('b'),
      writer.text('c', 0),
      writer.text('d', 5),
      writer.text('', 3),
      writer.receipt(receiptOf('running')),
      writer.text('e'),
      writer.end(finish),
    ];
    expect(readStream(stream.join('')).lines).toEqual([1, 3, 0, 5, 1]);
  });

  it('carries receipts and notes that clients of the dialect skip', () => {
    const writer = writerOf();
    const isSse = writer.streamType.startsWith('text/event-stream');
    const running = writer.receipt(receiptOf('running'));
    const note = writer.aside('moved', { from: 'a' });
    const last = writer.receipt(receiptOf('complete'));
    const end = writer.end(finish);
    expect(readStream(running + note + last + end).text).toBe('');
    if (isSse) {
      for (const text of [running, note, last]) expect(text).toMatch(/^: aitbc-\w+ .*\n\n$/);
      expect(running).toContain(sseReceiptMark);
    } else {
      expect(JSON.parse(running)).toHaveProperty(ndjsonReceiptField);
      expect(last).toBe('');
      expect(JSON.parse(end)).toMatchObject({
        done: true,
        [ndjsonReceiptField]: { payload: { outcome: 'complete' } },
      });
    }
  });

  it('gives the last receipt also when the answer broke off', () => {
    const writer = writerOf();
    const error = new AppError('ENGINE_CRASHED', { engine: 'x', reason: 'y' });
    const stream = writer.receipt(receiptOf('provider_error')) + writer.error(error);
    expect(stream).toContain('provider_error');
    expect(stream).toContain('ENGINE_CRASHED');
  });

  it('is the same answer whole, with the bill of a buyer or the receipts of a seller', () => {
    const whole = writerOf().whole('text', { ...finish, bill });
    expect(JSON.stringify(whole)).toContain('"x_aitbc":{"charged":"42"');
    expect(JSON.stringify(whole)).toContain('"text"');
    expect(whole).not.toHaveProperty('x_aitbc_receipts');
    const sold = writerOf().whole('text', { ...finish, receipts: [receiptOf('complete')] });
    expect(sold).toMatchObject({ x_aitbc_receipts: [{ payload: { outcome: 'complete' } }] });
    expect(JSON.stringify(sold)).not.toContain('"x_aitbc":');
  });

  it('is found by its path, and by nobody else’s', () => {
    expect(dialectOfPath(`/behind/a/proxy${dialectPaths[dialect]}`)).toBe(dialect);
    expect(embedDialectOfPath(dialectPaths[dialect])).toBe(undefined);
  });
});

describe('the job inside a body', () => {
  const messages = [{ role: 'user', content: 'hi' }];
  const common = { model: 'm', temperature: 0.5, top_p: 0.9, stream: true };
  const bodies: Readonly<Record<Dialect, object>> = {
    openai: { ...common, messages, max_tokens: 7 },
    'openai-completions': { ...common, prompt: 'hi', max_tokens: 7 },
    'openai-responses': { ...common, input: 'hi', max_output_tokens: 7 },
    anthropic: { ...common, messages, max_tokens: 7 },
    'ollama-chat': {
      model: 'm',
      messages,
      options: { temperature: 0.5, top_p: 0.9, num_predict: 7 },
    },
    'ollama-generate': {
      model: 'm',
      prompt: 'hi',
      options: { temperature: 0.5, top_p: 0.9, num_predict: 7 },
    },
  };

  it('has the same wire body in all dialects', () => {
    const wire = dialects.map((dialect) =>
      JSON.stringify(wireBodyOf(readDialect(dialect, bodies[dialect]).request)),
    );
    expect(new Set(wire).size).toBe(1);
    expect(inferenceOf('openai', JSON.parse(wire[0] ?? ''))).toEqual(
      readDialect('openai', bodies.openai).request,
    );
  });

  it('is not changed by fields that stock clients send on their own', () => {
    const extras: Readonly<Partial<Record<Dialect, object>>> = {
      openai: {
        ...{ n: 1, user: 'u', store: false, metadata: {}, service_tier: 'auto', logprobs: false },
        ...{ frequency_penalty: 0, presence_penalty: 0, response_format: { type: 'text' } },
        ...{ stop: null, seed: null, safety_identifier: 'x', prompt_cache_key: 'y' },
      },
      'openai-completions': { n: 1, best_of: 1, echo: false, suffix: null, logprobs: null },
      'openai-responses': {
        ...{ store: false, background: false, previous_response_id: null, truncation: 'disabled' },
        ...{ metadata: {}, include: [], text: { format: { type: 'text' } }, service_tier: 'auto' },
      },
      anthropic: {
        metadata: { user_id: 'u' },
        service_tier: 'auto',
        thinking: { type: 'disabled' },
      },
      'ollama-chat': { think: false, keep_alive: null, format: '' },
      'ollama-generate': { raw: false, template: '', suffix: '', system: '', keep_alive: null },
    };
    for (const dialect of dialects) {
      const asked = { ...bodies[dialect], ...extras[dialect] };
      expect(readDialect(dialect, asked)).toEqual(readDialect(dialect, bodies[dialect]));
    }
  });

  it('takes the roles, blocks and cache marks of each dialect for what they say', () => {
    const chat = readDialect('openai', {
      model: 'm',
      messages: [{ role: 'developer', content: 'be short' }, ...messages],
    });
    expect(chat.request.messages[0]).toEqual({ role: 'system', content: 'be short' });
    const block = (text: string) => ({ type: 'text', text, cache_control: { type: 'ephemeral' } });
    const anthropic = readDialect('anthropic', {
      model: 'm',
      max_tokens: 5,
      system: [block('be '), block('short')],
      messages: [{ role: 'user', content: [block('hi')] }],
      stop_sequences: ['#'],
    });
    expect(anthropic.request).toMatchObject({
      messages: [{ role: 'system', content: 'be short' }, ...messages],
      stop: ['#'],
    });
    const item = { type: 'message', id: 'msg_1', status: 'completed', role: 'assistant' };
    const part = { type: 'output_text', text: 'so', annotations: [], logprobs: [] };
    const responses = readDialect('openai-responses', {
      model: 'm',
      instructions: 'be short',
      input: [...messages, { ...item, content: [part] }],
    });
    expect(responses.request.messages).toEqual([
      { role: 'system', content: 'be short' },
      ...messages,
      { role: 'assistant', content: 'so' },
    ]);
  });
});

describe('embeddings', () => {
  const answer = { model: 'm', vectors: [[1, 0.5]], promptTokens: 3, durationMs: 2 };

  it('have the same job in all dialects', () => {
    const asked = {
      'openai-embeddings': { model: 'm', input: 'a' },
      'ollama-embed': { model: 'm', input: ['a'], truncate: false },
      'ollama-embeddings': { model: 'm', prompt: 'a', options: {} },
    };
    for (const [name, body] of Object.entries(asked)) {
      const form = embedForms[name as keyof typeof asked];
      expect(form.read(readBody(form.body, body))).toEqual({ model: 'm', inputs: ['a'] });
      expect(embedDialectOfPath(form.path)).toBe(name);
      expect(dialectOfPath(form.path)).toBe(undefined);
    }
  });

  it('are written as numbers, or as 32-bit floats in base64', () => {
    const { whole } = embedForms['openai-embeddings'];
    const data = (encoding_format: string) =>
      whole(answer, { encoding_format }).data as { embedding: unknown }[];
    expect(data('float')[0]?.embedding).toEqual([1, 0.5]);
    const bytes = Buffer.from(String(data('base64')[0]?.embedding), 'base64');
    expect([bytes.readFloatLE(0), bytes.readFloatLE(4), bytes.length]).toEqual([1, 0.5, 8]);
    expect(embedForms['ollama-embed'].whole(answer, {})).toMatchObject({ embeddings: [[1, 0.5]] });
    expect(embedForms['ollama-embeddings'].whole(answer, {})).toMatchObject({
      embedding: [1, 0.5],
    });
  });
});
