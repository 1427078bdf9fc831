/**
 * Writer and reader of the fixed binary layout: big-endian, no padding, no optional parts, variable parts
 * with a length in front. One value has one encoding, and the reader refuses trailing bytes, so
 * decode∘encode is the identity and two spellings of one thing cannot exist.
 */
import { concat } from './bytes.ts';

/** Thrown by the reader; callers at the edge turn it into a refusal. Never leaves a decoder. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** Collects parts of a message. */
export interface Writer {
  u8(value: number): Writer;
  u16(value: number): Writer;
  u32(value: number): Writer;
  u64(value: bigint): Writer;
  /** Bytes of a length both sides know. */
  fixed(bytes: Uint8Array, sizeBytes: number): Writer;
  /** Two-byte length, then the bytes. */
  variable(bytes: Uint8Array): Writer;
  finish(): Uint8Array;
}

/** A writer that starts empty. */
export function createWriter(): Writer {
  const parts: Uint8Array[] = [];
  const number = (size: number, put: (view: DataView) => void): Writer => {
    const bytes = new Uint8Array(size);
    put(new DataView(bytes.buffer));
    parts.push(bytes);
    return writer;
  };
  const writer: Writer = {
    u8: (value) => number(1, (view) => view.setUint8(0, checked(value, 0xff))),
    u16: (value) => number(2, (view) => view.setUint16(0, checked(value, 0xffff))),
    u32: (value) => number(4, (view) => view.setUint32(0, checked(value, 0xffff_ffff))),
    u64: (value) => number(8, (view) => view.setBigUint64(0, checkedBig(value))),
    fixed(bytes, sizeBytes) {
      if (bytes.length !== sizeBytes)
        throw new RangeError(`expected ${sizeBytes} bytes, got ${bytes.length}`);
      parts.push(bytes);
      return writer;
    },
    variable(bytes) {
      writer.u16(bytes.length);
      parts.push(bytes);
      return writer;
    },
    finish: () => concat(...parts),
  };
  return writer;
}

function checked(value: number, max: number): number {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new RangeError(`${value} does not fit`);
  return value;
}

function checkedBig(value: bigint): bigint {
  if (value < 0n || value > 0xffff_ffff_ffff_ffffn)
    throw new RangeError(`${value} does not fit 64 bits`);
  return value;
}

/** Reads a message part by part. */
export interface Reader {
  u8(): number;
  u16(): number;
  u32(): number;
  u64(): bigint;
  fixed(sizeBytes: number): Uint8Array;
  variable(maxBytes: number): Uint8Array;
  /** Bytes not read yet. */
  left(): number;
  /** Throws DecodeError when bytes are left over. */
  end(): void;
}

/** A reader over the bytes; every method throws DecodeError at the end of the input. Views, no copies. */
export function createReader(bytes: Uint8Array): Reader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  const take = (size: number): number => {
    if (offset + size > bytes.length) throw new DecodeError('the bytes end too early');
    const start = offset;
    offset += size;
    return start;
  };
  const reader: Reader = {
    u8: () => view.getUint8(take(1)),
    u16: () => view.getUint16(take(2)),
    u32: () => view.getUint32(take(4)),
    u64: () => view.getBigUint64(take(8)),
    fixed(sizeBytes) {
      const start = take(sizeBytes);
      return bytes.subarray(start, start + sizeBytes);
    },
    variable(maxBytes) {
      const size = reader.u16();
      if (size > maxBytes)
        throw new DecodeError(`a part of ${size} bytes is above its limit ${maxBytes}`);
      return reader.fixed(size);
    },
    left: () => bytes.length - offset,
    end() {
      if (offset !== bytes.length) throw new DecodeError(`${bytes.length - offset} bytes too many`);
    },
  };
  return reader;
}
