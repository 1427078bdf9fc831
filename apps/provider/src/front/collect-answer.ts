import type { AppError, SignedReceipt } from '@aitbc/protocol';
import type { AnswerEnd, AnswerLog } from '../jobs/answer-log.ts';

/** An answer read to its end; `error` when it ended early. */
export interface Collected {
  readonly text: string;
  readonly receipts: readonly SignedReceipt[];
  readonly end: AnswerEnd;
  readonly error?: AppError;
}

/** Reads along to the end, or until `leave` is called: then it resolves with undefined. */
export function collectAnswer(answer: AnswerLog): {
  readonly whole: Promise<Collected | undefined>;
  leave(): void;
} {
  const receipts: SignedReceipt[] = [];
  let text = '';
  let leave = () => {};
  const whole = new Promise<Collected | undefined>((resolve) => {
    const unfollow = answer.follow({
      onEvent(event) {
        if (event.type === 'text') text += event.text;
        else if (event.type === 'receipt') receipts.push(event.receipt);
        else if (event.type === 'end') resolve({ text, receipts, end: event.end });
        else if (event.type === 'error') {
          resolve({ text, receipts, end: event.end, error: event.error });
        }
      },
    });
    leave = () => {
      unfollow();
      resolve(undefined);
    };
  });
  return { whole, leave: () => leave() };
}
