import type { ServerResponse } from 'node:http';

/** A slower reader than this is full: the producer waits. */
const fullBytes = 65_536;
/** Text that comes sooner than this after the last write waits for more of it: nobody reads 200 pieces a second. */
const gapMsDefault = 5;

/** Writes text to an answer; what is pushed in one turn of the event loop goes out as one chunk. */
export interface ChunkWriter {
  push(text: string): void;
  /** What waits goes out with this turn. */
  hurry(): void;
  isFull(): boolean;
  end(): void;
}

/** A writer for a raw answer; `onDrain` is called when a full reader can take more. */
export function createChunkWriter(
  raw: ServerResponse,
  onDrain: () => void,
  gapMs = gapMsDefault,
): ChunkWriter {
  let waiting = '';
  let isScheduled = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writtenAtMs = Number.NEGATIVE_INFINITY;
  const isFull = (): boolean => raw.writableLength + waiting.length > fullBytes;
  const flush = (): void => {
    isScheduled = false;
    clearTimeout(timer);
    timer = undefined;
    if (waiting === '' || raw.destroyed) return;
    raw.write(waiting);
    waiting = '';
    writtenAtMs = performance.now();
    if (!isFull()) onDrain(); // no event follows where the socket took all at once
  };
  const hurry = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(flush);
  };
  raw.on('drain', onDrain);
  return {
    push(text) {
      waiting += text;
      if (isScheduled || timer) return;
      const waitMs = writtenAtMs + gapMs - performance.now();
      if (waitMs > 0) timer = setTimeout(flush, waitMs);
      else hurry();
    },
    hurry,
    isFull,
    end() {
      flush();
      if (!raw.destroyed) raw.end();
    },
  };
}
