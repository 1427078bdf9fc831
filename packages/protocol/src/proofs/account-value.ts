/** The value of an account entry: both those who keep the state and those who only see a proof read it. */
import { createReader, DecodeError } from '@aitbc/primitives';
import { accept, refuse, type Verdict } from '../errors.ts';
import { amount, count, type Fields, type RecordOf, readRecord } from '../fields.ts';

export const accountFields = {
  balance: amount,
  nonce: count,
  vault: amount,
} as const satisfies Fields;

/** Balances in nait and the nonce of the next transaction. */
export type AccountValue = Readonly<RecordOf<typeof accountFields>>;

/** Account of the bytes of its entry. Refusal: ANSWER_INVALID. */
export function accountOfValue(value: Uint8Array): Verdict<AccountValue> {
  try {
    const reader = createReader(value);
    const account = readRecord(accountFields, reader);
    reader.end();
    return accept(account);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse('ANSWER_INVALID', { what: 'an account entry', reason: error.message });
  }
}
