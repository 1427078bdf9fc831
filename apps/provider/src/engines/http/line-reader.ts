/** Lines of a byte stream, with a bound: a server that never ends a line must not fill our memory. */

/** Longest line taken: an event of one token with its log-probabilities has some hundred bytes. */
export const LINE_BYTES_MAX = 262_144;

const LINE_FEED = 0x0a;

/** What went wrong with the bytes; the caller turns it into ENGINE_PROTOCOL. */
export class LineError extends Error {}

type Decode = (bytes: Uint8Array) => string;

function textOf(decode: Decode, parts: readonly Uint8Array[]): string {
  try {
    const [first] = parts;
    const text = decode(first && parts.length === 1 ? first : Buffer.concat(parts));
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  } catch (cause) {
    throw new LineError('a line is not UTF-8', { cause });
  }
}

/** Cuts chunks of bytes into texts; both calls throw LineError. */
export interface ChunkReader {
  /** What the chunk completes. */
  feed(chunk: Uint8Array): string[];
  /** What is left when no more comes. */
  end(): string[];
  /** True when the stream has said its last word and nothing of use follows. */
  isOver?(): boolean;
}

/**
 * Reads lines without their ends; a last line without a line feed counts too. Characters split between chunks are put
 * together, because a line is decoded as a whole. It is no generator: each of those would cost every token a turn.
 */
export function createLineReader(lineBytesMax: number = LINE_BYTES_MAX): ChunkReader {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode: Decode = (bytes) => decoder.decode(bytes);
  let parts: Uint8Array[] = [];
  let heldBytes = 0;
  const hold = (bytes: Uint8Array) => {
    heldBytes += bytes.length;
    if (heldBytes > lineBytesMax) throw new LineError(`a line is above ${lineBytesMax} bytes`);
    parts.push(bytes);
  };
  const take = (): string => {
    const text = textOf(decode, parts);
    parts = [];
    heldBytes = 0;
    return text;
  };
  return {
    feed(chunk) {
      const lines: string[] = [];
      let start = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
        hold(chunk.subarray(start, end));
        lines.push(take());
        start = end + 1;
      }
      if (start < chunk.length) hold(chunk.subarray(start));
      return lines;
    },
    end: () => (parts.length > 0 ? [take()] : []),
  };
}

/** How streams of OpenAI's API end. */
export const lastWord = '[DONE]';

/**
 * Reads the data of each server-sent event. Comments and other fields are dropped; event data has the line bound.
 */
export function createEventReader(dataCharsMax: number = LINE_BYTES_MAX): ChunkReader {
  const lines = createLineReader();
  let data: string[] = [];
  let size = 0;
  let isOver = false;
  const take = (): string => {
    const text = data.length === 1 ? (data[0] ?? '') : data.join('\n');
    isOver ||= text === lastWord;
    data = [];
    size = 0;
    return text;
  };
  const hold = (part: string): void => {
    size += part.length + 1;
    if (size > dataCharsMax) throw new LineError(`an event is above ${dataCharsMax} characters`);
    data.push(part);
  };
  const read = (texts: readonly string[]): string[] => {
    const events: string[] = [];
    for (const line of texts) {
      if (line === '' && data.length > 0) events.push(take());
      else if (line.startsWith('data:')) hold(line.slice(line[5] === ' ' ? 6 : 5));
    }
    return events;
  };
  return {
    isOver: () => isOver,
    feed: (chunk) => read(lines.feed(chunk)),
    end() {
      const events = read(lines.end());
      return data.length > 0 ? [...events, take()] : events;
    },
  };
}
