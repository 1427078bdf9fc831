/**
 * Blocks: making one, and checking one that somebody else made.
 *
 * A block is executed before anyone votes on it: `stateRoot` is the state after the block. Time never goes
 * back: a block's time is at least one millisecond after its parent's. Whether the proposer's clock is
 * sensible and whether it was its turn is asked by consensus, which has a clock and the schedule.
 *
 * The builder takes candidates in the given order and reports those that refuse. The checker takes nothing
 * from the proposer on trust: it compares the hash that was voted on, every header field, every signature it
 * has not seen, and both roots after its own execution. See docs/spec/chain.md, "Blocks".
 */
import {
  accept,
  type BlockHeader,
  blockHashOf,
  type ChainParams,
  type ErrorCode,
  type Facts,
  type Hex,
  type Network,
  limits as protocolLimits,
  refuse,
  type SignedTx,
  type Validator,
  type Verdict,
  validatorsHashOf,
  verifyTx,
  zeroHash,
} from '@aitbc/protocol';
import { emptyBodySize, sizeInBlock } from './body.ts';
import type { StateKey } from './entries.ts';
import { createExecution, receiptRootOf, txRootOf } from './execute.ts';
import type { TxReceipt } from './receipt.ts';
import { createOverlay, type StateReader } from './state.ts';
import type { StateTree } from './tree.ts';

export const headerVersion = 1;
/** Latest chain time: a delay added to it still is a safe integer. */
export const timeMsMax = 2 ** 52;

/** How much a block may hold. */
export interface BlockLimits {
  readonly blockTxCount: number;
  readonly blockSizeBytes: number;
}

/** Where a block stands: the state before it, its parent, and what the network fixes. */
export interface BlockGround {
  readonly reader: StateReader;
  /** Tree of the same state. */
  readonly tree: Pick<StateTree, 'rootAfter'>;
  readonly parent: BlockHeader;
  readonly parentHash: Hex;
  readonly network: Network;
  readonly params: ChainParams;
  readonly validators: readonly Validator[];
  /** The limits of the protocol when left out. */
  readonly limits?: BlockLimits;
}

/** What a proposer adds. */
export interface BlockPlan extends BlockGround {
  readonly view: number;
  /** Proposer's clock, ms. */
  readonly timeMs: number;
  readonly proposer: Hex;
  /** In the order they should run; their signatures are valid. */
  readonly candidates: readonly SignedTx[];
}

/** A candidate that did not go in. */
export interface RefusedTx {
  readonly tx: SignedTx;
  readonly code: ErrorCode;
  readonly facts: Facts;
}

/** A block as its proposer has it. */
export interface BuiltBlock {
  readonly header: BlockHeader;
  readonly hash: Hex;
  readonly txs: readonly SignedTx[];
  readonly receipts: readonly TxReceipt[];
  readonly writes: ReadonlyMap<StateKey, Uint8Array>;
  /** Candidates the rules refused; those that found no room are in neither list. */
  readonly refused: readonly RefusedTx[];
}

/** Epoch of a height: the genesis block belongs to the first one, 0. */
export function epochOf({ epochBlocks }: Pick<ChainParams, 'epochBlocks'>, height: number): number {
  return height === 0 ? 0 : Math.floor((height - 1) / epochBlocks);
}

/** Builds the next block. Changes neither the state nor the tree. */
export function buildBlock(plan: BlockPlan): BuiltBlock {
  const { network, params, proposer, parent } = plan;
  const height = parent.height + 1;
  const timeMs = Math.max(plan.timeMs, parent.timeMs + 1);
  const overlay = createOverlay(plan.reader);
  const execution = createExecution(overlay, { height, timeMs, proposer, network, params });
  const { txs, refused } = takeCandidates(plan, execution);
  execution.settle();
  const writes = overlay.writes();
  const { receipts } = execution;
  const validatorsHash = validatorsHashOf(network, plan.validators);
  const header: BlockHeader = {
    version: headerVersion,
    chain: network.chain,
    height,
    epoch: epochOf(params, height),
    view: plan.view,
    parent: plan.parentHash,
    timeMs,
    proposer,
    txRoot: txRootOf(txs),
    stateRoot: plan.tree.rootAfter(writes),
    receiptRoot: receiptRootOf(receipts),
    validatorsHash,
    nextValidatorsHash: validatorsHash,
    evidenceRoot: zeroHash,
  };
  return { header, hash: blockHashOf(network, header), txs, receipts, writes, refused };
}

function takeCandidates(
  plan: BlockPlan,
  execution: ReturnType<typeof createExecution>,
): { txs: SignedTx[]; refused: RefusedTx[] } {
  const { blockTxCount, blockSizeBytes } = plan.limits ?? protocolLimits;
  const txs: SignedTx[] = [];
  const refused: RefusedTx[] = [];
  let sizeBytes = emptyBodySize(plan.parent);
  for (const tx of plan.candidates) {
    if (txs.length >= blockTxCount) break;
    if (sizeBytes + sizeInBlock(tx) > blockSizeBytes) continue;
    const receipt = execution.run(tx);
    if (receipt.ok) {
      txs.push(tx);
      sizeBytes += sizeInBlock(tx);
    } else refused.push({ tx, code: receipt.code, facts: receipt.facts });
  }
  return { txs, refused };
}

/** Someone else's block. */
export interface BlockToCheck extends BlockGround {
  readonly header: BlockHeader;
  readonly txs: readonly SignedTx[];
  /** The hash that the proposer signed or a certificate names. */
  readonly hash: Hex;
  /** True for a transaction whose signature was checked before. */
  readonly verified?: (txId: Hex) => boolean;
}

/** What a valid block does. */
export interface CheckedBlock {
  readonly receipts: readonly TxReceipt[];
  readonly writes: ReadonlyMap<StateKey, Uint8Array>;
}

/** Checks a block completely. Refusal: BLOCK_INVALID with a reason. Changes nothing. */
export function checkBlock(block: BlockToCheck): Verdict<CheckedBlock> {
  const fault = sizeFault(block) ?? headerFault(block) ?? signatureFault(block);
  if (fault !== undefined) return invalid(block, fault);
  const { header, network, params, txs } = block;
  const { height, timeMs, proposer } = header;
  const overlay = createOverlay(block.reader);
  const execution = createExecution(overlay, { height, timeMs, proposer, network, params });
  for (const [index, tx] of txs.entries()) {
    const receipt = execution.run(tx);
    if (!receipt.ok) return invalid(block, `transaction ${index} is refused with ${receipt.code}`);
  }
  execution.settle();
  const writes = overlay.writes();
  const { receipts } = execution;
  if (receiptRootOf(receipts) !== header.receiptRoot) {
    return invalid(block, 'its receiptRoot is not the root of the receipts');
  }
  if (block.tree.rootAfter(writes) !== header.stateRoot) {
    return invalid(block, 'its stateRoot is not the state after the block');
  }
  return accept({ receipts, writes });
}

function invalid({ header }: BlockToCheck, reason: string): Verdict<never> {
  return refuse('BLOCK_INVALID', { height: header.height, reason });
}

/** Why a header cannot follow its parent, undefined when it can. */
function headerFault(block: BlockToCheck): string | undefined {
  const { header, parent, network, validators } = block;
  const validatorsHash = validatorsHashOf(network, validators);
  const rules: readonly (readonly [boolean, string])[] = [
    [blockHashOf(network, header) === block.hash, 'its header has another hash'],
    [header.version === headerVersion, `version ${header.version} is not known`],
    [header.chain === network.chain, 'it is for another chain'],
    [header.height === parent.height + 1, `the next height is ${parent.height + 1}`],
    [header.parent === block.parentHash, 'its parent is another block'],
    [header.epoch === epochOf(block.params, header.height), 'its epoch is not that of its height'],
    [
      header.view > (header.epoch === parent.epoch ? parent.view : 0),
      'its view is not above that of its parent',
    ],
    [header.timeMs > parent.timeMs, 'its time is not after that of its parent'],
    [header.timeMs <= timeMsMax, 'its time is beyond the calendar'],
    [validators.some(({ publicKey }) => publicKey === header.proposer), 'no validator made it'],
    [header.validatorsHash === validatorsHash, 'its validatorsHash is another set'],
    [header.nextValidatorsHash === validatorsHash, 'its nextValidatorsHash is another set'],
    [header.evidenceRoot === zeroHash, 'it names evidence, which is not in use yet'],
    [txRootOf(block.txs) === header.txRoot, 'its txRoot is not the root of its transactions'],
  ];
  return rules.find(([holds]) => !holds)?.[1];
}

function sizeFault({ header, txs, limits }: BlockToCheck): string | undefined {
  const { blockTxCount, blockSizeBytes } = limits ?? protocolLimits;
  if (txs.length > blockTxCount) return `it has ${txs.length} transactions`;
  const sizeBytes = txs.reduce((sum, tx) => sum + sizeInBlock(tx), emptyBodySize(header));
  return sizeBytes > blockSizeBytes ? `it has ${sizeBytes} bytes` : undefined;
}

function signatureFault({ network, txs, verified }: BlockToCheck): string | undefined {
  const index = txs.findIndex((tx) => !verified?.(tx.txId) && !verifyTx(network, tx));
  return index < 0 ? undefined : `transaction ${index} is not signed by its sender`;
}
