/** A WebSocket client without manners: frames of any size and kind, unmasked by a mask of zeros, or no reading at all. */
import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Duplex } from 'node:stream';

/** Codes of RFC 6455. */
export const opcodes = { text: 1, bytes: 2, close: 8, ping: 9 } as const;

/** An open connection. */
export interface RawSocket {
  readonly stream: Duplex;
  /** Resolves when the bytes are with the kernel, or the connection is gone. */
  send(opcode: number, payload: Uint8Array): Promise<void>;
  /** The next whole frame from the other side; undefined when the connection ends before it. */
  next(): Promise<Buffer | undefined>;
  /** Code of the close frame that came, or `cut`. */
  readonly closed: Promise<string>;
}

/** Head of a masked, final frame that claims to carry so many bytes. */
export function frameHead(opcode: number, sizeBytes: number): Buffer {
  const head = Buffer.alloc(14); // the last four bytes are the mask: zeros change nothing
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(sizeBytes), 2);
  return head;
}

/** Connects to an `http://` address. */
export function openRawSocket(url: string): Promise<RawSocket> {
  const headers = {
    ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
    'sec-websocket-key': randomBytes(16).toString('base64'),
  };
  return new Promise((resolve, reject) => {
    const asking = request(url, { headers, agent: false });
    asking.once('error', reject);
    asking.once('response', ({ statusCode }) => reject(new Error(`HTTP ${statusCode}`)));
    asking.once('upgrade', (_response, stream, head) => resolve(rawSocketOf(stream, head)));
    asking.end();
  });
}

function rawSocketOf(stream: Duplex, head: Buffer): RawSocket {
  const frames: Buffer[] = [];
  const waiting: ((frame: Buffer | undefined) => void)[] = [];
  let left = head;
  let isClosed = false;
  let reason = 'cut';
  const take = (opcode: number, payload: Buffer): void => {
    if (opcode === opcodes.close)
      reason = String(payload.length < 2 ? 1005 : payload.readUInt16BE());
    if (opcode === opcodes.close || opcode === opcodes.ping) return;
    const first = waiting.shift();
    if (first) first(payload);
    else frames.push(payload);
  };
  stream.on('data', (chunk: Buffer) => {
    left = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
    for (let size = sizeOf(left); size && left.length >= size.whole; size = sizeOf(left)) {
      take((left[0] ?? 0) & 0x0f, left.subarray(size.head, size.whole));
      left = left.subarray(size.whole);
    }
  });
  stream.on('error', () => stream.destroy());
  const closed = new Promise<string>((resolve) => {
    stream.once('close', () => {
      isClosed = true;
      for (const one of waiting.splice(0)) one(undefined);
      resolve(reason);
    });
    stream.once('end', () => stream.end());
  });
  return {
    stream,
    closed,
    send: (opcode, payload) =>
      new Promise((resolve) => {
        if (isClosed) return resolve();
        stream.write(frameHead(opcode, payload.length));
        stream.write(payload, () => resolve());
      }),
    next() {
      const first = frames.shift();
      if (first || isClosed) return Promise.resolve(first);
      return new Promise((resolve) => void waiting.push(resolve));
    },
  };
}

/** Bytes of the first frame, undefined while its head is not whole. Servers do not mask. */
function sizeOf(bytes: Buffer): { head: number; whole: number } | undefined {
  const short = (bytes[1] ?? 0) & 0x7f;
  const head = short === 127 ? 10 : short === 126 ? 4 : 2;
  if (bytes.length < head) return undefined;
  if (short < 126) return { head, whole: head + short };
  const size = short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  return { head, whole: head + size };
}
