/**
 * Parts of a message between nodes: what the field table of the protocol has, and byte strings that stay
 * bytes (bodies of blocks are too long for hex). A part has no JSON form: these messages exist only on
 * the wire. See docs/spec/consensus.md, "Mesh".
 */
import {
  bytesFromHex,
  copiesOf,
  DecodeError,
  hex,
  type Reader,
  type Writer,
} from '@aitbc/primitives';
import { type Vote, type VoteKind, voteKinds } from '../blocks.ts';
import {
  count,
  type Fields,
  type Hex,
  hash,
  type RecordOf,
  readRecord,
  signature,
  u16,
  writeRecord,
} from '../fields.ts';

/** How one kind of value is written and read. A reader throws DecodeError, a writer RangeError. */
export interface Part<T> {
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

/** Parts of a record, in wire order. */
export type PartsOf<R> = { readonly [K in keyof R]: Part<R[K]> };

/** A record of a field table. */
export function fieldRecord<F extends Fields>(fields: F): Part<RecordOf<F>> {
  return {
    write: (writer, value) => writeRecord(fields, writer, value),
    read: (reader) => readRecord(fields, reader),
  };
}

/** A record of parts. */
export function partRecord<R extends object>(parts: PartsOf<R>): Part<R> {
  const names = Object.keys(parts) as (keyof R)[];
  return {
    write(writer, value) {
      for (const name of names) parts[name].write(writer, value[name]);
    },
    read(reader) {
      const record: Partial<R> = {};
      for (const name of names) record[name] = parts[name].read(reader);
      return record as R;
    },
  };
}

/** At most `maxRows` values, with their number (u16) in front. */
export function rows<T>(part: Part<T>, maxRows: number): Part<readonly T[]> {
  return {
    write(writer, values) {
      if (values.length > maxRows) throw new RangeError(`more than ${maxRows} rows`);
      writer.u16(values.length);
      for (const value of values) part.write(writer, value);
    },
    read(reader) {
      const size = reader.u16();
      if (size > maxRows) throw new DecodeError(`a list has more than ${maxRows} rows`);
      return Array.from({ length: size }, () => part.read(reader));
    },
  };
}

/** Bytes with their length (u32) in front. Read bytes are a copy: they outlive the frame they came in. */
export function blob(maxBytes: number): Part<Uint8Array> {
  return {
    write(writer, value) {
      if (value.length > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`);
      writer.u32(value.length).fixed(value, value.length);
    },
    read: (reader) => new Uint8Array(blobView(reader, maxBytes)), // `from` would iterate
  };
}

function blobView(reader: Reader, maxBytes: number): Uint8Array {
  const size = reader.u32();
  if (size > maxBytes) throw new DecodeError(`a part of ${size} bytes is above ${maxBytes}`);
  return reader.fixed(size);
}

/** At most `maxRows` byte strings, each as a `blob`; short ones that are read share memories. */
export function blobs(maxBytes: number, maxRows: number): Part<readonly Uint8Array[]> {
  const { write } = blob(maxBytes);
  const views = rows({ write, read: (reader) => blobView(reader, maxBytes) }, maxRows);
  return { write: views.write, read: (reader) => copiesOf(views.read(reader)) };
}

/** Places in a block, each above the one before: a set has one spelling. */
export function places(maxRows: number): Part<readonly number[]> {
  const plain = rows(u16, maxRows);
  const isRising = (values: readonly number[]) =>
    values.every((value, at) => at === 0 || value > (values[at - 1] as number));
  return {
    write(writer, values) {
      if (!isRising(values)) throw new RangeError('places must rise');
      plain.write(writer, values);
    },
    read(reader) {
      const values = plain.read(reader);
      if (!isRising(values)) throw new DecodeError('places do not rise');
      return values;
    },
  };
}

const shortIdBytes = 8;

/** First 8 bytes of a transaction id. */
export const shortTxId: Part<Hex> = {
  write(writer, value) {
    const bytes = bytesFromHex(value, shortIdBytes);
    if (!bytes) throw new RangeError('a short id is 16 hex digits');
    writer.fixed(bytes, shortIdBytes);
  },
  read: (reader) => hex(reader.fixed(shortIdBytes)),
};

const voteKind: Part<VoteKind> = {
  write: (writer, value) => void writer.u8(voteKinds[value]),
  read(reader) {
    const number = reader.u8();
    const names = Object.keys(voteKinds) as VoteKind[];
    const kind = names.find((name) => voteKinds[name] === number);
    if (!kind) throw new DecodeError(`vote kind ${number} is not known`);
    return kind;
  },
};

/** A signed vote: 115 bytes. */
export const vote: Part<Vote> = partRecord<Vote>({
  kind: voteKind,
  epoch: count,
  view: count,
  blockHash: hash,
  validator: u16,
  signature,
});
