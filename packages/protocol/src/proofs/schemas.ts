/** JSON forms of headers, certificates and proofs, as the node's API shows them. */
import { DecodeError } from '@aitbc/primitives';
import { z } from 'zod';
import { certificateFields, headerFields } from '../blocks.ts';
import { accept, refuse, type Verdict } from '../errors.ts';
import { recordFromJson } from '../fields.ts';
import { limits } from '../limits.ts';
import { amountOf, zAmount, zCount, zHash, zKey, zSignature } from '../scalars.ts';
import { listDepthMax } from './hash-list.ts';
import type { LightBundle } from './light-bundle.ts';
import { keyBytes } from './state-proof.ts';

export const zHeader = z.object({
  version: zCount,
  chain: zCount,
  height: zCount,
  epoch: zCount,
  view: zCount,
  parent: zHash,
  timeMs: zCount,
  proposer: zKey,
  txRoot: zHash,
  stateRoot: zHash,
  receiptRoot: zHash,
  validatorsHash: zHash,
  nextValidatorsHash: zHash,
  evidenceRoot: zHash,
});

export const zCertificate = z.object({
  kind: zCount,
  epoch: zCount,
  view: zCount,
  blockHash: zHash,
  votes: z.array(z.object({ validator: zCount, signature: zSignature })),
});

/** Members of a validator set in their order; stake in nait. */
export const zValidatorSet = z
  .array(z.object({ publicKey: zKey, stake: zAmount }))
  .max(limits.validators);

/** A final block without its body: what a light client checks. */
export const zLightBundle = z.object({
  header: zHeader,
  certificate: zCertificate.extend({
    votes: zCertificate.shape.votes.max(limits.validators),
  }),
  validators: zValidatorSet,
});

/** JSON form of a light bundle. */
export type LightBundleJson = z.output<typeof zLightBundle>;

const zSiblings = z.array(zHash).max(listDepthMax);
const zTreeKey = z
  .string()
  .regex(new RegExp(`^[0-9a-f]{${2 * keyBytes}}$`), 'expected a key: 66 lower-case hex digits');

/** Place of an item in a list of a block. */
export const zListProof = z.object({ index: zCount, count: zCount, siblings: zSiblings });

/** Proof that an entry stands in the state, or that none does. */
export const zStateProof = z.discriminatedUnion('kind', [
  zListProof.extend({ kind: z.literal('presence'), nextKey: zTreeKey }),
  zListProof.extend({
    kind: z.literal('absence'),
    key: zTreeKey,
    nextKey: zTreeKey,
    valueHash: zHash,
  }),
]);

/** Answer of `state_getProof`: the value as hex of its bytes, null where the proof is one of absence. */
export const zStateAnswer = z.object({
  bundle: zLightBundle,
  value: z
    .string()
    .regex(/^(?:[0-9a-f]{2})*$/)
    .max(2 * 0xffff)
    .nullable(),
  proof: zStateProof,
});

/** Answer of `chain_getTxProof`: the transaction and its receipt in the lists of their block. */
export const zTxAnswer = z.object({
  bundle: zLightBundle,
  txProof: zListProof,
  receipt: z
    .string()
    .regex(/^(?:[0-9a-f]{2})+$/)
    .max(2 * limits.txSizeBytes),
  receiptProof: zListProof,
});

/** JSON form of a bundle. */
export function lightBundleToJson({
  header,
  certificate,
  validators,
}: LightBundle): LightBundleJson {
  const set = validators.map(({ publicKey, stake }) => ({ publicKey, stake: stake.toString() }));
  return { header, certificate, validators: set };
}

/** Bundle of its JSON form. Refusal: ANSWER_INVALID for a number that its field cannot hold. */
export function lightBundleFromJson(json: LightBundleJson): Verdict<LightBundle> {
  try {
    return accept({
      header: recordFromJson(headerFields, json.header),
      certificate: recordFromJson(certificateFields, json.certificate),
      validators: json.validators.map((seat) => ({ ...seat, stake: amountOf(seat.stake) })),
    });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse('ANSWER_INVALID', { what: 'a light bundle', reason: error.message });
  }
}
