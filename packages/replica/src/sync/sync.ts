/**
 * Catching up: final blocks by ranges, from several peers at once. A node that is far behind, or a little behind for
 * longer than a moment, asks for windows of 64 blocks above its head; answers are kept by height and applied
 * in order. A block is taken when it stands on the head and a finalization of it, or of a block of the
 * same epoch that stands on it, is valid for the validator set of its epoch, which the state before it names. It is executed
 * in full; only the signatures of its transactions are believed, because more than two thirds of the stake have
 * checked them. A peer that does not answer rests for a while, one that lies is reported.
 *
 * Agreement stays open all the time at the head and is opened anew when blocks have moved past it; so there is no
 * moment of switching that a late answer could upset: an answer nobody waits for is ignored, and a block that is
 * final already too. See docs/spec/replica.md, "Catching up".
 */
import { decodeBody, txRootOf } from '@aitbc/chain';
import {
  blockHashOf,
  type Certificate,
  type CertifiedBlock,
  type Hex,
  limits,
  type MeshMessage,
  voteKinds,
} from '@aitbc/protocol';
import { execute } from '../ledger.ts';
import {
  type Held,
  halt,
  type Mind,
  type OpenBlock,
  penalize,
  send,
  type Window,
} from '../mind.ts';
import { isResting, peerHeight } from '../peers.ts';
import { commitFetched } from '../seat.ts';
import { arm, armBy } from '../timers.ts';

/** Blocks behind at which ranges are asked for at once; below, agreement usually catches up by itself. */
const farBehind = 8;
const patienceMs = 1_000;
const answerMs = 4_000;
const restMs = 2_000;
const restMsMax = 60_000;
/** Windows that are fetched or wait ahead of the head, and the bytes that may wait: they bound the memory. */
const windowsAhead = 4;
const heldBytesMax = 33_554_432; // beside them at most one answer of each window is on its way
/** Final blocks that the store does not have yet; with more of them it is the store that is behind. */
const unstoredMax = 512;
/** Transactions executed in one step; the shell has other things to do as well. */
const txsPerStep = 4_000;

type RangeMessage = Extract<MeshMessage, { readonly type: 'range' }>;

/** True while blocks are fetched by ranges. */
export function isSyncing({ windows, held }: Mind): boolean {
  return windows.size > 0 || held.size > 0;
}

/** Asks for what is missing. Called when a status or an answer came, and by the timer. */
export function catchUp(mind: Mind): void {
  endWindows(mind);
  const { height } = mind.head.header;
  const lag = peerHeight(mind) - height;
  if (lag <= 0) mind.held.clear();
  if (lag <= 0 || mind.behind?.height !== height) mind.behind = { height, sinceMs: mind.nowMs };
  if (lag <= 0) return;
  const patientUntilMs = mind.behind.sinceMs + patienceMs;
  if (lag <= farBehind && mind.nowMs < patientUntilMs && !isSyncing(mind)) {
    armBy(mind, 'sync', patientUntilMs);
    return;
  }
  const isFull = heldBytes(mind) > heldBytesMax;
  for (const { from, to } of gapsAbove(mind)) {
    if (isFull && from > height + 1) break;
    const peer = idlePeer(mind, from);
    if (peer === undefined) break;
    mind.windows.set(from, { from, to, peer, askedAtMs: mind.nowMs });
    send(mind, [peer], { type: 'wantRange', from, to });
  }
  if (isSyncing(mind)) armBy(mind, 'sync', mind.nowMs + answerMs);
}

function heldBytes({ held }: Mind): number {
  let sum = 0;
  for (const { sizeBytes } of held.values()) sum += sizeBytes;
  return sum;
}

/** Gives up on peers that did not answer. */
function endWindows(mind: Mind): void {
  for (const window of mind.windows.values()) {
    if (mind.nowMs < window.askedAtMs + answerMs) continue;
    mind.windows.delete(window.from);
    rest(mind, window.peer);
  }
}

function rest(mind: Mind, key: Hex): void {
  const peer = mind.peers.get(key);
  if (!peer) return;
  peer.failures += 1;
  peer.restUntilMs = mind.nowMs + Math.min(restMsMax, restMs * 2 ** (peer.failures - 1));
}

/** Ranges that are neither here nor asked for, from the head on. */
function gapsAbove(mind: Mind): Pick<Window, 'from' | 'to'>[] {
  const gaps: Pick<Window, 'from' | 'to'>[] = [];
  const size = limits.meshRangeBlocks;
  const first = mind.head.header.height + 1;
  const last = Math.min(peerHeight(mind), first + windowsAhead * size - 1);
  const asked = [...mind.windows.values()];
  let from: number | undefined;
  for (let height = first; height <= last + 1; height += 1) {
    const isCovered =
      mind.held.has(height) || asked.some((one) => one.from <= height && height <= one.to);
    const ends = height > last || isCovered || (from !== undefined && height - from >= size);
    if (ends && from !== undefined) gaps.push({ from, to: height - 1 });
    if (ends) from = undefined;
    if (height <= last && !isCovered) from ??= height;
  }
  return gaps;
}

/** A peer that has the height and is not busy for us: whoever failed least, then the one asked longest ago. */
function idlePeer(mind: Mind, height: number): Hex | undefined {
  const busy = new Set([...mind.windows.values()].map(({ peer }) => peer));
  let best: { key: Hex; failures: number } | undefined;
  for (const [key, peer] of mind.peers) {
    if (busy.has(key) || isResting(mind, peer) || (peer.status?.height ?? 0) < height) continue;
    if (!best || peer.failures < best.failures) best = { key, failures: peer.failures };
  }
  return best?.key;
}

/** Takes the answer to a request of ours; others are ignored. */
export function takeRange(mind: Mind, peer: Hex, { from, blocks }: RangeMessage): void {
  const window = mind.windows.get(from);
  if (window?.peer !== peer) return;
  mind.windows.delete(from);
  if (blocks.length === 0) rest(mind, peer);
  for (const [at, block] of blocks.slice(0, window.to - from + 1).entries()) {
    const height = from + at;
    if (height <= mind.head.header.height || mind.held.has(height)) continue;
    const open = openBlock(mind, block, height);
    if (!open) {
      lied(mind, peer, `its block ${height} cannot be read`);
      break;
    }
    const { certificate, body } = block;
    mind.held.set(height, { open, certificate, peer, sizeBytes: body.length });
  }
  applyHeld(mind);
}

function openBlock(mind: Mind, { body }: CertifiedBlock, height: number): OpenBlock | undefined {
  const decoded = decodeBody(mind.network, body);
  if (!decoded.ok) return undefined;
  const { header, txs } = decoded.value;
  if (header.height !== height || txRootOf(txs) !== header.txRoot) return undefined;
  return { header, txs, hash: blockHashOf(mind.network, header), isTrusted: true };
}

/** Everything that a liar sent is thrown away, and the liar reported. */
function lied(mind: Mind, peer: Hex, reason: string): void {
  rest(mind, peer);
  penalize(mind, peer, reason);
  for (const [height, held] of mind.held) if (held.peer === peer) mind.held.delete(height);
}

/** Applies blocks above the head in order, for a while; the timer goes on with the rest. */
export function applyHeld(mind: Mind): void {
  let left = txsPerStep;
  const proven = new Map<Hex, Certificate>();
  for (;;) {
    dropOld(mind);
    const next = mind.held.get(mind.head.header.height + 1);
    if (!next || mind.isHalted || mind.unstored.length >= unstoredMax) break;
    if (left < 0) {
      arm(mind, 'sync', 0);
      return;
    }
    const certificate = proofOf(mind, next, proven);
    if (!certificate) break;
    const size = next.open.txs.length + 1;
    if (!applyNext(mind, next, certificate)) break;
    left -= size;
  }
  catchUp(mind);
}

function dropOld(mind: Mind): void {
  for (const height of mind.held.keys()) {
    if (height <= mind.head.header.height) mind.held.delete(height);
  }
}

/** The checked certificate of the block or of one that stands on it; undefined while there is none. */
function proofOf(mind: Mind, next: Held, proven: Map<Hex, Certificate>): Certificate | undefined {
  if (next.open.header.parent !== mind.head.hash) {
    lied(mind, next.peer, 'its block does not stand on the final chain');
    return undefined;
  }
  const { certificate } = next;
  const standsOnIt = certifiedChain(mind, next);
  if (standsOnIt === 'broken') doubt(mind, next);
  if (standsOnIt !== 'whole') return undefined;
  const known = proven.get(certificate.blockHash);
  if (known) return known;
  const isFinal = certificate.kind === voteKinds.finalize && certificate.epoch === mind.era.epoch;
  if (!isFinal || !mind.era.scheme.verifyCertificate(certificate)) {
    lied(mind, next.peer, 'its certificate proves nothing');
    return undefined;
  }
  proven.set(certificate.blockHash, certificate);
  return certificate;
}

/** Follows the blocks from `next` to the one that its certificate names. */
function certifiedChain(mind: Mind, next: Held): 'whole' | 'open' | 'broken' {
  let { hash } = next.open;
  for (let height = next.open.header.height + 1; ; height += 1) {
    if (hash === next.certificate.blockHash) return 'whole';
    const above = mind.held.get(height);
    if (!above) return height > peerHeight(mind) ? 'broken' : 'open';
    if (above.open.header.parent !== hash) return 'broken';
    ({ hash } = above.open);
  }
}

/** Two peers contradict each other, or a proof never comes: fetch it again, from others if there are any. */
function doubt(mind: Mind, { peer }: Held): void {
  rest(mind, peer);
  mind.held.clear();
}

/** Executes a certified block and makes it final; false after a halt. */
function applyNext(mind: Mind, { open }: Held, certificate: Certificate): boolean {
  const { header, hash } = open;
  if (!mind.pending.has(hash)) {
    const executed = execute(mind, open);
    if (!executed.ok) {
      halt(mind, executed.code, { ...executed.facts, height: header.height });
      return false;
    }
  }
  const peer = mind.peers.get(mind.held.get(header.height)?.peer ?? '');
  if (peer) peer.failures = 0;
  commitFetched(mind, hash, certificate);
  return true;
}
