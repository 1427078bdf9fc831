/**
 * Proof that the holder of a validator key agrees to stand for an owner. Without it anybody could put
 * stake behind a key that another runs, and take it away again. See docs/spec/chain.md, "Staking".
 */
import { hex, sign, verify } from '@aitbc/primitives';
import type { Hex } from './fields.ts';
import { bytes32, type Network, signatureBytesOf, signingBytes } from './network.ts';

/** Signature of the validator key over its owner's account id. */
export function signStakeProof(network: Network, owner: Hex, secretKey: Uint8Array): Hex {
  return hex(sign(signingBytes('stake', network, bytes32(owner)), secretKey));
}

/** True when the validator key signed for this owner. */
export function verifyStakeProof(
  network: Network,
  owner: Hex,
  proof: { readonly validator: Hex; readonly keySignature: Hex },
): boolean {
  const message = signingBytes('stake', network, bytes32(owner));
  return verify(signatureBytesOf(proof.keySignature), message, bytes32(proof.validator));
}
