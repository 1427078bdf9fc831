/** The result of a bought embedding call. */
import { AppError } from '@aitbc/protocol';
import type { EmbedResult, RunningJob } from './types.ts';

/** Reads a call of vectors to its end. Throws what ended it. */
export async function collectVectors({ jobId, offer, events }: RunningJob): Promise<EmbedResult> {
  const { provider } = offer;
  let text = '';
  for await (const event of events) {
    if (event.type === 'text') text += event.text;
    if (event.type === 'end') {
      const { promptTokens, charged } = event.end;
      const vectors = JSON.parse(text) as number[][]; // checked when it arrived
      return { jobId, vectors, promptTokens, charged, provider };
    }
  }
  throw new AppError('UNAVAILABLE', { what: provider, reason: 'its answer ended early' });
}
