/**
 * Blocks that somebody has to send. Whoever should have one is asked first (the leader of its view), then
 * everybody in turn, one at a time; a want ends when its block is here or when it has gone around often enough:
 * agreement asks again for what it still needs. See docs/spec/replica.md, "Fetching".
 */
import type { Hex } from '@aitbc/protocol';
import { isKnown } from './ledger.ts';
import { type Mind, send, validatorPeers, type Want } from './mind.ts';
import { armBy } from './timers.ts';

const wantsMax = 64;
const retryMs = 500; // a block of the largest size on a slow line, and a busy peer
const roundsMax = 3;

/** Notes that a block is needed; `view` names a leader who should have it. */
export function want(mind: Mind, hash: Hex, view: number): void {
  if (isKnown(mind, hash) || mind.wants.has(hash) || mind.wants.size >= wantsMax) return;
  const asked = { attempts: 0, askedAtMs: Number.NEGATIVE_INFINITY, asked: undefined };
  mind.wants.set(hash, { hash, view, ...asked });
}

/** Asks for what is needed and was not asked for lately. Once at the end of each step. */
export function askForWants(mind: Mind): void {
  for (const one of mind.wants.values()) {
    const isHere = isKnown(mind, one.hash) || mind.orphans.has(one.hash);
    const peers = peersFor(mind, one);
    if (isHere || one.attempts > roundsMax * Math.max(1, peers.length)) mind.wants.delete(one.hash);
    else if (mind.nowMs >= one.askedAtMs + retryMs) ask(mind, one, peers);
  }
  if (mind.wants.size > 0) armBy(mind, 'fetch', mind.nowMs + retryMs);
}

function ask(mind: Mind, one: Want, peers: readonly Hex[]): void {
  const peer = peers[one.attempts % Math.max(1, peers.length)];
  one.attempts += 1;
  one.askedAtMs = mind.nowMs;
  one.asked = peer;
  if (peer === undefined) return;
  const assembly = mind.assemblies.get(one.hash);
  const places = assembly ? missingPlaces(assembly.txs) : [];
  const askTxs = assembly !== undefined && peer === assembly.from && places.length > 0;
  if (askTxs) send(mind, [peer], { type: 'wantTxs', hash: one.hash, places });
  else send(mind, [peer], { type: 'wantBlock', hash: one.hash });
}

/** Places of a proposal whose transactions are not here. */
export function missingPlaces(txs: readonly unknown[]): number[] {
  return [...txs.keys()].filter((place) => txs[place] === undefined);
}

/** The leader of its view first, then the other validators, then anybody. */
function peersFor(mind: Mind, { view, hash }: Want): Hex[] {
  const { validators, leaderOf } = mind.era.set;
  const leader = validators[leaderOf(view)]?.publicKey;
  const from = mind.assemblies.get(hash)?.from;
  const others = validatorPeers(mind);
  const order = [from, leader, ...others, ...mind.peers.keys()];
  return [...new Set(order)].filter(
    (peer): peer is Hex => peer !== undefined && mind.peers.has(peer),
  );
}
