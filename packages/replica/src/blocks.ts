/**
 * Blocks on their way in: from a proposal, a fetch or the journal. A block waits here for its parent, is executed on
 * it, and its verdict goes to agreement. What is valid but too far ahead of our clock gets no verdict, hence no
 * vote, until the clock has caught up or a certificate shows that others did vote. A block that broke a rule
 * and is certified all the same means that this node and the network compute different states: it stops.
 */
import type { AgreedBlock } from '@aitbc/consensus';
import { type BlockHeader, type Hex, type SignedTx, voteKinds } from '@aitbc/protocol';
import { want } from './fetch.ts';
import { execute, isKnown } from './ledger.ts';
import { halt, type Mind, type OpenBlock, type PendingBlock, tell } from './mind.ts';

const orphansMax = 16; // 32 MiB of the largest blocks; who is further behind fetches ranges
const invalidMax = 256;

/** Takes a block in. One that we have, or that is not above the head, is ignored. */
export function arrive(mind: Mind, open: OpenBlock): void {
  const ready = [open];
  for (let next = ready.pop(); next; next = ready.pop()) {
    if (take(mind, next)) ready.push(...childrenOf(mind, next.hash));
  }
}

/** True when the block was executed. */
function take(mind: Mind, open: OpenBlock): boolean {
  const { hash, header } = open;
  mind.orphans.delete(hash);
  if (isDone(mind, header, hash)) return false;
  if (mind.invalid.has(header.parent)) return reject(mind, open);
  if (!isKnown(mind, header.parent)) {
    if (header.height <= mind.head.header.height + 1) return reject(mind, open);
    waitForParent(mind, open);
    return false;
  }
  mind.assemblies.delete(hash);
  if (!isSigned(mind, open)) return reject(mind, open);
  const executed = execute(mind, open);
  if (executed.ok) {
    feed(mind, executed.value);
    return true;
  }
  if (executed.code === 'CHAIN_UPGRADE_NEEDED') return false; // we stop when its parent is final
  return reject(mind, open);
}

function isDone(mind: Mind, header: BlockHeader, hash: Hex): boolean {
  if (mind.pending.has(hash) || mind.invalid.has(hash)) return true;
  return header.height <= mind.head.header.height;
}

function waitForParent(mind: Mind, open: OpenBlock): void {
  if (mind.orphans.size >= orphansMax) dropHighestOrphan(mind);
  mind.orphans.set(open.hash, open);
  const { parent, view } = open.header;
  want(mind, parent, Math.max(1, view - 1));
}

function dropHighestOrphan(mind: Mind): void {
  let highest: OpenBlock | undefined;
  for (const open of mind.orphans.values()) {
    if (!highest || open.header.height > highest.header.height) highest = open;
  }
  if (highest) mind.orphans.delete(highest.hash);
}

function childrenOf(mind: Mind, hash: Hex): OpenBlock[] {
  return [...mind.orphans.values()].filter(({ header }) => header.parent === hash);
}

/** Orphans whose parent became the head by another way. */
export function adoptOrphans(mind: Mind): void {
  for (const open of childrenOf(mind, mind.head.hash)) arrive(mind, open);
}

/** Transactions of our mempool were checked when they came in. */
function isSigned(mind: Mind, { isTrusted, txs }: OpenBlock): boolean {
  if (isTrusted) return true;
  const unknown = txs.filter(({ txId }: SignedTx) => !mind.mempool.get(txId));
  return unknown.length === 0 || mind.deps.verifyTxs(unknown);
}

function reject(mind: Mind, { hash, header }: OpenBlock): false {
  if (mind.invalid.size >= invalidMax) {
    const [oldest] = mind.invalid.keys();
    if (oldest !== undefined) mind.invalid.delete(oldest);
  }
  mind.invalid.set(hash, header.height);
  mind.assemblies.delete(hash);
  tell(mind, { type: 'block', block: agreedBlockOf(header, hash), valid: false });
  return false;
}

/** Gives agreement the verdict on a valid block, unless our clock says that it is from the future. */
function feed(mind: Mind, block: PendingBlock): void {
  const { blockSkewMs } = mind.era.params;
  if (block.header.timeMs > mind.wallMs + blockSkewMs) return;
  feedValid(mind, block);
}

/** Tells agreement that a block is valid. */
export function feedValid(mind: Mind, block: PendingBlock): void {
  block.isFed = true;
  const { header, hash } = block;
  tell(mind, { type: 'block', block: agreedBlockOf(header, hash), valid: true });
}

function agreedBlockOf({ parent, height, view, proposer }: BlockHeader, hash: Hex): AgreedBlock {
  return { hash, parent, height, view, proposer };
}

/** Earliest time at which a block that waits for our clock gets its verdict, on the clock on the wall. */
export function nextVerdictAtMs(mind: Mind): number | undefined {
  let earliest: number | undefined;
  for (const { isFed, header } of mind.pending.values()) {
    if (isFed) continue;
    const atMs = header.timeMs - mind.era.params.blockSkewMs;
    earliest = Math.min(earliest ?? atMs, atMs);
  }
  return earliest;
}

/** Gives late verdicts: the clock has caught up, or a certificate names the block. */
export function feedLate(mind: Mind): void {
  for (const block of mind.pending.values()) if (!block.isFed) feed(mind, block);
  for (const hash of certifiedHashes(mind)) {
    const block = mind.pending.get(hash);
    if (block && !block.isFed) feedValid(mind, block);
    if (mind.invalid.has(hash)) stopAt(mind, hash);
  }
}

function stopAt(mind: Mind, hash: Hex): void {
  const height = mind.invalid.get(hash) as number;
  const reason = `the network certified ${hash}, which breaks a rule here`;
  halt(mind, 'BLOCK_INVALID', { height, reason });
}

/** Blocks above the final view that have a checked certificate. */
function certifiedHashes({ seat }: Mind): Set<Hex> {
  const hashes = new Set<Hex>();
  if (!seat) return hashes;
  for (const { view, notarization, finalization } of seat.state.views) {
    if (view <= seat.state.final.view) continue;
    for (const one of [notarization, finalization]) {
      if (one && one.kind !== voteKinds.nullify) hashes.add(one.blockHash);
    }
  }
  return hashes;
}

/** Feeds a block that agreement asks for and did not take before; false when there is no verdict on it. */
export function feedKnown(mind: Mind, hash: Hex): boolean {
  const block = mind.pending.get(hash);
  if (block?.isFed) feedValid(mind, block);
  return block !== undefined;
}

/** Feeds again what agreement knew, after it began anew. */
export function feedAgain(mind: Mind): void {
  const rising = [...mind.pending.values()].sort((a, b) => a.header.height - b.header.height);
  for (const block of rising) if (block.isFed) feedValid(mind, block);
}
