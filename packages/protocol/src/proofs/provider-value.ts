/** The value of a provider entry: both those who keep the state and those who only see a proof read it. */
import { createReader, DecodeError } from '@aitbc/primitives';
import { accept, refuse, type Verdict } from '../errors.ts';
import { amount, count, type Fields, key, type RecordOf, readRecord, text } from '../fields.ts';
import { limits } from '../limits.ts';

export const providerFields = {
  authorizer: key,
  endpoint: text(limits.endpointBytes),
  bond: amount,
  unbondDueMs: count,
} as const satisfies Fields;

/** Registration of a provider; `bond` in nait, `unbondDueMs` in chain time, 0 while it is bonded. */
export type ProviderValue = Readonly<RecordOf<typeof providerFields>>;

/** Registration of the bytes of its entry. Refusal: ANSWER_INVALID. */
export function providerOfValue(value: Uint8Array): Verdict<ProviderValue> {
  try {
    const reader = createReader(value);
    const provider = readRecord(providerFields, reader);
    reader.end();
    return accept(provider);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse('ANSWER_INVALID', { what: 'a provider entry', reason: error.message });
  }
}
