import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Refusal } from '@aitbc/protocol';
import { createFrameReader, type Frame } from './frames.ts';
import { createRate, type Rate } from './rate.ts';

/** What the reading half asks and tells. */
export interface LinkReaderHandlers {
  /** Largest content of the next frame. */
  maxBytes(): number;
  /** True when nothing more is wanted. */
  isOver(): boolean;
  onFrame(frame: Frame): void;
  onFault(fault: Refusal): void;
}

/** The reading half of a connection. */
export interface LinkReader {
  /** From now on no more than that is read. */
  limit(bytesPerSecond: number): void;
  bytes(): number;
  /** When something came in, monotonic ms. */
  heardMs(): number;
  stop(): void;
}

/** Cuts what comes in into frames; whoever sends more than its rate is not read for a while. */
export function createLinkReader(socket: Socket, handlers: LinkReaderHandlers): LinkReader {
  const frames = createFrameReader();
  let rate: Rate | undefined;
  let resume: NodeJS.Timeout | undefined;
  let bytes = 0;
  let heardMs = performance.now();
  const readFrames = (): void => {
    while (!handlers.isOver()) {
      const frame = frames.next(handlers.maxBytes());
      if (!frame) return;
      if (frame.ok) handlers.onFrame(frame.value);
      else handlers.onFault(frame);
    }
  };
  socket.on('data', (chunk: Uint8Array) => {
    if (handlers.isOver()) return;
    bytes += chunk.length;
    heardMs = performance.now();
    frames.push(chunk);
    readFrames();
    const waitMs = rate?.take(chunk.length, heardMs) ?? 0;
    if (waitMs === 0 || handlers.isOver()) return;
    socket.pause();
    resume = setTimeout(() => socket.resume(), waitMs);
  });
  return {
    limit(bytesPerSecond) {
      rate = createRate(bytesPerSecond, performance.now());
    },
    bytes: () => bytes,
    heardMs: () => heardMs,
    stop() {
      clearTimeout(resume);
      socket.resume(); // the end of the stream must still be seen
    },
  };
}
