import type { ServerResponse } from 'node:http';

/** A slower reader than this is full: the producer waits. */
const fullBytes = 65_536;

/** Writes text to an answer; what is pushed in one turn of the event loop goes out as one chunk. */
export interface ChunkWriter {
  push(text: string): void;
  isFull(): boolean;
  end(): void;
}

/** A writer for a raw answer; `onDrain` is called when a full reader can take more. */
export function createChunkWriter(raw: ServerResponse, onDrain: () => void): ChunkWriter {
  let waiting = '';
  let isScheduled = false;
  const isFull = (): boolean => raw.writableLength + waiting.length > fullBytes;
  const flush = (): void => {
    isScheduled = false;
    if (waiting === '' || raw.destroyed) return;
    raw.write(waiting);
    waiting = '';
    if (!isFull()) onDrain(); // no event follows where the socket took all at once
  };
  raw.on('drain', onDrain);
  return {
    push(text) {
      waiting += text;
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(flush);
    },
    isFull,
    end() {
      flush();
      if (!raw.destroyed) raw.end();
    },
  };
}
