/** Reading one entry, with its proof when the caller wants one: then value and proof are of the same block. */
import { decodeEntry, type Entries, type EntryKind, entryOf, keyOf } from '@aitbc/chain';
import { hex } from '@aitbc/primitives';
import { type Hex, lightBundleToJson, type nodeRpc, type OutputOf } from '@aitbc/protocol';
import type { MethodDeps } from './deps.ts';
import type { ProvenEntry, Prover } from './prover.ts';

/** A state answer as it travels. */
export type StateAnswerJson = OutputOf<typeof nodeRpc.state_getProof>;

/** An entry, and what to add to the answer for it. */
export interface EntryRead<K extends EntryKind> {
  readonly entry: Entries[K] | undefined;
  readonly more: { readonly proof?: StateAnswerJson };
}

/** What is read. */
export interface EntryWish<K extends EntryKind> {
  readonly kind: K;
  readonly id: Hex;
  readonly proof: boolean;
}

/** Reads entries. */
export type ReadEntry = <K extends EntryKind>(
  wish: EntryWish<K>,
  signal: AbortSignal,
) => Promise<EntryRead<K>>;

/** A reader of the stored state, or of the newest block where a proof is wanted. */
export function createEntryReader({ store }: Pick<MethodDeps, 'store'>, prover: Prover): ReadEntry {
  return async ({ kind, id, proof }, signal) => {
    if (!proof) return { entry: entryOf(store, kind, id), more: {} };
    const proven = await prover.prove(keyOf(kind, id), signal);
    const entry = proven.value && decodeEntry(kind, id, proven.value);
    return { entry, more: { proof: stateAnswerJson(proven) } };
  };
}

/** JSON form of a proven entry. */
export function stateAnswerJson({ bundle, value, proof }: ProvenEntry): StateAnswerJson {
  const siblings = [...proof.siblings];
  return {
    bundle: lightBundleToJson(bundle),
    value: value ? hex(value) : null,
    proof: { ...proof, siblings },
  };
}
