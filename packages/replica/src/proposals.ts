/**
 * Compact proposals: header, 8 bytes of each transaction's id, and the leader's own notarize vote. The receiver
 * finds the transactions in its mempool; what it lacks it asks of the sender, and when the whole does not have the
 * root of the header (two ids may begin alike) it asks for the block. Only what the leader of a view signed is
 * kept, so a stranger cannot fill the memory. See docs/spec/replica.md, "Proposals".
 */
import { decodeBody, txRootOf } from '@aitbc/chain';
import {
  type BlockHeader,
  blockHashOf,
  decodeOwnTx,
  type Hex,
  limits,
  type MeshMessage,
  type ShortTxId,
  type SignedTx,
  type Vote,
} from '@aitbc/protocol';
import { arrive } from './blocks.ts';
import { missingPlaces, want } from './fetch.ts';
import { type Assembly, type Mind, penalize, tell } from './mind.ts';

/** Proposals whose transactions are not all here; an honest network has one or two. */
const assembliesMax = 16;
/** Views and heights ahead of ours in which a proposal is kept. */
const reach = 256;
const shortIdDigits = 16;

type ProposalMessage = Extract<MeshMessage, { readonly type: 'proposal' }>;
type BlockTxsMessage = Extract<MeshMessage, { readonly type: 'blockTxs' }>;
type BlockMessage = Extract<MeshMessage, { readonly type: 'block' }>;

/** First 8 bytes of a transaction id. */
export function shortIdOf({ txId }: Pick<SignedTx, 'txId'>): ShortTxId {
  return txId.slice(0, shortIdDigits);
}

/** Takes a proposal of the present epoch. */
export function takeProposal(mind: Mind, peer: Hex, message: ProposalMessage): void {
  const { header, txIds, vote } = message;
  const hash = blockHashOf(mind.network, header);
  if (vote.kind !== 'notarize' || vote.blockHash !== hash || vote.epoch !== header.epoch) {
    penalize(mind, peer, 'its proposal carries the vote for another block');
    return;
  }
  tell(mind, { type: 'vote', vote }, peer);
  if (isKnownBlock(mind, hash) || !isWithinReach(mind, header, vote)) return;
  if (txIds.length > limits.blockTxCount || !isByLeader(mind, vote)) return;
  const txs = txIds.map((id) => waitingTx(mind, id));
  const assembly: Assembly = { header, hash, view: vote.view, from: peer, txs };
  if (!finish(mind, assembly)) keep(mind, assembly);
}

function isKnownBlock(mind: Mind, hash: Hex): boolean {
  return [mind.pending, mind.invalid, mind.orphans, mind.assemblies].some((all) => all.has(hash));
}

function isWithinReach({ head, seat }: Mind, header: BlockHeader, { view }: Vote): boolean {
  const above = header.height - head.header.height;
  const final = seat?.state.final.view ?? 0;
  return above > 0 && above <= reach && view > final && view <= final + reach;
}

function isByLeader({ era }: Mind, vote: Vote): boolean {
  const { leaderOf } = era.set;
  return vote.validator === leaderOf(vote.view) && era.scheme.verifyVote(vote);
}

/** The waiting transaction that an id means; undefined when there is none or more than one. */
function waitingTx(mind: Mind, id: ShortTxId): SignedTx | undefined {
  const found = mind.mempool.byShortId(id);
  return found.length === 1 ? found[0] : undefined;
}

/** Keeps a proposal until its transactions are here, those of the newest views first. */
function keep(mind: Mind, assembly: Assembly): void {
  mind.assemblies.set(assembly.hash, assembly);
  want(mind, assembly.hash, assembly.view);
  if (mind.assemblies.size <= assembliesMax) return;
  let oldest = assembly;
  for (const one of mind.assemblies.values()) if (one.view < oldest.view) oldest = one;
  mind.assemblies.delete(oldest.hash);
}

/** Hands the block on when it is whole; false while something is missing. */
function finish(mind: Mind, { header, hash, txs }: Assembly): boolean {
  if (txs.includes(undefined)) return false;
  const all = txs as SignedTx[];
  if (txRootOf(all) !== header.txRoot) return false; // nothing is missing: the whole block is asked for
  arrive(mind, { header, hash, txs: all, isTrusted: false });
  return true;
}

/** Takes the missing transactions of a proposal. */
export function takeBlockTxs(mind: Mind, peer: Hex, message: BlockTxsMessage): void {
  const assembly = mind.assemblies.get(message.hash);
  if (!assembly || mind.wants.get(message.hash)?.asked !== peer) return;
  const missing = new Set(missingPlaces(assembly.txs));
  for (const [at, bytes] of message.txs.entries()) {
    const place = message.places[at];
    const tx = decodeOwnTx(mind.network, bytes);
    if (!tx.ok || place === undefined) {
      penalize(mind, peer, 'a transaction of its block cannot be read');
      return;
    }
    if (missing.has(place)) assembly.txs[place] = tx.value;
  }
  if (finish(mind, assembly)) mind.wants.delete(assembly.hash);
  else askForWhole(mind, assembly);
}

/** After an answer that did not help: the whole block, from anybody. */
function askForWhole(mind: Mind, { hash, view }: Assembly): void {
  mind.assemblies.delete(hash);
  mind.wants.delete(hash);
  want(mind, hash, view);
}

/** Takes a block that was asked for. */
export function takeBlock(mind: Mind, peer: Hex, { hash, body }: BlockMessage): void {
  if (!mind.wants.has(hash)) return;
  const decoded = decodeBody(mind.network, body);
  if (!decoded.ok || blockHashOf(mind.network, decoded.value.header) !== hash) {
    penalize(mind, peer, 'its block is not the one that was asked for');
    return;
  }
  const { header, txs } = decoded.value;
  if (txRootOf(txs) !== header.txRoot) {
    penalize(mind, peer, 'its block has other transactions than its header says');
    return;
  }
  if (header.epoch !== mind.era.epoch) return;
  mind.wants.delete(hash);
  arrive(mind, { header, hash, txs, isTrusted: false });
}
