import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { createSendQueue, type Rank, type SendQueue } from './send-queue.ts';

const batchBytes = 262_144; // one write; a peer must take it within `silenceMs`

/** The writing half of a connection. */
export interface LinkWriter {
  readonly queue: SendQueue;
  /** Queues a frame until the end of this turn of the event loop. False when there is no room for it. */
  push(frame: Uint8Array, rank: Rank): boolean;
  /** Since when the socket has not taken what was written, monotonic ms; undefined while it takes. */
  blockedSinceMs(): number | undefined;
  bytes(): number;
  /** Writes no more. True when the last byte written was the last one of a frame. */
  stop(): boolean;
}

/**
 * Frames of one turn of the event loop become one write, and the next write waits until the socket has
 * taken the last one.
 */
export function createLinkWriter(socket: Socket, maxBytes: number): LinkWriter {
  const queue = createSendQueue(maxBytes);
  let rest: Uint8Array = new Uint8Array(0);
  let isScheduled = false;
  let isStopped = false;
  let blockedSinceMs: number | undefined;
  let bytes = 0;
  const flush = (): void => {
    isScheduled = false;
    while (!isStopped && blockedSinceMs === undefined) {
      if (rest.length === 0) rest = joined(queue.take(batchBytes));
      if (rest.length === 0) return;
      const part = rest.subarray(0, batchBytes);
      rest = rest.subarray(part.length);
      bytes += part.length;
      if (!socket.write(part)) blockedSinceMs = performance.now();
    }
  };
  socket.on('drain', () => {
    blockedSinceMs = undefined;
    flush();
  });
  return {
    queue,
    push(frame, rank) {
      if (!queue.push(frame, rank)) return false;
      if (!isScheduled) setImmediate(flush);
      isScheduled = true;
      return true;
    },
    blockedSinceMs: () => blockedSinceMs,
    bytes: () => bytes,
    stop() {
      isStopped = true;
      return rest.length === 0;
    },
  };
}

function joined(frames: readonly Uint8Array[]): Uint8Array {
  return frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames);
}
