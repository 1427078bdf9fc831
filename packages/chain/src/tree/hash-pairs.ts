/**
 * Hashing of whole levels: every 64 bytes of `input` give the 32 bytes of their SHA-256 in `output`.
 *
 * The native module hashes many pairs at a time with the vector units of the processor, about 19 million
 * pairs a second on one core; the wasm one does 3 million and runs everywhere. Both give the same bytes, and
 * a test compares them. The native one is an optional binary: where it does not load, the other takes over.
 */
import { hashInto } from '@chainsafe/as-sha256';

/** Puts the hash of each 64 bytes of `input` into `output`, which is half as long. */
export type HashPairs = (input: Uint8Array, output: Uint8Array) => void;

/** The one that runs everywhere. */
export const hashPairsWasm: HashPairs = hashInto;

/** The native one, undefined where it does not load. */
export const hashPairsNative: HashPairs | undefined = await import('@chainsafe/hashtree').then(
  (module) => module.hashInto,
  () => undefined,
);

/** The faster one that is there. */
export const hashPairs: HashPairs = hashPairsNative ?? hashPairsWasm;
