/**
 * A sold answer on its way to its reader: written straight to the socket, one write for what one turn of the event loop
 * brought. The head leaves with the first token, so that what fails before still gets an honest status. A
 * reader that goes away stops reading along, and the job of the last reader ends.
 */
import type { ServerResponse } from 'node:http';
import type { AnswerFinish, AnswerWriter, AppError } from '@aitbc/protocol';
import type { FastifyReply } from 'fastify';
import type { AnswerEnd, AnswerEvent, AnswerLog } from '../jobs/answer-log.ts';
import { createChunkWriter } from './chunk-writer.ts';
import type { Exchange } from './exchange.ts';
import { errorHeaders } from './front-errors.ts';

/** How an answer ended, in the words of the dialects. */
export function finishOf(end: AnswerEnd): AnswerFinish {
  const { reason, promptTokens, completionTokens, firstTokenMs, durationMs } = end;
  return { reason, promptTokens, outputTokens: completionTokens, firstTokenMs, durationMs };
}

/** Streams an answer to the reply of the exchange; headers that were set before go with it. */
export function streamAnswer(
  exchange: Exchange,
  answer: AnswerLog,
  words: AnswerWriter,
): FastifyReply {
  const { reply } = exchange;
  const { raw } = reply;
  const chunks = createChunkWriter(raw, answer.drained);
  const head = { ...reply.getHeaders(), 'content-type': words.streamType };
  void reply.hijack();
  let early: string[] | undefined = [];
  const begin = (): void => {
    if (!early || raw.destroyed) return;
    raw.writeHead(200, head as Record<string, string>);
    chunks.push(words.head());
    for (const text of early) chunks.push(text);
    early = undefined;
  };
  const onEvent = (event: AnswerEvent): void => {
    if (early && event.type === 'error') {
      endWithError(exchange, raw, event.error);
      return;
    }
    if (event.type !== 'receipt') begin();
    const text = eventText(words, event);
    if (early) early.push(text);
    else chunks.push(text);
    if (event.type === 'end' || event.type === 'error') chunks.end();
  };
  const unfollow = answer.follow({ onEvent, isFull: chunks.isFull });
  raw.once('close', unfollow);
  if (raw.destroyed) unfollow();
  return reply;
}

function eventText(words: AnswerWriter, event: AnswerEvent): string {
  switch (event.type) {
    case 'text':
      return words.text(event.text, event.tokens);
    case 'receipt':
      return words.receipt(event.receipt);
    case 'need':
      return words.aside('need-voucher', event.need);
    case 'end':
      return words.end(finishOf(event.end));
    case 'error':
      return words.error(event.error);
  }
}

/** Nothing has left yet: the error gets its own status. */
function endWithError({ reply, errorBody }: Exchange, raw: ServerResponse, error: AppError): void {
  if (raw.destroyed) return;
  const headers = { ...reply.getHeaders(), ...errorHeaders(error) } as Record<string, string>;
  raw.writeHead(error.row.httpStatus, headers);
  raw.end(JSON.stringify(errorBody(error)));
}
