/**
 * Blocks: making one, and checking one that somebody else made.
 *
 * A block is executed before anyone votes on it: `stateRoot` is the state after the block. Time never goes
 * back: a block's time is at least one millisecond after its parent's. Whether the proposer's clock is
 * sensible is asked by the voters, who have clocks. Whose turn it was is checked here, because the validator set
 * and the parameters stand in the state before the block; the parent may be final or not.
 *
 * The builder takes candidates in the given order and reports those that refuse. The checker takes nothing
 * from the proposer on trust: it compares the hash that was voted on, every header field, every signature it
 * has not seen, and both roots after its own execution. See docs/spec/chain.md, "Blocks".
 */
import {
  AppError,
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
  type Verdict,
  verifyTx,
} from '@aitbc/protocol';
import { emptyBodySize, sizeInBlock } from './body.ts';
import type { StateKey } from './entries.ts';
import { epochOf } from './epoch/epochs.ts';
import { paramsOf } from './epoch/overrides.ts';
import { type ValidatorSet, validatorSetOf } from './epoch/validator-set.ts';
import { checkVersion } from './epoch/version.ts';
import {
  createExecution,
  type Execution,
  evidenceRootOf,
  receiptRootOf,
  txRootOf,
} from './execute.ts';
import type { TxReceipt } from './receipt.ts';
import { noteStandstill } from './rules/dates.ts';
import { createOverlay, type Overlay, type StateReader } from './state.ts';
import type { StateTree } from './tree/tree.ts';

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
  /** Parameters of the genesis document; what was voted since stands in the state. */
  readonly params: ChainParams;
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

/** A block under execution. */
interface Scene {
  readonly overlay: Overlay;
  readonly execution: Execution;
  readonly set: ValidatorSet;
  readonly params: ChainParams;
}

function sceneOf(
  ground: BlockGround,
  { view, timeMs, proposer }: { view: number; timeMs: number; proposer: Hex },
): Scene {
  const { reader, network, parent } = ground;
  const height = parent.height + 1;
  const params = paramsOf(reader, ground.params);
  const set = validatorSetOf(network, reader);
  const parentView = parentViewOf(parent, epochOf(params, height));
  const overlay = createOverlay(reader);
  const context = { height, timeMs, proposer, network, params };
  noteStandstill(overlay, context, parent);
  const views = { set, parentView, view };
  const execution = createExecution(overlay, context, { views, parentHash: ground.parentHash });
  return { overlay, execution, set, params };
}

/** View that a block of an epoch comes after: views begin again with each epoch. */
function parentViewOf(parent: BlockHeader, epoch: number): number {
  return parent.epoch === epoch ? parent.view : 0;
}

/**
 * Builds the next block. Changes neither the state nor the tree. Throws AppError CHAIN_UPGRADE_NEEDED.
 */
export function buildBlock(plan: BlockPlan): BuiltBlock {
  const { network, proposer, parent, view } = plan;
  const height = parent.height + 1;
  const version = checkVersion(plan.reader, height);
  if (!version.ok) throw new AppError(version.code, version.facts);
  const timeMs = Math.max(plan.timeMs, parent.timeMs + 1);
  const { overlay, execution, set, params } = sceneOf(plan, { view, timeMs, proposer });
  const { txs, refused } = takeCandidates(plan, execution);
  execution.finish();
  const writes = overlay.writes();
  const { receipts } = execution;
  const header: BlockHeader = {
    version: headerVersion,
    chain: network.chain,
    height,
    epoch: epochOf(params, height),
    view,
    parent: plan.parentHash,
    timeMs,
    proposer,
    txRoot: txRootOf(txs),
    stateRoot: plan.tree.rootAfter(writes),
    receiptRoot: receiptRootOf(receipts),
    validatorsHash: set.hash,
    nextValidatorsHash: validatorSetOf(network, overlay).hash,
    evidenceRoot: evidenceRootOf(txs),
  };
  return { header, hash: blockHashOf(network, header), txs, receipts, writes, refused };
}

function takeCandidates(
  plan: BlockPlan,
  execution: Execution,
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

/**
 * Checks a block completely. Changes nothing. Refusals: BLOCK_INVALID with a reason, CHAIN_UPGRADE_NEEDED for a
 * block whose rules this program does not know.
 */
export function checkBlock(block: BlockToCheck): Verdict<CheckedBlock> {
  const { header, txs, reader, parent } = block;
  const version = checkVersion(reader, parent.height + 1);
  if (!version.ok) return version;
  const scene = sceneOf(block, header);
  const fault = sizeFault(block) ?? headerFault(block, scene) ?? signatureFault(block);
  if (fault !== undefined) return invalid(block, fault);
  const { execution, overlay } = scene;
  for (const [index, tx] of txs.entries()) {
    const receipt = execution.run(tx);
    if (!receipt.ok) return invalid(block, `transaction ${index} is refused with ${receipt.code}`);
  }
  execution.finish();
  const writes = overlay.writes();
  const { receipts } = execution;
  const rules: readonly (readonly [() => boolean, string])[] = [
    [
      () => receiptRootOf(receipts) === header.receiptRoot,
      'its receiptRoot is not the root of the receipts',
    ],
    [
      () => validatorSetOf(block.network, overlay).hash === header.nextValidatorsHash,
      'its nextValidatorsHash is another set',
    ],
    [
      () => block.tree.rootAfter(writes) === header.stateRoot,
      'its stateRoot is not the state after the block',
    ],
  ];
  const broken = rules.find(([holds]) => !holds());
  return broken ? invalid(block, broken[1]) : accept({ receipts, writes });
}

function invalid({ header }: BlockToCheck, reason: string): Verdict<never> {
  return refuse('BLOCK_INVALID', { height: header.height, reason });
}

/** Why a header cannot follow its parent, undefined when it can. */
function headerFault(block: BlockToCheck, { set, params }: Scene): string | undefined {
  const { header, parent, network } = block;
  const epoch = epochOf(params, parent.height + 1);
  const leader = set.validators[set.leaderOf(header.view)]?.publicKey;
  const rules: readonly (readonly [boolean, string])[] = [
    [blockHashOf(network, header) === block.hash, 'its header has another hash'],
    [header.version === headerVersion, `version ${header.version} is not known`],
    [header.chain === network.chain, 'it is for another chain'],
    [header.height === parent.height + 1, `the next height is ${parent.height + 1}`],
    [header.parent === block.parentHash, 'its parent is another block'],
    [header.epoch === epoch, `its epoch is not ${epoch}`],
    [header.view > parentViewOf(parent, epoch), 'its view is not above that of its parent'],
    [header.timeMs > parent.timeMs, 'its time is not after that of its parent'],
    [header.timeMs <= timeMsMax, 'its time is beyond the calendar'],
    [header.proposer === leader, 'its proposer does not lead its view'],
    [header.validatorsHash === set.hash, 'its validatorsHash is another set'],
    [txRootOf(block.txs) === header.txRoot, 'its txRoot is not the root of its transactions'],
    [
      evidenceRootOf(block.txs) === header.evidenceRoot,
      'its evidenceRoot is not the root of its evidence',
    ],
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
