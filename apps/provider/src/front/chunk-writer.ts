import type { ServerResponse } from 'node:http';

/** A slower reader than this is full: the producer waits. */
const fullBytes = 65_536;
/** Text that comes sooner than this after the last write waits for more of it: nobody reads 200 pieces a second. */
const gapMsDefault = 5;

/** Writes text to an answer; what is pushed in one turn of the event loop goes out as one chunk. */
export interface ChunkWriter {
  push(text: string): void;
  /** There is more, which `rest` gives when it is written. */
  due(): void;
  /** What waits goes out with this turn. */
  hurry(): void;
  isFull(): boolean;
  end(): void;
}

/** What a writer asks and tells. */
export interface ChunkDeps {
  /** Called when a full reader can take more. */
  onDrain(): void;
  /** Takes what waits elsewhere for the next write, and comes before what is pushed after it. */
  rest(): string;
  readonly gapMs?: number;
}

/** A writer for a raw answer. */
export function createChunkWriter(
  raw: ServerResponse,
  { onDrain, rest, gapMs = gapMsDefault }: ChunkDeps,
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
    waiting += rest();
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
  const due = (): void => {
    if (isScheduled || timer) return;
    const waitMs = writtenAtMs + gapMs - performance.now();
    if (waitMs > 0) timer = setTimeout(flush, waitMs);
    else hurry();
  };
  raw.on('drain', onDrain);
  return {
    push(text) {
      waiting += rest() + text;
      due();
    },
    due,
    hurry,
    isFull,
    end() {
      flush();
      if (!raw.destroyed) raw.end();
    },
  };
}
