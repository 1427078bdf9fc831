/** Agreement, order and proof: what nodes call final. */
import type { AgreedBlock } from '@aitbc/consensus';
import { type Certificate, type Hex, voteKinds } from '@aitbc/protocol';
import type { Desk } from './invariants.ts';

export interface FinalWatch {
  /** A node begins a life; its stored chain ends at this height. */
  born(node: number, height: number, hash: Hex): void;
  /** A node calls a block final. */
  committed(node: number, block: AgreedBlock, by: Certificate): void;
  /** Height of the highest block that is final anywhere. */
  finalHeight(): number;
}

export function createFinalWatch({ counts, fail, schemeOf }: Desk): FinalWatch {
  const finals: { readonly hash: Hex; readonly node: number }[] = [];
  const heads: { readonly height: number; readonly hash: Hex }[] = [];
  const checkProof = (node: number, { height, hash }: AgreedBlock, by: Certificate): void => {
    counts.proof += 1;
    const isFinalization = by.kind === voteKinds.finalize;
    if (isFinalization && schemeOf(by.epoch).verifyCertificate(by)) return;
    fail('proof', { node, height, hash, kind: by.kind, voters: by.votes.length });
  };
  return {
    born(node, height, hash) {
      heads[node] = { height, hash };
      if (height > 0 && finals[height]?.hash !== hash) fail('order', { node, height, hash });
    },
    committed(node, block, by) {
      counts.agreement += 1;
      counts.order += 1;
      const { hash, height, parent } = block;
      const head = heads[node];
      if (height !== (head?.height ?? 0) + 1 || parent !== head?.hash) {
        fail('order', { node, height, hash, parent, head: head?.hash, headHeight: head?.height });
      }
      heads[node] = { height, hash };
      checkProof(node, block, by);
      finals[height] ??= { hash, node };
      const { hash: first, node: other } = finals[height];
      if (first !== hash) fail('agreement', { height, hash, node, first, other });
    },
    finalHeight: () => Math.max(0, finals.length - 1),
  };
}
