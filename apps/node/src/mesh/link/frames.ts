/**
 * Frames on a connection: length u32 (of what follows) ‖ kind u8 ‖ content.
 *
 *   hello    first frame of both sides: who we are; see `helloFields`
 *   bye      last frame: why we end it, one byte
 *   ping     8 bytes; answered at once by a pong with the same 8 bytes
 *   message  a message of the mesh, as the protocol encodes it
 */
import { createReader, createWriter, DecodeError } from '@aitbc/primitives';
import {
  accept,
  type Fields,
  field,
  type RecordOf,
  readRecord,
  refuse,
  type Verdict,
  writeRecord,
  zeroHash,
} from '@aitbc/protocol';

/** Kinds of frames; numbers are never used again. */
export const frameKinds = Object.freeze({ hello: 1, bye: 2, ping: 3, pong: 4, message: 5 });

/** Name of a frame kind. */
export type FrameKind = keyof typeof frameKinds;

/** One frame; `content` is a view of bytes that came in. */
export interface Frame {
  readonly kind: FrameKind;
  readonly content: Uint8Array;
}

/** Version of frames and messages: nodes of two versions do not talk. */
export const meshVersion = 1;

export const helloFields = {
  version: field.u8,
  genesisHash: field.hash,
  /** Random number of the process: tells a node that came again from another one with its key. */
  instance: field.count,
  /** Where others reach the node; empty and 0 when nobody can. */
  host: field.text(253),
  port: field.u16,
} as const satisfies Fields;

/** First words of a node. Its key is not in here: the TLS handshake has proven it. */
export type Hello = RecordOf<typeof helloFields>;

/** Why a node ends a connection: the word in code and its number on the wire. */
export const byeReasons = Object.freeze({
  stopping: 1,
  full: 2,
  duplicate: 3,
  banned: 4,
  malformed: 5,
  slow: 6,
  silent: 7,
  keyInUse: 8,
});

/** Word of a reason. */
export type ByeReason = keyof typeof byeReasons;

const headBytes = 4;
/** Largest content of a frame that is no message. */
export const smallFrameBytes = 512;

/** Whole bytes of a frame. */
export function encodeFrame(kind: FrameKind, content: Uint8Array): Uint8Array {
  const frame = Buffer.allocUnsafe(headBytes + 1 + content.length);
  frame.writeUInt32BE(1 + content.length);
  frame[headBytes] = frameKinds[kind];
  frame.set(content, headBytes + 1);
  return frame;
}

/** Frame with our first words. */
export function encodeHello(hello: Hello): Uint8Array {
  const writer = createWriter();
  writeRecord(helloFields, writer, hello);
  return encodeFrame('hello', writer.finish());
}

/** First words of the other side; of another version only its number is read. Refusal: MESH_MALFORMED. */
export function decodeHello(content: Uint8Array): Verdict<Hello> {
  const version = content[0] ?? 0;
  if (version !== meshVersion) {
    return accept({ version, genesisHash: zeroHash, instance: 0, host: '', port: 0 });
  }
  try {
    const reader = createReader(content);
    const hello = readRecord(helloFields, reader);
    reader.end();
    return accept(hello);
  } catch (error) {
    if (error instanceof DecodeError) return malformed(`its hello: ${error.message}`);
    throw error;
  }
}

/** Frame with our last word. */
export function encodeBye(reason: ByeReason): Uint8Array {
  return encodeFrame('bye', Uint8Array.of(byeReasons[reason]));
}

/** The word in a bye, `unknown` for a number we have no word for. */
export function decodeBye(content: Uint8Array): ByeReason | 'unknown' {
  const names = Object.keys(byeReasons) as ByeReason[];
  return names.find((name) => byeReasons[name] === content[0]) ?? 'unknown';
}

/** Cuts a stream of bytes into frames. */
export interface FrameReader {
  push(chunk: Uint8Array): void;
  /**
   * The next whole frame, undefined while it is not complete. `maxBytes` bounds its content. Refusal:
   * MESH_MALFORMED, and then nothing more can be read.
   */
  next(maxBytes: number): Verdict<Frame> | undefined;
}

const kindByNumber = new Map(
  (Object.keys(frameKinds) as FrameKind[]).map((kind) => [frameKinds[kind], kind]),
);

/** A reader at the beginning of a stream. It holds at most one frame and one chunk. */
export function createFrameReader(): FrameReader {
  const chunks = createChunks();
  let needed: number | undefined; // bytes of the frame after its length, once that is known
  return {
    push: (chunk) => chunks.push(chunk),
    next(maxBytes) {
      if (needed === undefined) {
        if (chunks.sizeBytes() < headBytes) return undefined;
        needed = createReader(chunks.take(headBytes)).u32();
      }
      if (needed < 1 || needed > 1 + maxBytes) return malformed(`a frame of ${needed} bytes`);
      if (chunks.sizeBytes() < needed) return undefined;
      const bytes = chunks.take(needed);
      needed = undefined;
      const kind = kindByNumber.get(bytes[0] as (typeof frameKinds)[FrameKind]);
      if (!kind) return malformed(`a frame of kind ${bytes[0]}`);
      return accept({ kind, content: bytes.subarray(1) });
    },
  };
}

interface Chunks {
  push(chunk: Uint8Array): void;
  sizeBytes(): number;
  /** Exactly that many bytes, which must be there; a view where they lie in one chunk. */
  take(sizeBytes: number): Uint8Array;
}

/** Bytes that came in and were not read yet; nothing is joined before it is asked for. */
function createChunks(): Chunks {
  const chunks: Uint8Array[] = [];
  let total = 0;
  const takeFirst = (sizeBytes: number): Uint8Array => {
    const first = chunks[0] as Uint8Array;
    if (first.length <= sizeBytes) chunks.shift();
    else chunks[0] = first.subarray(sizeBytes);
    return first.subarray(0, sizeBytes);
  };
  return {
    push(chunk) {
      if (chunk.length === 0) return;
      chunks.push(chunk);
      total += chunk.length;
    },
    sizeBytes: () => total,
    take(sizeBytes) {
      total -= sizeBytes;
      const part = takeFirst(sizeBytes);
      if (part.length === sizeBytes) return part;
      const joined = Buffer.allocUnsafe(sizeBytes);
      joined.set(part);
      let filled = part.length;
      while (filled < sizeBytes) {
        const more = takeFirst(sizeBytes - filled);
        joined.set(more, filled);
        filled += more.length;
      }
      return joined;
    },
  };
}

function malformed(reason: string): Verdict<never> {
  return refuse('MESH_MALFORMED', { reason });
}
