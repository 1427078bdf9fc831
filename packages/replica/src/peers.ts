/**
 * Peers: who is connected and what they say of themselves. What a peer says is a hint: blocks come only with
 * certificates. A peer that talks of an older epoch is told where we stand, which makes it fetch the blocks it lacks.
 */
import type { Hex, PeerStatus } from '@aitbc/protocol';
import { type Mind, type Peer, send } from './mind.ts';

/** How often a node says where it stands while something changes, and when nothing does. */
const statusMs = 1_000;
const quietStatusMs = 5_000;
const helpMs = 500;

/** A peer is connected. */
export function addPeer(mind: Mind, peer: Hex): void {
  const fresh = { status: undefined, helpedAtMs: Number.NEGATIVE_INFINITY };
  mind.peers.set(peer, { ...fresh, restUntilMs: 0, failures: 0 });
  send(mind, [peer], { type: 'status', status: ownStatus(mind) });
}

/** A peer is gone. */
export function dropPeer(mind: Mind, peer: Hex): void {
  mind.peers.delete(peer);
  mind.early = mind.early.filter((one) => one.peer !== peer);
  for (const [from, window] of mind.windows) if (window.peer === peer) mind.windows.delete(from);
}

/** Where we stand. */
export function ownStatus({ head, era, seat, deps }: Mind): PeerStatus {
  const { height } = head.header;
  const view = seat?.state.view ?? 0;
  const snapshotHeight = deps.snapshotHeight();
  return { height, hash: head.hash, epoch: era.epoch, view, snapshotHeight };
}

/** Tells everybody where we stand, if that is news or was long ago. Returns the delay until the next time. */
export function sayStatus(mind: Mind): number {
  const status = ownStatus(mind);
  const { saidAt, nowMs } = mind;
  const isNews = saidAt?.height !== status.height || saidAt.view !== status.view;
  if (isNews || nowMs >= saidAt.atMs + quietStatusMs) {
    mind.saidAt = { height: status.height, view: status.view, atMs: nowMs };
    send(mind, [...mind.peers.keys()], { type: 'status', status });
  }
  return statusMs;
}

/** Helps a peer that is in an older epoch. */
export function helpOut(mind: Mind, peer: Hex): void {
  const known = mind.peers.get(peer);
  if (!known || mind.nowMs < known.helpedAtMs + helpMs) return;
  known.helpedAtMs = mind.nowMs;
  send(mind, [peer], { type: 'status', status: ownStatus(mind) });
}

/** Height of the highest head that a peer claims and did not fail to show. */
export function peerHeight(mind: Mind): number {
  let highest = 0;
  for (const peer of mind.peers.values()) {
    if (isResting(mind, peer)) continue;
    highest = Math.max(highest, peer.status?.height ?? 0);
  }
  return highest;
}

/** True while a peer that failed is not asked again. */
export function isResting({ nowMs }: Mind, { restUntilMs }: Peer): boolean {
  return nowMs < restUntilMs;
}
