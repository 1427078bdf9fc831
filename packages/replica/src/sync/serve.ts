/** Answers to peers that lack something: from what is pending, what is final and not stored yet, and the store. */
import {
  type CertifiedBlock,
  certifiedBlockBytes,
  type Hex,
  limits,
  type MeshMessage,
  rangeOverheadBytes,
  type SignedTx,
} from '@aitbc/protocol';
import { type Mind, send } from '../mind.ts';

type WantTxs = Extract<MeshMessage, { readonly type: 'wantTxs' }>;
type WantRange = Extract<MeshMessage, { readonly type: 'wantRange' }>;

/** Sends transactions of a block that we have, as many as a frame takes. */
export function serveTxs(mind: Mind, peer: Hex, { hash, places }: WantTxs): void {
  const block = mind.pending.get(hash) ?? mind.unstored.find((final) => final.hash === hash);
  if (!block) {
    serveBlock(mind, peer, hash);
    return;
  }
  const found: { place: number; tx: SignedTx }[] = [];
  for (const place of places.slice(0, limits.blockTxCount)) {
    const tx = block.txs[place];
    if (tx) found.push({ place, tx });
  }
  if (found.length === 0) return;
  send(mind, [peer], {
    type: 'blockTxs',
    hash,
    places: found.map(({ place }) => place),
    txs: found.map(({ tx }) => tx.bytes),
  });
}

/** Sends a block that we have: pending, waiting for its parent, or final lately. */
export function serveBlock(mind: Mind, peer: Hex, hash: Hex): void {
  const body = mind.pending.get(hash)?.body ?? finalBody(mind, hash);
  if (body) send(mind, [peer], { type: 'block', hash, body });
}

function finalBody(mind: Mind, hash: Hex): Uint8Array | undefined {
  const height = mind.heights.get(hash);
  return height === undefined ? undefined : finalBlockAt(mind, height)?.body;
}

/** A final block by its height. */
function finalBlockAt(mind: Mind, height: number): CertifiedBlock | undefined {
  const first = mind.unstored[0]?.header.height;
  if (first === undefined || height < first) return mind.deps.readBlock(height);
  const block = mind.unstored[height - first];
  return block && { body: block.body, certificate: block.certificate };
}

/**
 * Sends final blocks from a height on, as many as fit a frame. A block may be proved by the certificate of a later one;
 * the asker keeps what it has until that one comes.
 */
export function serveRange(mind: Mind, peer: Hex, { from, to }: WantRange): void {
  const blocks: CertifiedBlock[] = [];
  const last = Math.min(to, from + limits.meshRangeBlocks - 1, mind.head.header.height);
  let leftBytes = limits.meshFrameBytes - rangeOverheadBytes;
  for (let height = from; height <= last; height += 1) {
    const block = finalBlockAt(mind, height);
    if (!block) break;
    leftBytes -= certifiedBlockBytes(block);
    if (leftBytes < 0 && blocks.length > 0) break;
    blocks.push(block);
  }
  send(mind, [peer], { type: 'range', from, blocks });
}
