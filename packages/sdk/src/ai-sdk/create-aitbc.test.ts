import { AppError, limits } from '@aitbc/protocol';
import { embed, embedMany, generateText, streamText } from 'ai';
import { describe, expect, it } from 'vitest';
import type { BuyCall, EmbedCall, JobEnd, JobEvent, RunningJob } from '../buyer/types.ts';
import { createAitbc } from './create-aitbc.ts';

const provider = 'ait1x';
const jobId = 'ab'.repeat(32);
const end: JobEnd = {
  outcome: 'complete',
  finishReason: 'stop',
  promptTokens: 5,
  outputTokens: 3,
  charged: 42n,
  firstTokenMs: 10,
  durationMs: 30,
  parts: [{ provider, channelId: jobId, from: 0, to: 3, charged: 42n, outcome: 'complete' }],
};

type Script = (call: BuyCall) => AsyncGenerator<JobEvent>;

async function* threeWords(): AsyncGenerator<JobEvent> {
  for (const text of ['one ', 'two ', 'three']) yield { type: 'text', text };
  yield { type: 'end', end };
}

/** A buyer that answers as the script says; the first `failures` calls are refused. */
function createFakeBuyer(script: Script = threeWords, failures = 0) {
  const calls: BuyCall[] = [];
  const embedded: EmbedCall[] = [];
  return {
    calls,
    embedded,
    async run(call: BuyCall): Promise<RunningJob> {
      calls.push(call);
      if (calls.length <= failures) throw new AppError('QUEUE_FULL', {});
      const offer = { provider } as RunningJob['offer'];
      return { jobId, offer, events: script(call) };
    },
    async embed(call: EmbedCall) {
      embedded.push(call);
      const vectors = call.request.inputs.map((text) => [text.length, 0.5]);
      return { jobId, vectors, promptTokens: 7, charged: 9n, provider };
    },
  };
}

const prompt = 'hi';

describe('models for the AI SDK', () => {
  it('generate text, with usage and the bill', async () => {
    const buyer = createFakeBuyer();
    const model = createAitbc({ buyer })('m');
    expect([model.provider, model.modelId]).toEqual(['aitbc.chat', 'm']);
    const answer = await generateText({
      ...{ model, system: 'be brief', prompt, maxOutputTokens: 20, temperature: 0, seed: 7 },
      stopSequences: ['END'],
    });
    expect(answer.text).toBe('one two three');
    expect(answer.finishReason).toBe('stop');
    expect(answer.usage).toMatchObject({ inputTokens: 5, outputTokens: 3 });
    expect(answer.providerMetadata?.aitbc).toMatchObject({ jobId, charged: '42', provider });
    expect(buyer.calls[0]?.request).toMatchObject({
      ...{ model: 'm', maxTokens: 20, temperature: 0, seed: 7, stop: ['END'] },
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'hi' },
      ],
    });
  });

  it('stream text piece by piece, with usage and the bill', async () => {
    const answer = streamText({ model: createAitbc({ buyer: createFakeBuyer() })('m'), prompt });
    const pieces: string[] = [];
    for await (const piece of answer.textStream) pieces.push(piece);
    expect(pieces).toEqual(['one ', 'two ', 'three']);
    expect(await answer.usage).toMatchObject({ inputTokens: 5, outputTokens: 3 });
    expect((await answer.providerMetadata)?.aitbc).toMatchObject({ jobId, charged: '42' });
  });

  it('embed one text and many, no more at once than is sold', async () => {
    const buyer = createFakeBuyer();
    const model = createAitbc({ buyer }).embeddingModel('e');
    const one = await embed({ model, value: 'abc' });
    expect([one.embedding, one.usage.tokens]).toEqual([[3, 0.5], 7]);
    const values = Array.from({ length: limits.embedInputs + 1 }, (_, place) =>
      'x'.repeat(place + 1),
    );
    const many = await embedMany({ model, values });
    expect(many.embeddings).toEqual(values.map((text) => [text.length, 0.5]));
    expect(buyer.embedded.map(({ request }) => request.inputs.length)).toEqual([
      1,
      limits.embedInputs,
      1,
    ]);
  });

  it('are charged once for a call that the AI SDK repeats, and each time for each call', async () => {
    const buyer = createFakeBuyer(threeWords, 1);
    const model = createAitbc({ buyer }).languageModel('m');
    await generateText({ model, prompt, maxRetries: 1 });
    const keysOf = () => buyer.calls.map(({ idempotencyKey }) => idempotencyKey);
    expect(keysOf()).toHaveLength(2);
    expect(new Set(keysOf()).size).toBe(1);
    await generateText({ model, prompt });
    expect(new Set(keysOf()).size).toBe(2);
    await generateText({ model, prompt, headers: { 'Idempotency-Key': 'mine' } });
    expect(keysOf().at(-1)).toBe('mine');
  });

  it('give refusals with status and code, and refuse what is not sold', async () => {
    const run = () => Promise.reject(new AppError('NO_OFFER', { model: 'm', reason: 'none' }));
    const model = createAitbc({ buyer: { ...createFakeBuyer(), run } })('m');
    await expect(generateText({ model, prompt, maxRetries: 0 })).rejects.toMatchObject({
      statusCode: 503,
      responseBody: expect.stringContaining('NO_OFFER'),
    });
    const buyer = createFakeBuyer();
    const image = {
      type: 'image' as const,
      image: new Uint8Array([1, 2, 3]),
      mediaType: 'image/png',
    };
    await expect(
      generateText({
        model: createAitbc({ buyer })('m'),
        messages: [{ role: 'user', content: [image] }],
        maxRetries: 0,
      }),
    ).rejects.toMatchObject({ statusCode: 400 });
    expect(buyer.calls).toEqual([]);
  });

  it('stop buying when the caller aborts in mid-stream', async () => {
    let bought: AbortSignal | undefined;
    const buyer = createFakeBuyer(async function* ({ signal }) {
      bought = signal;
      yield { type: 'text', text: 'one ' };
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
      throw new AppError('CANCELLED');
    });
    const leaving = new AbortController();
    const answer = streamText({
      model: createAitbc({ buyer })('m'),
      prompt,
      abortSignal: leaving.signal,
      onError() {},
    });
    for await (const piece of answer.textStream) {
      expect(piece).toBe('one ');
      leaving.abort();
    }
    expect(bought?.aborted).toBe(true);
  });

  it('stop buying when the caller aborts before anything came', async () => {
    const buyer = {
      ...createFakeBuyer(),
      run: ({ signal }: BuyCall) =>
        new Promise<RunningJob>((_, reject) => {
          signal?.addEventListener('abort', () => reject(new AppError('CANCELLED')));
          leaving.abort();
        }),
    };
    const leaving = new AbortController();
    const model = createAitbc({ buyer })('m');
    const asked = generateText({ model, prompt, abortSignal: leaving.signal, maxRetries: 0 });
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
  });
});
