/**
 * Which questions of peers are taken. A question is a few bytes and its answer up to `limits.meshFrameBytes`, made before
 * anything of its turn is sent: a peer that asks hundreds of times in one breath would make us hold a gigabyte. So
 * a peer has a few questions in a turn, and none while an answer still waits for it. What is not taken is
 * forgotten; whoever is honest asks again, and has one range under way with each peer anyhow.
 */
import { type Hex, limits, type MeshMessage, type MeshMessageType } from '@aitbc/protocol';

const asksPerTurn = 4; // a range, a block, transactions of another, certificates
const waitingBytesMax = limits.meshFrameBytes;
const askTypes: ReadonlySet<MeshMessageType> = new Set<MeshMessageType>([
  'wantTxs',
  'wantBlock',
  'wantRange',
  'wantCertificates',
]);

/** Bound of the questions of all peers. */
export interface Asks {
  /** False for a question that is one too many. */
  admits(peer: Hex, message: MeshMessage): boolean;
  /** All that was asked in the turn is answered. */
  endTurn(): void;
}

/** A bound at the beginning of a turn; `waitingBytes` wait for a peer. */
export function createAsks(waitingBytes: (peer: Hex) => number): Asks {
  const asked = new Map<Hex, number>();
  return {
    admits(peer, { type }) {
      if (!askTypes.has(type)) return true;
      const count = asked.get(peer) ?? 0;
      if (count >= asksPerTurn || waitingBytes(peer) > waitingBytesMax) return false;
      asked.set(peer, count + 1);
      return true;
    },
    endTurn: () => asked.clear(),
  };
}
