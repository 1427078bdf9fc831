/** A bought answer in the words of a dialect's writer. */
import {
  type AnswerBill,
  type AnswerFinish,
  type AnswerWriter,
  AppError,
  dialectForms,
} from '@aitbc/protocol';
import type { JobEnd, JobEvent, RunningJob } from '../buyer/types.ts';
import type { BuyRequest } from './buy-request.ts';

/** Writer for a bought answer. */
export function writerOf(
  { dialect, request, includeUsage }: BuyRequest,
  { jobId }: Pick<RunningJob, 'jobId'>,
  createdMs: number,
): AnswerWriter {
  const { model } = request;
  return dialectForms[dialect].writer({ jobId, model, createdMs, includeUsage });
}

/** End of a bought answer, with its bill. */
export function finishOf(job: Pick<RunningJob, 'jobId' | 'offer'>, end: JobEnd): AnswerFinish {
  const { finishReason: reason, promptTokens, outputTokens, firstTokenMs, durationMs } = end;
  const bill = billOf(job, end);
  return { reason, promptTokens, outputTokens, firstTokenMs, durationMs, bill };
}

function billOf(
  { jobId, offer }: Pick<RunningJob, 'jobId' | 'offer'>,
  { charged, parts }: JobEnd,
): AnswerBill {
  const providers = parts.length > 0 ? parts.map(({ provider }) => provider) : [offer.provider];
  const provider = providers.at(-1) ?? offer.provider;
  return { charged: charged.toString(), jobId, provider, providers };
}

/** What a stream says about one event; receipts are for the books, not for clients. */
export function eventText(
  writer: AnswerWriter,
  event: JobEvent,
  job: Pick<RunningJob, 'jobId' | 'offer'>,
): string {
  switch (event.type) {
    case 'text':
      return writer.text(event.text);
    case 'moved': {
      const { from, to, code, gapMs } = event;
      return writer.aside('moved', { from, to, code, gapMs });
    }
    case 'end':
      return writer.end(finishOf(job, event.end));
    case 'receipt':
      return '';
  }
}

/** The whole text and the end of an answer. */
export async function collect(
  events: RunningJob['events'],
): Promise<{ text: string; end: JobEnd }> {
  let text = '';
  let end: JobEnd | undefined;
  for await (const event of events) {
    if (event.type === 'text') text += event.text;
    else if (event.type === 'end') end = event.end;
  }
  if (!end) throw new AppError('UNAVAILABLE', { what: 'The provider', reason: 'it ended early' });
  return { text, end };
}
