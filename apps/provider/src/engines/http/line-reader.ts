/** Lines of a byte stream, with a bound: a server that never ends a line must not fill our memory. */

/** Longest line taken: an event of one token with its log-probabilities has some hundred bytes. */
export const LINE_BYTES_MAX = 262_144;

const LINE_FEED = 0x0a;

/** What went wrong with the bytes; the caller turns it into ENGINE_PROTOCOL. */
export class LineError extends Error {}

function textOf(parts: readonly Uint8Array[]): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
    return text.endsWith('\r') ? text.slice(0, -1) : text;
  } catch (cause) {
    throw new LineError('a line is not UTF-8', { cause });
  }
}

/**
 * Yields each line without its end; a last line without a line feed is yielded too. Characters split
 * between chunks are put together, because a line is decoded as a whole. Throws LineError.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  lineBytesMax: number = LINE_BYTES_MAX,
): AsyncGenerator<string, void, void> {
  let parts: Uint8Array[] = [];
  let heldBytes = 0;
  const hold = (bytes: Uint8Array) => {
    heldBytes += bytes.length;
    if (heldBytes > lineBytesMax) throw new LineError(`a line is above ${lineBytesMax} bytes`);
    parts.push(bytes);
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      hold(chunk.subarray(start, end));
      yield textOf(parts);
      parts = [];
      heldBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) hold(chunk.subarray(start));
  }
  if (parts.length > 0) yield textOf(parts);
}

/** Data of each server-sent event. Comments and other fields are dropped; event data has the line bound. */
export async function* readEventData(
  lines: AsyncIterable<string>,
  dataCharsMax: number = LINE_BYTES_MAX,
): AsyncGenerator<string, void, void> {
  let data: string[] = [];
  let size = 0;
  for await (const line of lines) {
    if (line === '' && data.length > 0) {
      yield data.join('\n');
      data = [];
      size = 0;
    } else if (line.startsWith('data:')) {
      const part = line.slice(line[5] === ' ' ? 6 : 5);
      size += part.length + 1;
      if (size > dataCharsMax) throw new LineError(`an event is above ${dataCharsMax} characters`);
      data.push(part);
    }
  }
  if (data.length > 0) yield data.join('\n');
}
