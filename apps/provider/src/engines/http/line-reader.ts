/** Lines of a byte stream, with a bound: a server that never ends a line must not fill our memory. */

/** Longest line taken: an event of one token with its log-probabilities has some hundred bytes. */
export const LINE_BYTES_MAX = 262_144;

const LINE_FEED = 0x0a;

/** What went wrong with the bytes; the caller turns it into ENGINE_PROTOCOL. */
export class LineError extends Error {}

/** Parses JSON; throws LineError. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LineError('a message is not JSON', { cause });
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
 * Reads lines without their ends; a last line without a line feed counts too. All whole lines of a chunk are decoded at
 * once: a line feed never stands inside a character, so one that is split between chunks waits for its line.
 */
export function createLineReader(lineBytesMax: number = LINE_BYTES_MAX): ChunkReader {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let parts: Uint8Array[] = [];
  let heldBytes = 0;
  const hold = (bytes: Uint8Array): void => {
    heldBytes += bytes.length;
    parts.push(bytes);
  };
  const check = (lineBytes: number): void => {
    if (lineBytes > lineBytesMax) throw new LineError(`a line is above ${lineBytesMax} bytes`);
  };
  const take = (): string => {
    const [first] = parts;
    const bytes = first && parts.length === 1 ? first : Buffer.concat(parts);
    parts = [];
    heldBytes = 0;
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      throw new LineError('a line is not UTF-8', { cause });
    }
  };
  return {
    feed(chunk) {
      const end = chunk.lastIndexOf(LINE_FEED);
      if (end < 0) {
        hold(chunk);
        check(heldBytes);
        return [];
      }
      check(heldBytes + chunk.indexOf(LINE_FEED));
      hold(chunk.subarray(0, end));
      const lines = take().split('\n').map(withoutReturn);
      for (const { length } of lines) check(length);
      if (end + 1 < chunk.length) hold(chunk.subarray(end + 1));
      check(heldBytes);
      return lines;
    },
    end: () => (heldBytes > 0 ? [withoutReturn(take())] : []),
  };
}

const withoutReturn = (line: string): string => (line.endsWith('\r') ? line.slice(0, -1) : line);

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
