/** What the SSE dialects share. */
import { sseMovedMark, sseNeedVoucherMark, sseReceiptMark, sseTokensMark } from './asides.ts';
import { type AnswerWriter, type AsideName, createLineTokens } from './dialect.ts';

export const sseType = 'text/event-stream; charset=utf-8';

const marks: Readonly<Record<AsideName, string>> = {
  'need-voucher': sseNeedVoucherMark,
  moved: sseMovedMark,
};

/** The parts of a writer that are the same in every SSE dialect; `content` makes the line of a text. */
export function sseParts(
  content: (text: string) => string,
): Pick<AnswerWriter, 'streamType' | 'text' | 'receipt' | 'aside'> {
  const lines = createLineTokens();
  return {
    streamType: sseType,
    text(text, tokens = 1) {
      const count = lines.take(text, tokens);
      if (count === 1) return content(text);
      return count === undefined ? '' : `${sseTokensMark}${count}\n${content(text)}`;
    },
    receipt(receipt) {
      lines.reset();
      return `${sseReceiptMark}${JSON.stringify(receipt)}\n\n`;
    },
    aside: (name, value) => `${marks[name]}${JSON.stringify(value)}\n\n`,
  };
}

/** A named event, as Anthropic and the Responses API send them. */
export function namedEvent(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}
