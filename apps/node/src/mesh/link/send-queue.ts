/**
 * What waits to be written to one peer. Four ranks: votes go first and are never dropped; when the bytes
 * reach their bound the oldest frame of the lowest rank makes room, but never for a frame of a lower rank
 * than its own. Each rank keeps its order; a vote may pass an older block.
 *
 *   votes      votes, certificates, and what keeps the connection alive
 *   proposals  proposals and the bodies that voting waits for
 *   sync       ranges and snapshots: the asker asks again
 *   gossip     transactions and status: sent again, or newer soon
 *
 * Rejected: one order for all (a range of 4 MB in front of a vote costs a view on a slow line), and
 * dropping votes (a peer that misses votes without knowing stalls the view; one that is cut off comes back
 * and asks).
 */
import type { MeshMessageType } from '@aitbc/protocol';

/** Ranks, highest first. */
export const ranks = Object.freeze(['votes', 'proposals', 'sync', 'gossip'] as const);

/** Name of a rank. */
export type Rank = (typeof ranks)[number];

/** Rank of each message. */
export const rankOf: Readonly<Record<MeshMessageType, Rank>> = Object.freeze({
  votes: 'votes',
  certificates: 'votes',
  proposal: 'proposals',
  wantTxs: 'proposals',
  blockTxs: 'proposals',
  wantBlock: 'proposals',
  block: 'proposals',
  wantCertificates: 'proposals',
  wantRange: 'sync',
  range: 'sync',
  wantSnapshot: 'sync',
  snapshot: 'sync',
  wantChunk: 'sync',
  chunk: 'sync',
  wantBundle: 'sync',
  bundle: 'sync',
  status: 'gossip',
  txs: 'gossip',
});

/** Frames that wait for one peer. */
export interface SendQueue {
  /** False when there is no room even after dropping all that may be dropped for this rank. */
  push(frame: Uint8Array, rank: Rank): boolean;
  /** The next frames, as many as fit into the bytes, at least one; empty when nothing waits. */
  take(maxBytes: number): Uint8Array[];
  sizeBytes(): number;
  /** Frames that were dropped so far, by rank. */
  dropped(): Readonly<Record<Rank, number>>;
}

/** An empty queue that holds at most `maxBytes`. */
export function createSendQueue(maxBytes: number): SendQueue {
  const waiting = ranks.map(() => createFifo());
  const dropped = { votes: 0, proposals: 0, sync: 0, gossip: 0 };
  let size = 0;
  const dropOne = (from: number): boolean => {
    for (let at = ranks.length - 1; at >= from; at -= 1) {
      const frame = ranks[at] === 'votes' ? undefined : waiting[at]?.shift(maxBytes);
      if (!frame) continue;
      size -= frame.length;
      dropped[ranks[at] as Rank] += 1;
      return true;
    }
    return false;
  };
  return {
    push(frame, rank) {
      const at = ranks.indexOf(rank);
      while (size + frame.length > maxBytes) {
        if (dropOne(at)) continue;
        dropped[rank] += 1;
        return false;
      }
      waiting[at]?.push(frame);
      size += frame.length;
      return true;
    },
    take(batchBytes) {
      const batch: Uint8Array[] = [];
      let taken = 0;
      for (;;) {
        const fifo = waiting.find((one) => one.first());
        const next = fifo?.shift(batch.length === 0 ? maxBytes : batchBytes - taken);
        if (!next) break;
        batch.push(next);
        taken += next.length;
      }
      size -= taken;
      return batch;
    },
    sizeBytes: () => size,
    dropped: () => ({ ...dropped }),
  };
}

interface Fifo {
  push(frame: Uint8Array): void;
  first(): Uint8Array | undefined;
  /** Takes the first frame when it is not above that many bytes. */
  shift(maxBytes: number): Uint8Array | undefined;
}

const compactAt = 1_024;

/** A list with a moving head: taking from the front of a long array costs its length each time. */
function createFifo(): Fifo {
  let frames: (Uint8Array | undefined)[] = [];
  let head = 0;
  return {
    push: (frame) => void frames.push(frame),
    first: () => frames[head],
    shift(maxBytes) {
      const frame = frames[head];
      if (!frame || frame.length > maxBytes) return undefined;
      frames[head] = undefined;
      head += 1;
      if (head === frames.length) {
        frames = [];
        head = 0;
      } else if (head >= compactAt && head * 2 >= frames.length) {
        frames = frames.slice(head);
        head = 0;
      }
      return frame;
    },
  };
}
