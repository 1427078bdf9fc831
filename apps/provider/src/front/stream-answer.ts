/**
 * A sold answer on its way to its reader: written straight to the socket, one write for what one turn of the event loop
 * brought, or some milliseconds of a fast engine (chunk-writer.ts). Texts of one write are one piece, which says how many tokens
 * it holds. The head leaves with the first token, so that what fails before still gets an honest status. A reader that goes
 * away stops reading along, and the job of the last reader ends.
 */
import type { AnswerFinish, AnswerWriter } from '@aitbc/protocol';
import type { AnswerEnd, AnswerEvent, AnswerLog, AnswerText } from '../jobs/answer-log.ts';
import { createChunkWriter } from './chunk-writer.ts';
import { type Exchange, sendError } from './exchange.ts';

/** How an answer ended, in the words of the dialects. */
export function finishOf(end: AnswerEnd): AnswerFinish {
  const { reason, promptTokens, completionTokens, firstTokenMs, durationMs } = end;
  return { reason, promptTokens, outputTokens: completionTokens, firstTokenMs, durationMs };
}

/** Streams an answer; `headers` go with its first token, or with the error that comes instead. */
export function streamAnswer(
  exchange: Exchange,
  answer: AnswerLog,
  { words, headers }: { readonly words: AnswerWriter; readonly headers: Record<string, string> },
): void {
  const { response } = exchange;
  const texts = createTexts(words);
  const chunks = createChunkWriter(response, { onDrain: answer.drained, rest: texts.take });
  let early: string | undefined = '';
  const begin = (): void => {
    if (early === undefined || response.destroyed) return;
    response.writeHead(200, { 'content-type': words.streamType, ...exchange.headers, ...headers });
    chunks.push(words.head() + early);
    early = undefined;
  };
  const onEvent = (event: AnswerEvent): void => {
    if (early !== undefined && event.type === 'error') {
      sendError(exchange, event.error, { headers });
      return;
    }
    if (event.type !== 'receipt') begin();
    if (event.type === 'text') {
      texts.add(event);
      chunks.due();
    } else if (early === undefined) chunks.push(eventText(words, event));
    else early += eventText(words, event);
    if (event.type === 'end' || event.type === 'error') chunks.end();
    else if (isUrgent(event)) chunks.hurry();
  };
  const unfollow = answer.follow({ onEvent, isFull: chunks.isFull });
  response.once('close', unfollow);
  if (response.destroyed) unfollow();
}

/** What the buyer's next voucher waits for, or what is about to be charged. */
function isUrgent(event: AnswerEvent): boolean {
  return event.type === 'need' || (event.type === 'text' && event.isUrgent === true);
}

/** Texts that wait for a write; `take` gives them as one. */
function createTexts(words: AnswerWriter): { add(more: AnswerText): void; take(): string } {
  let text = '';
  let tokens = 0;
  return {
    add(more) {
      text += more.text;
      tokens += more.tokens;
    },
    take() {
      if (tokens === 0 && text === '') return '';
      const said = words.text(text, tokens);
      text = '';
      tokens = 0;
      return said;
    },
  };
}

function eventText(words: AnswerWriter, event: Exclude<AnswerEvent, AnswerText>): string {
  switch (event.type) {
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
