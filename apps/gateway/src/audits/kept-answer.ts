/**
 * One answer as it passes, cut into what an audit needs: the request, what other providers gave before, and the text
 * of the last provider with the receipt that covers each part of it.
 *
 * A provider that is left may have given text that no receipt covers; its tokens end where the next provider's first
 * receipt begins.
 */
import {
  type AuditRecord,
  type InferenceRequest,
  type ResumePiece,
  type SignedOffer,
  wireBodyOf,
} from '@aitbc/protocol';
import type { JobEvent } from '@aitbc/sdk';

/** An answer under way, or whole. */
export interface KeptAnswer {
  see(event: JobEvent): void;
  /** Address of the last provider; undefined before its first receipt. */
  provider(): string | undefined;
  /** The record under the offer of the last provider; undefined while nothing of it is receipted. */
  record(offer: SignedOffer): AuditRecord | undefined;
}

const receiptBytes = 1_200;

/** An answer to a request that has not begun; `onGrow` hears of about each byte it takes. */
export function createKeptAnswer(
  request: InferenceRequest,
  onGrow: (bytes: number) => void,
): KeptAnswer {
  const body = JSON.stringify(wireBodyOf(request));
  const former: ResumePiece[] = [];
  let parts: AuditRecord['parts'] = [];
  let text = '';
  let left = '';
  onGrow(body.length);

  const leave = (): void => {
    former.push(
      ...parts.map(({ receipt, text: piece }) => ({ text: piece, to: receipt.payload.to })),
    );
    parts = [];
    left += text;
    text = '';
  };
  return {
    see(event) {
      if (event.type === 'text') {
        text += event.text;
        onGrow(event.text.length);
      } else if (event.type === 'moved') leave();
      else if (event.type === 'receipt') {
        const { from } = event.receipt.payload;
        if (left !== '') former.push({ text: left, to: from });
        left = '';
        parts.push({ receipt: event.receipt, text });
        onGrow(receiptBytes);
        text = '';
      }
    },
    provider: () => parts.at(-1)?.receipt.payload.provider,
    record: (offer) => (parts.length === 0 ? undefined : { v: 1, offer, body, former, parts }),
  };
}
