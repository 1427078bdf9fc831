/** The two languages of the test engine for vectors. */
import { z } from 'zod';
import type { EngineEmbeddings, EngineEmbedRequest } from '../engine.ts';

const body = z.object({ model: z.string(), input: z.array(z.string()) });

/** One API: how texts are read and how vectors are written. */
export interface EmbedFront {
  parse(raw: unknown): EngineEmbedRequest;
  answer(asked: EngineEmbedRequest, embeddings: EngineEmbeddings): unknown;
}

const parse = (raw: unknown): EngineEmbedRequest => {
  const { model, input } = body.parse(raw);
  return { model, inputs: input };
};

/** By path. */
export const embedFronts: Readonly<Record<string, EmbedFront>> = {
  '/api/embed': {
    parse,
    answer: ({ model }, { vectors, promptTokens }) => ({
      model,
      embeddings: vectors,
      prompt_eval_count: promptTokens,
    }),
  },
  '/v1/embeddings': {
    parse,
    // In another order than asked, as the API allows: what counts is the index.
    answer: ({ model }, { vectors, promptTokens }) => ({
      object: 'list',
      model,
      data: vectors
        .map((embedding, index) => ({ object: 'embedding', index, embedding }))
        .reverse(),
      usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
    }),
  },
};
