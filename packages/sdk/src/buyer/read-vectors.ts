/**
 * Reads the answer of a paid embedding call: all of it, then its receipts, then the price. In the books it is
 * one output token whose text is the vectors as JSON, so receipts, settlement and repetition are those of a
 * chat. Nothing of it is handed on before the receipts fit.
 */
import { elapsedMs } from '@aitbc/primitives';
import { AppError, embeddingText, unwrap, zSignedReceipt } from '@aitbc/protocol';
import { z } from 'zod';
import { jsonOf } from '../http/client.ts';
import { readText } from '../http/transport.ts';
import { type Answering, type AttemptDeps, conclude } from './read-job.ts';

const answerBytesMax = 33_554_432; // `embedInputs` vectors of 4 096 numbers of 24 characters

const zVectors = z.array(
  z.object({ index: z.int().min(0), embedding: z.array(z.number()).min(1) }),
);
const zAnswer = z.object({ data: zVectors, x_aitbc_receipts: z.array(zSignedReceipt).min(1) });

/** The receipts, the vectors as one text, the end. Throws what makes the answer none. */
export async function readVectors(deps: AttemptDeps, answering: Answering): Promise<void> {
  const { plan, start, reading, answer, sink } = answering;
  const { endpoint } = plan.candidate.offer.payload;
  const parsed = zAnswer.safeParse(jsonOf(await readText(answer, endpoint, answerBytesMax)));
  if (!parsed.success) throw unreadable('its answer holds no vectors or no receipts');
  const { data, x_aitbc_receipts: receipts } = parsed.data;
  const text = embeddingText(vectorsOf(data, plan.purchase.vectors));
  reading.heardMs = deps.parts.nowMs();
  reading.firstTokenMs = elapsedMs(reading.askedMs, reading.heardMs);
  plan.progress.addText(text, 1);
  for (const receipt of receipts) {
    unwrap(reading.checker.check(receipt, start.row.tokens));
    plan.progress.addReceipt(receipt);
    reading.receipts.push(receipt);
    sink.push({ type: 'receipt', receipt });
  }
  reading.finishReason = 'stop';
  sink.push({ type: 'text', text });
  sink.push(await conclude(deps, answering, reading));
}

function unreadable(reason: string): AppError {
  return new AppError('ENGINE_PROTOCOL', { engine: 'of the provider', reason });
}

/** One vector for each input, all of one length, in the inputs' order. */
function vectorsOf(data: z.infer<typeof zVectors>, count: number): readonly (readonly number[])[] {
  const vectors = [...data].sort((a, b) => a.index - b.index);
  const size = vectors[0]?.embedding.length;
  const isWhole =
    vectors.length === count &&
    vectors.every(({ index, embedding }, at) => index === at && embedding.length === size);
  if (!isWhole) throw unreadable(`its answer does not hold ${count} vectors of one length`);
  return vectors.map(({ embedding }) => embedding);
}
