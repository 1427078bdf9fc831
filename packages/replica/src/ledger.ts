/**
 * The chain as this node sees it: the final head, and executed blocks above it that form a tree. A block is
 * executed on the state of its parent, final or not: its own writes are laid over those of its pending
 * ancestors, and those over the final state. When a block becomes final its writes sink into the final layer, and
 * whatever does not stand on it is dropped. See docs/spec/replica.md, "Blocks".
 */
import {
  type BlockGround,
  buildBlock,
  checkBlock,
  checkVersion,
  encodeBody,
  type StateReader,
} from '@aitbc/chain';
import {
  AppError,
  accept,
  type Certificate,
  type Hex,
  type SignedTx,
  type Verdict,
} from '@aitbc/protocol';
import { emit, eraOf, halt, type Mind, type OpenBlock, type PendingBlock } from './mind.ts';
import type { FinalBlock } from './types.ts';

/** Hashes of final blocks that are remembered to answer requests by hash. */
const rememberedHeights = 1_024;

/** Where a block on this parent stands, undefined while the parent is not executed. */
function groundOn(
  mind: Mind,
  parentHash: Hex,
): (BlockGround & { readonly atMs: number }) | undefined {
  const { network, options } = mind;
  const fixed = { network, params: options.genesis.params, parentHash };
  if (parentHash === mind.head.hash) {
    const { header } = mind.head;
    const tree = mind.tree.head;
    return { ...fixed, reader: mind.layer, tree, parent: header, atMs: mind.headAtMs };
  }
  const block = mind.pending.get(parentHash);
  if (!block) return undefined;
  const { version, header, atMs } = block;
  return { ...fixed, reader: readerAt(mind, parentHash), tree: version, parent: header, atMs };
}

/** State after a pending block. It goes on to answer when blocks below it become final. */
function readerAt(mind: Mind, hash: Hex): StateReader {
  return {
    get(key) {
      for (
        let block = mind.pending.get(hash);
        block;
        block = mind.pending.get(block.header.parent)
      ) {
        const value = block.writes.get(key);
        if (value) return value;
      }
      return mind.layer.get(key);
    },
  };
}

/** True when blocks can be executed on it. */
export function isKnown(mind: Mind, hash: Hex): boolean {
  return hash === mind.head.hash || mind.pending.has(hash);
}

/** When the block became known here, monotonic ms; undefined for an unknown one. */
export function knownSinceMs(mind: Mind, hash: Hex): number | undefined {
  return hash === mind.head.hash ? mind.headAtMs : mind.pending.get(hash)?.atMs;
}

/** Time in the header of the head or a pending block, ms. */
export function timeOf(mind: Mind, hash: Hex): number {
  return (mind.pending.get(hash) ?? mind.head).header.timeMs;
}

/** Executes a block on its known parent and keeps it. Refusals: those of `checkBlock`. */
export function execute(mind: Mind, open: OpenBlock): Verdict<PendingBlock> {
  const ground = groundOn(mind, open.header.parent);
  if (!ground) throw new RangeError('the parent of this block is not executed');
  const { header, hash, txs } = open;
  const checked = checkBlock({ ...ground, header, hash, txs, verified: () => true });
  if (!checked.ok) return checked;
  return accept(keep(mind, { header, hash, txs, ...checked.value }));
}

type Executed = Pick<PendingBlock, 'header' | 'hash' | 'txs' | 'receipts' | 'writes'>;

function keep(mind: Mind, block: Executed): PendingBlock {
  const parent = mind.pending.get(block.header.parent)?.version ?? mind.tree.head;
  const version = mind.tree.extend(parent, block.writes);
  const body = encodeBody(block);
  const kept: PendingBlock = { ...block, version, body, atMs: mind.nowMs, isFed: false };
  mind.pending.set(kept.hash, kept);
  return kept;
}

/** What a proposer adds to its parent. */
export interface Plan {
  readonly view: number;
  readonly parent: Hex;
  readonly candidates: readonly SignedTx[];
}

/** Builds a block and keeps it, with the candidates that the rules refused; undefined where its rules are not known. */
export function build(
  mind: Mind,
  plan: Plan,
): { block: PendingBlock; refused: ReturnType<typeof buildBlock>['refused'] } | undefined {
  const ground = groundOn(mind, plan.parent);
  if (!ground) throw new RangeError('the parent of this proposal is not executed');
  const { view, candidates } = plan;
  const proposer = mind.options.self;
  try {
    const built = buildBlock({ ...ground, view, candidates, proposer, timeMs: mind.wallMs });
    const { refused, ...block } = built;
    return { block: keep(mind, block), refused };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'CHAIN_UPGRADE_NEEDED') throw error;
    return undefined; // we stop when the parent is final
  }
}

/** Ids of the transactions in the pending block and its pending ancestors. */
export function pendingTxIds(mind: Mind, hash: Hex): Set<Hex> {
  const ids = new Set<Hex>();
  for (let block = mind.pending.get(hash); block; block = mind.pending.get(block.header.parent)) {
    for (const { txId } of block.txs) ids.add(txId);
  }
  return ids;
}

/** Makes a pending child of the head the head. */
export function finalise(mind: Mind, hash: Hex, certificate: Certificate): FinalBlock {
  const block = mind.pending.get(hash);
  if (!block || block.header.parent !== mind.head.hash) {
    throw new RangeError('a block became final that does not stand on the head');
  }
  const { header, body, txs, receipts, writes } = block;
  const newFrom = mind.tree.size();
  mind.tree.commit(block.version);
  mind.layer.push(header.height, writes);
  mind.head = { header, hash };
  mind.headAtMs = mind.nowMs;
  const final: FinalBlock = { header, hash, body, txs, receipts, writes, certificate, newFrom };
  remember(mind, final);
  prune(mind);
  if (header.height === mind.era.lastHeight) beginEra(mind);
  checkNextVersion(mind);
  return final;
}

/** Stops when the block after the head follows rules that this program does not know. */
export function checkNextVersion(mind: Mind): void {
  const version = checkVersion(mind.layer, mind.head.header.height + 1);
  if (!version.ok) halt(mind, version.code, version.facts);
}

function remember(mind: Mind, final: FinalBlock): void {
  mind.unstored.push(final);
  mind.heights.set(final.hash, final.header.height);
  if (mind.heights.size <= rememberedHeights) return;
  const [oldest] = mind.heights.keys();
  if (oldest !== undefined) mind.heights.delete(oldest);
}

/** Drops what does not stand on the head. */
function prune(mind: Mind): void {
  const { height } = mind.head.header;
  mind.pending.delete(mind.head.hash);
  const rising = [...mind.pending.values()].sort((a, b) => a.header.height - b.header.height);
  for (const block of rising) {
    if (!isKnown(mind, block.header.parent)) mind.pending.delete(block.hash);
  }
  for (const [hash, at] of mind.invalid) if (at <= height) mind.invalid.delete(hash);
  for (const [hash, open] of mind.orphans) {
    if (open.header.height <= height) mind.orphans.delete(hash);
  }
  for (const [hash, { header }] of mind.assemblies) {
    if (header.height <= height) mind.assemblies.delete(hash);
  }
}

function beginEra(mind: Mind): void {
  const { network, deps, options, layer } = mind;
  const ground = { network, deps, genesisParams: options.genesis.params };
  mind.era = eraOf(ground, mind.head.header.height, layer);
  mind.ownVotes = mind.ownVotes.filter(({ epoch }) => epoch >= mind.era.epoch);
  mind.isSeatStale = true;
}

/** Forgets what the store now has. */
export function takeStored(mind: Mind, height: number): void {
  mind.layer.forget(height);
  mind.unstored = mind.unstored.filter(({ header }) => header.height > height);
}

/** Reports final blocks, oldest first. */
export function report(mind: Mind, blocks: readonly FinalBlock[]): void {
  if (blocks.length > 0) emit(mind, { type: 'final', blocks });
}
