/**
 * Who handed over what no honest peer forwards. Each such envelope costs ten points, which come back within half a
 * minute; at −80 gossipsub stops listening to the peer, at −50 it stops telling it things. The penalty belongs
 * to the peer that forwarded, which could have checked, and not to the sender, who may be invented.
 */
import type { Clock } from '@aitbc/primitives';

const pointsEach = 10;
const halfLifeMs = 10_000;
const peersMax = 1_024; // above any number of connections; the oldest is forgiven

/** Points against peers. */
export interface Penalties {
  add(peer: string): void;
  /** Zero or negative. */
  scoreOf(peer: string): number;
}

/** Nobody has a penalty. */
export function createPenalties(clock: Clock): Penalties {
  const peers = new Map<string, { points: number; atMs: number }>();
  const pointsOf = (peer: string) => {
    const entry = peers.get(peer);
    return entry ? entry.points * 2 ** ((entry.atMs - clock.nowMs()) / halfLifeMs) : 0;
  };
  return {
    add(peer) {
      const points = pointsOf(peer) + pointsEach;
      peers.delete(peer);
      peers.set(peer, { points, atMs: clock.nowMs() });
      if (peers.size > peersMax) peers.delete(peers.keys().next().value ?? peer);
    },
    scoreOf: (peer) => -pointsOf(peer),
  };
}
