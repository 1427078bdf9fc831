/**
 * Transactions on their way in and around. Signatures are checked before admission; the rules of a kind are
 * tried on the final state when the transaction is its sender's next, so that one which a block would refuse does
 * not wait for it. What gets in here goes to all validators, once; a validator passes on what came from a
 * follower, a follower passes on everything to two validators. Own transactions that still wait are sent again now
 * and then, because a connection may have died with them. See docs/spec/replica.md, "Transactions".
 */
import { type RefusedTx, simulateTx } from '@aitbc/chain';
import {
  accept,
  decodeOwnTx,
  type Hex,
  limits,
  refuse,
  type SignedTx,
  type Verdict,
} from '@aitbc/protocol';
import { emit, isValidator, type Mind, penalize, send, validatorPeers } from './mind.ts';
import type { FinalBlock } from './types.ts';

/** Validators that a follower sends transactions to. */
const followerFanOut = 2;
const resendMs = 2_000;
const resendMax = 512;

/** Takes transactions whose signatures were checked, and passes them on. */
export function takeTxs(mind: Mind, txs: readonly SignedTx[], from: Hex | undefined): void {
  const admitted: SignedTx[] = [];
  for (const tx of txs) {
    const verdict = admit(mind, tx);
    emit(mind, { type: 'txVerdict', tx, verdict, ...(from === undefined ? {} : { from }) });
    if (!verdict.ok) continue;
    admitted.push(tx);
    if (from === undefined) mind.localTxs.set(tx.txId, mind.nowMs);
  }
  passOn(mind, admitted, from);
}

/** Takes transactions of a peer as they came over the wire. */
export function takeWireTxs(mind: Mind, peer: Hex, all: readonly Uint8Array[]): void {
  const txs: SignedTx[] = [];
  for (const bytes of all) {
    const decoded = decodeOwnTx(mind.network, bytes);
    if (!decoded.ok) {
      penalize(mind, peer, `it sent a transaction that is ${decoded.code}`);
      return;
    }
    if (!mind.mempool.isKnown(decoded.value.txId)) txs.push(decoded.value);
  }
  if (txs.length === 0) return;
  if (mind.deps.verifyTxs(txs)) takeTxs(mind, txs, peer);
  else penalize(mind, peer, 'it sent a transaction that is not signed');
}

function admit(mind: Mind, tx: SignedTx): Verdict<true> {
  const { mempool, deps, layer, head, era } = mind;
  const next = { height: head.header.height + 1, params: era.params };
  const checked = mempool.check(tx, layer, next);
  // What is stored has used its nonce, or is known to its lane until it ends: it is refused, and only its code is looked up.
  if (!checked.ok) return deps.isStoredTx(tx.txId) ? refuse('TX_DUPLICATE') : checked;
  const allowed = tryRules(mind, tx);
  if (!allowed.ok) return allowed;
  reportDropped(mind, mempool.add(tx));
  return accept(true);
}

/** A transfer has no rules beyond what the mempool checked; one that comes after others may depend on them. */
function tryRules(mind: Mind, tx: SignedTx): Verdict<true> {
  if (tx.kind === 'transfer') return accept(true);
  const { layer, head, network, era, options, wallMs } = mind;
  const height = head.header.height + 1;
  const timeMs = Math.max(wallMs, head.header.timeMs + 1);
  const context = { height, timeMs, proposer: options.self, network, params: era.params };
  const { verdict } = simulateTx(layer, context, tx);
  return verdict.ok || verdict.code === 'TX_NONCE_TOO_HIGH' ? accept(true) : verdict;
}

function passOn(mind: Mind, txs: readonly SignedTx[], from: Hex | undefined): void {
  if (txs.length === 0) return;
  const validators = validatorPeers(mind);
  const cameFromValidator = from !== undefined && validators.includes(from);
  if (isValidator(mind) && cameFromValidator) return;
  const targets = validators.filter((peer) => peer !== from);
  sendTxs(mind, isValidator(mind) ? targets : someOf(targets, mind.options.self), txs);
}

/** Two validators that differ from follower to follower. */
function someOf(validators: readonly Hex[], self: Hex): Hex[] {
  if (validators.length <= followerFanOut) return [...validators];
  const first = Number.parseInt(self.slice(0, 8), 16) % validators.length;
  const turned = [...validators.slice(first), ...validators.slice(0, first)];
  return turned.slice(0, followerFanOut);
}

/** In messages that the wire takes. */
function sendTxs(mind: Mind, to: readonly Hex[], txs: readonly SignedTx[]): void {
  let batch: Uint8Array[] = [];
  let sizeBytes = 0;
  const flush = (): void => {
    if (batch.length > 0) send(mind, to, { type: 'txs', txs: batch });
    batch = [];
    sizeBytes = 0;
  };
  for (const { bytes } of txs) {
    const isFull = batch.length >= limits.meshTxs || sizeBytes + bytes.length > limits.bodyBytes;
    if (isFull) flush();
    batch.push(bytes);
    sizeBytes += bytes.length;
  }
  flush();
}

/** Sends own transactions that still wait: all of them to a new peer, else those not sent for a while. */
export function resend(mind: Mind, to?: Hex): void {
  const due: SignedTx[] = [];
  for (const [txId, sentAtMs] of mind.localTxs) {
    const tx = mind.mempool.get(txId);
    if (!tx) mind.localTxs.delete(txId);
    else if (to !== undefined || mind.nowMs >= sentAtMs + resendMs) due.push(tx);
    if (due.length >= resendMax) break;
  }
  if (to === undefined) for (const { txId } of due) mind.localTxs.set(txId, mind.nowMs);
  const targets = to === undefined ? validatorPeers(mind) : [to];
  sendTxs(mind, isValidator(mind) ? targets : someOf(targets, mind.options.self), due);
}

/** Takes what became final out of the mempool, and what the new state does not carry. */
export function settlePool(mind: Mind, blocks: readonly FinalBlock[]): void {
  const dropped: RefusedTx[] = [];
  for (const { hash, header, txs, writes } of blocks) {
    dropped.push(...mind.mempool.settle({ height: header.height, txs, writes }, mind.layer));
    const refused = refusedOn(mind, hash);
    mind.mempool.remove(refused.map(({ tx }) => tx.txId));
    const accounts = refused.map(({ tx }) => tx.from);
    dropped.push(...refused, ...mind.mempool.recheck(accounts, mind.layer));
    for (const { txId } of txs) mind.localTxs.delete(txId);
  }
  reportDropped(mind, dropped);
}

/** What was refused on this block, which is final now; what was refused on one that never will be may try again. */
function refusedOn(mind: Mind, hash: Hex): RefusedTx[] {
  const refused: RefusedTx[] = [];
  for (const [txId, one] of mind.refused) {
    if (one.parent === hash && mind.mempool.get(txId)) refused.push(one);
    if (one.parent === hash || !mind.pending.has(one.parent)) mind.refused.delete(txId);
  }
  return refused;
}

/** Drops transactions that the rules refused on the final state, and what stood on them. */
export function dropRefused(mind: Mind, refused: readonly RefusedTx[]): void {
  mind.mempool.remove(refused.map(({ tx }) => tx.txId));
  const accounts = refused.map(({ tx }) => tx.from);
  reportDropped(mind, [...refused, ...mind.mempool.recheck(accounts, mind.layer)]);
}

function reportDropped(mind: Mind, dropped: readonly RefusedTx[]): void {
  for (const { tx } of dropped) {
    mind.refused.delete(tx.txId);
    mind.localTxs.delete(tx.txId);
  }
  if (dropped.length > 0) emit(mind, { type: 'dropped', txs: dropped });
}
