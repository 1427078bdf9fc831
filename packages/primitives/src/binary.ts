/**
 * Writer and reader of the fixed binary layout: big-endian, no padding, no optional parts, variable parts
 * with a length in front. One value has one encoding, and the reader refuses trailing bytes, so
 * decode∘encode is the identity and two spellings of one thing cannot exist.
 */
import { putHex } from './bytes.ts';

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
  /** Bytes of a length both sides know, from lower-case hex; DecodeError for anything else. */
  hex(text: string, sizeBytes: number): Writer;
  /** Two-byte length, then the bytes. */
  variable(bytes: Uint8Array): Writer;
  /** Number of bytes so far. */
  sizeBytes(): number;
  /** The bytes so far; the writer may not be used after it. */
  finish(): Uint8Array;
}

/** Memory of a writer. */
interface Room {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

const firstCapacityBytes = 1024;
const spareRoomsMax = 4; // writers are nested at most so deep on the hot path
const spareCapacityBytesMax = 0x1_0000;

// Rooms that finished writers gave back. A record of a hundred bytes is written in a microsecond; memory of its
// own, and its collection, would double that. Nothing can be read out of a room: results are copies.
const spareRooms: Room[] = [];

function roomOf(sizeBytes: number): Room {
  const bytes = new Uint8Array(sizeBytes);
  return { bytes, view: new DataView(bytes.buffer) };
}

/** A class, unlike most things here: a closure for each of seven methods costs more than a short message. */
class RoomWriter implements Writer {
  #room: Room | undefined = spareRooms.pop() ?? roomOf(firstCapacityBytes);
  #size = 0;

  u8(value: number): Writer {
    checked(value, 0xff);
    const { view } = this.#reserve(1);
    view.setUint8(this.#size - 1, value);
    return this;
  }

  u16(value: number): Writer {
    checked(value, 0xffff);
    const { view } = this.#reserve(2);
    view.setUint16(this.#size - 2, value);
    return this;
  }

  u32(value: number): Writer {
    checked(value, 0xffff_ffff);
    const { view } = this.#reserve(4);
    view.setUint32(this.#size - 4, value);
    return this;
  }

  u64(value: bigint): Writer {
    checkedBig(value);
    const { view } = this.#reserve(8);
    view.setBigUint64(this.#size - 8, value);
    return this;
  }

  fixed(bytes: Uint8Array, sizeBytes: number): Writer {
    if (bytes.length !== sizeBytes) {
      throw new RangeError(`expected ${sizeBytes} bytes, got ${bytes.length}`);
    }
    const { bytes: room } = this.#reserve(sizeBytes);
    room.set(bytes, this.#size - sizeBytes);
    return this;
  }

  hex(text: string, sizeBytes: number): Writer {
    const { bytes: room } = this.#reserve(sizeBytes);
    const fits = typeof text === 'string' && text.length === sizeBytes * 2;
    if (!fits || !putHex(room, this.#size - sizeBytes, text)) {
      throw new DecodeError(`expected ${sizeBytes * 2} lower-case hex digits`);
    }
    return this;
  }

  variable(bytes: Uint8Array): Writer {
    this.u16(bytes.length);
    return this.fixed(bytes, bytes.length);
  }

  sizeBytes(): number {
    return this.#size;
  }

  finish(): Uint8Array {
    const room = this.#reserve(0);
    this.#room = undefined;
    const { length } = room.bytes;
    if (length <= spareCapacityBytesMax && spareRooms.length < spareRoomsMax) spareRooms.push(room);
    return room.bytes.slice(0, this.#size);
  }

  #reserve(more: number): Room {
    const room = this.#room;
    if (!room) throw new RangeError('a finished writer may not be used');
    const start = this.#size;
    this.#size += more;
    if (this.#size <= room.bytes.length) return room;
    const grown = roomOf(Math.max(this.#size, room.bytes.length * 2));
    grown.bytes.set(room.bytes.subarray(0, start));
    this.#room = grown;
    return grown;
  }
}

/** A writer that starts empty. */
export function createWriter(): Writer {
  return new RoomWriter();
}

function checked(value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new RangeError(`${value} does not fit`);
}

function checkedBig(value: bigint): void {
  if (value < 0n || value > 0xffff_ffff_ffff_ffffn)
    throw new RangeError(`${value} does not fit 64 bits`);
}

/** Reads a message part by part. */
export interface Reader {
  u8(): number;
  u16(): number;
  u32(): number;
  u64(): bigint;
  /** Eight bytes as a number; DecodeError above 2^53-1. */
  count(): number;
  fixed(sizeBytes: number): Uint8Array;
  variable(maxBytes: number): Uint8Array;
  /** Bytes not read yet. */
  left(): number;
  /** Throws DecodeError when bytes are left over. */
  end(): void;
}

class BytesReader implements Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  count(): number {
    const start = this.#take(8);
    const high = this.#view.getUint32(start);
    if (high > highWordMax) throw new DecodeError('a count is above 2^53-1');
    return high * 0x1_0000_0000 + this.#view.getUint32(start + 4);
  }

  fixed(sizeBytes: number): Uint8Array {
    const start = this.#take(sizeBytes);
    return this.#bytes.subarray(start, start + sizeBytes);
  }

  variable(maxBytes: number): Uint8Array {
    const size = this.u16();
    if (size > maxBytes)
      throw new DecodeError(`a part of ${size} bytes is above its limit ${maxBytes}`);
    return this.fixed(size);
  }

  left(): number {
    return this.#bytes.length - this.#offset;
  }

  end(): void {
    if (this.left() !== 0) throw new DecodeError(`${this.left()} bytes too many`);
  }

  #take(size: number): number {
    const start = this.#offset;
    if (start + size > this.#bytes.length) throw new DecodeError('the bytes end too early');
    this.#offset = start + size;
    return start;
  }
}

const highWordMax = 0x1f_ffff; // 2^53-1 has 21 bits above its low word

/** A reader over the bytes; every method throws DecodeError at the end of the input. Views, no copies. */
export function createReader(bytes: Uint8Array): Reader {
  return new BytesReader(bytes);
}
