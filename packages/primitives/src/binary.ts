/**
 * Writer and reader of the fixed binary layout: big-endian, no padding, no optional parts, variable parts
 * with a length in front. One value has one encoding, and the reader refuses trailing bytes, so
 * decode∘encode is the identity and two spellings of one thing cannot exist.
 */
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
  /** The bytes so far; the writer may not be used after it. */
  finish(): Uint8Array;
}

const firstCapacityBytes = 256; // a transfer and its receipt fit without growing

/** A writer that starts empty: one buffer that doubles, because records are written on the hot path. */
export function createWriter(): Writer {
  let buffer = new Uint8Array(firstCapacityBytes);
  let view = new DataView(buffer.buffer);
  let size = 0;
  const reserve = (more: number): number => {
    const start = size;
    size += more;
    if (size > buffer.length) {
      const grown = new Uint8Array(Math.max(size, buffer.length * 2));
      grown.set(buffer.subarray(0, start));
      buffer = grown;
      view = new DataView(buffer.buffer);
    }
    return start;
  };
  const writer: Writer = {
    u8(value) {
      const start = reserve(1);
      view.setUint8(start, checked(value, 0xff));
      return writer;
    },
    u16(value) {
      const start = reserve(2);
      view.setUint16(start, checked(value, 0xffff));
      return writer;
    },
    u32(value) {
      const start = reserve(4);
      view.setUint32(start, checked(value, 0xffff_ffff));
      return writer;
    },
    u64(value) {
      const start = reserve(8);
      view.setBigUint64(start, checkedBig(value));
      return writer;
    },
    fixed(bytes, sizeBytes) {
      if (bytes.length !== sizeBytes) {
        throw new RangeError(`expected ${sizeBytes} bytes, got ${bytes.length}`);
      }
      const start = reserve(sizeBytes);
      buffer.set(bytes, start);
      return writer;
    },
    variable(bytes) {
      writer.u16(bytes.length);
      return writer.fixed(bytes, bytes.length);
    },
    finish: () => buffer.slice(0, size), // a copy: results are kept for long, spare capacity should not be
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
