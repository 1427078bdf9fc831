/**
 * The field table: one description of a message gives its binary encoder, its decoder and its JSON form.
 * A message is a list of named fields in order; nothing is optional and nothing is padded.
 *
 * | field        | bytes       | in code            | in JSON            |
 * |--------------|-------------|--------------------|--------------------|
 * | u8, u16, u32 | 1, 2, 4     | number             | number             |
 * | count        | 8           | safe integer       | number             |
 * | amount       | 8           | bigint of nait     | decimal string     |
 * | account      | 32          | hex                | address `ait1…`    |
 * | hash, key    | 32          | hex                | hex                |
 * | signature    | 64          | hex                | hex                |
 * | text(max)    | 2 + length  | string             | string             |
 * | bytes(max)   | 2 + length  | hex                | hex                |
 * | list(f, max) | 2 + rows    | array of records   | array of records   |
 * | choices(t,m) | 2 + rows    | array of {kind, body}, each u8 ‖ fields of the kind | the same |
 *
 * All numbers are big-endian. See docs/spec/wire.md, "Fields".
 */
import {
  addressFromId,
  amountFromText,
  bytesFromHex,
  DecodeError,
  equalBytes,
  hex,
  idFromAddress,
  isAmount,
  type Reader,
  textFromUtf8,
  utf8,
  type Writer,
} from '@aitbc/primitives';

/** Lower-case hex of ids, hashes, keys and signatures: the one spelling inside the system. */
export type Hex = string;

/** How one kind of value is written, read and shown. */
export interface Field<T> {
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
  toJson(value: T): unknown;
  /** Value of its JSON form; throws DecodeError with a reason. */
  fromJson(json: unknown): T;
}

/** Named fields in wire order. */
// biome-ignore lint/suspicious/noExplicitAny: the value type of each field is inferred per table
export type Fields = Readonly<Record<string, Field<any>>>;

/** The record a field table describes. */
export type RecordOf<F extends Fields> = {
  -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never;
};

function integerField(
  name: string,
  max: number,
  io: Pick<Field<number>, 'write' | 'read'>,
): Field<number> {
  return {
    ...io,
    toJson: (value) => value,
    fromJson(json) {
      if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < 0 || json > max) {
        throw new DecodeError(`expected ${name}, a whole number up to ${max}`);
      }
      return json;
    },
  };
}

export const u8: Field<number> = integerField('u8', 0xff, {
  write: (writer, value) => void writer.u8(value),
  read: (reader) => reader.u8(),
});
export const u16: Field<number> = integerField('u16', 0xffff, {
  write: (writer, value) => void writer.u16(value),
  read: (reader) => reader.u16(),
});
export const u32: Field<number> = integerField('u32', 0xffff_ffff, {
  write: (writer, value) => void writer.u32(value),
  read: (reader) => reader.u32(),
});

const two32 = 2 ** 32;

/** Nonces, heights, views and times: 64 bits on the wire, at most 2^53-1 so that a number holds them. */
export const count: Field<number> = integerField('count', Number.MAX_SAFE_INTEGER, {
  write(writer, value) {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is no count`);
    writer.u32(Math.floor(value / two32)).u32(value % two32);
  },
  read: (reader) => reader.count(),
});

export const amount: Field<bigint> = {
  write(writer, value) {
    if (!isAmount(value)) throw new RangeError(`${String(value)} is no amount`);
    writer.u64(value);
  },
  read: (reader) => reader.u64(),
  toJson: (value) => value.toString(),
  fromJson(json) {
    const value = amountFromText(json);
    if (value === undefined) throw new DecodeError('expected an amount: a decimal string of nait');
    return value;
  },
};

function fixedHex(name: string, sizeBytes: number): Field<Hex> {
  const bytesOf = (value: unknown): Uint8Array => {
    const bytes = typeof value === 'string' ? bytesFromHex(value, sizeBytes) : undefined;
    if (!bytes) throw new DecodeError(`expected a ${name}: ${sizeBytes * 2} lower-case hex digits`);
    return bytes;
  };
  return {
    write: (writer, value) => void writer.hex(value, sizeBytes),
    read: (reader) => hex(reader.fixed(sizeBytes)),
    toJson: (value) => value,
    fromJson: (json) => hex(bytesOf(json)),
  };
}

export const hash: Field<Hex> = fixedHex('hash', 32);
export const key: Field<Hex> = fixedHex('key', 32);
export const signature: Field<Hex> = fixedHex('signature', 64);

// The last account of each slot, with its text. A node meets the ids of its users a hundred thousand times a second: one
// text for each is cheaper to find in maps than equal ones, and is not collected. Nothing can be seen of it from outside.
const textSlots = 4_096;
const accountTexts = new Array<{ readonly bytes: Uint8Array; readonly text: Hex }>(textSlots);

/** Hex of the 32 bytes of an account id. */
export function accountText(bytes: Uint8Array): Hex {
  const slot = (((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)) % textSlots;
  const known = accountTexts[slot];
  if (known && equalBytes(known.bytes, bytes)) return known.text;
  const text = hex(bytes);
  accountTexts[slot] = { bytes: bytes.slice(), text };
  return text;
}

export const account: Field<Hex> = {
  ...fixedHex('account', 32),
  read: (reader) => accountText(reader.fixed(32)),
  toJson: (value) => addressOf(value),
  fromJson(json) {
    const decoded = idFromAddress(typeof json === 'string' ? json : '');
    if (!decoded.ok) throw new DecodeError(`expected an address: ${decoded.reason}`);
    return hex(decoded.accountId);
  },
};

/** UTF-8 text of at most `maxBytes` bytes. */
export function text(maxBytes: number): Field<string> {
  const checked = (value: unknown): Uint8Array => {
    if (typeof value !== 'string' || /\p{Surrogate}/u.test(value))
      throw new DecodeError('expected text');
    const bytes = utf8(value);
    if (bytes.length > maxBytes) throw new DecodeError(`a text is above ${maxBytes} bytes`);
    return bytes;
  };
  return {
    write: (writer, value) => void writer.variable(checked(value)),
    read(reader) {
      const bytes = reader.variable(maxBytes);
      try {
        return textFromUtf8(bytes);
      } catch {
        throw new DecodeError('a text is not UTF-8');
      }
    },
    toJson: (value) => value,
    fromJson(json) {
      checked(json);
      return json as string;
    },
  };
}

/** Free bytes of at most `maxBytes`, as hex in code and JSON. */
export function bytes(maxBytes: number): Field<Hex> {
  const bytesOf = (value: unknown): Uint8Array => {
    const size = typeof value === 'string' ? value.length / 2 : Number.NaN;
    const decoded = size <= maxBytes ? bytesFromHex(value as string, size) : undefined;
    if (!decoded) throw new DecodeError(`expected hex of at most ${maxBytes} bytes`);
    return decoded;
  };
  return {
    write: (writer, value) => void writer.variable(bytesOf(value)),
    read: (reader) => hex(reader.variable(maxBytes)),
    toJson: (value) => value,
    fromJson: (json) => hex(bytesOf(json)),
  };
}

/** At most `maxRows` records, with their number in front. */
export function list<F extends Fields>(fields: F, maxRows: number): Field<RecordOf<F>[]> {
  return {
    write(writer, rows) {
      if (rows.length > maxRows) throw new RangeError(`more than ${maxRows} rows`);
      writer.u16(rows.length);
      for (const row of rows) writeRecord(fields, writer, row);
    },
    read: (reader) => readRows(reader, maxRows, () => readRecord(fields, reader)),
    toJson: (rows) => rows.map((row) => recordToJson(fields, row)),
    fromJson: (json) => rowsFromJson(json, maxRows, (row) => recordFromJson(fields, row)),
  };
}

/** Records of several kinds: each has its own number and fields. */
export type KindTable = Readonly<
  Record<string, { readonly number: number; readonly fields: Fields }>
>;

/** One record of a table of kinds. */
export type ChoiceOf<T extends KindTable> = {
  [K in keyof T & string]: { readonly kind: K; readonly body: RecordOf<T[K]['fields']> };
}[keyof T & string];

/** At most `maxRows` records of different kinds, with their number in front; each begins with its kind's. */
export function choices<T extends KindTable>(kinds: T, maxRows: number): Field<ChoiceOf<T>[]> {
  const byNumber = new Map(Object.entries(kinds).map(([kind, { number }]) => [number, kind]));
  const fieldsOf = (kind: unknown): Fields => {
    const known = typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (!known)
      throw new DecodeError(`a row is of the kind ${String(kind)}, which has no place here`);
    return known.fields;
  };
  const readRow = (reader: Reader): ChoiceOf<T> => {
    const number = reader.u8();
    const kind = byNumber.get(number) ?? number;
    return { kind, body: readRecord(fieldsOf(kind), reader) } as ChoiceOf<T>;
  };
  const rowFromJson = (json: unknown): ChoiceOf<T> => {
    const { kind, body, ...rest } = (json ?? {}) as Record<string, unknown>;
    if (Object.keys(rest).length > 0) throw new DecodeError('expected rows of kind and body');
    return { kind, body: recordFromJson(fieldsOf(kind), body) } as ChoiceOf<T>;
  };
  return {
    write(writer, rows) {
      if (rows.length > maxRows) throw new RangeError(`more than ${maxRows} rows`);
      writer.u16(rows.length);
      for (const { kind, body } of rows) {
        const fields = fieldsOf(kind);
        writer.u8((kinds[kind] as T[keyof T & string]).number);
        writeRecord(fields, writer, body);
      }
    },
    read: (reader) => readRows(reader, maxRows, readRow),
    toJson: (rows) =>
      rows.map(({ kind, body }) => ({ kind, body: recordToJson(fieldsOf(kind), body) })),
    fromJson: (json) => rowsFromJson(json, maxRows, rowFromJson),
  };
}

function readRows<T>(reader: Reader, maxRows: number, readRow: (reader: Reader) => T): T[] {
  const size = reader.u16();
  if (size > maxRows) throw new DecodeError(`a list has more than ${maxRows} rows`);
  return Array.from({ length: size }, () => readRow(reader));
}

function rowsFromJson<T>(json: unknown, maxRows: number, rowOf: (row: unknown) => T): T[] {
  if (!Array.isArray(json) || json.length > maxRows) {
    throw new DecodeError(`expected a list of at most ${maxRows} rows`);
  }
  return json.map(rowOf);
}

/** One field of a table with its name. */
interface Step<F extends Fields> {
  readonly name: keyof F & string;
  readonly field: F[keyof F & string];
}

// Tables are constants and records are read and written a hundred thousand times a second: the list of a table's
// fields is made once.
const stepsCache = new WeakMap<Fields, readonly Step<Fields>[]>();

/** Fields of a table in order. */
function stepsOf<F extends Fields>(fields: F): readonly Step<F>[] {
  const known = stepsCache.get(fields) as readonly Step<F>[] | undefined;
  if (known) return known;
  const steps = Object.entries(fields).map(([name, field]) => ({ name, field }));
  stepsCache.set(fields, steps);
  return steps as unknown as readonly Step<F>[];
}

/** Writes the fields of a record in order. */
export function writeRecord<F extends Fields>(
  fields: F,
  writer: Writer,
  record: RecordOf<F>,
): void {
  for (const { name, field } of stepsOf(fields)) field.write(writer, record[name]);
}

/** Reads the fields of a record in order; throws DecodeError. */
export function readRecord<F extends Fields>(fields: F, reader: Reader): RecordOf<F> {
  const record: Record<string, unknown> = {};
  for (const { name, field } of stepsOf(fields)) record[name] = field.read(reader);
  return record as RecordOf<F>;
}

/** JSON form of a record: addresses, decimal strings, hex. */
export function recordToJson<F extends Fields>(
  fields: F,
  record: RecordOf<F>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, field.toJson(record[name as keyof F])]),
  );
}

/** Record of its JSON form; unknown or missing names are refused with DecodeError. */
export function recordFromJson<F extends Fields>(fields: F, json: unknown): RecordOf<F> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new DecodeError('expected an object');
  }
  const source = json as Record<string, unknown>;
  for (const name of Object.keys(source)) {
    if (!Object.hasOwn(fields, name)) throw new DecodeError(`the field ${name} is not known`);
  }
  const record: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(fields)) {
    try {
      record[name] = field.fromJson(source[name]);
    } catch (error) {
      if (error instanceof DecodeError) throw new DecodeError(`${name}: ${error.message}`);
      throw error;
    }
  }
  return record as RecordOf<F>;
}

/** Address text of an account id in hex. */
export function addressOf(accountId: Hex): string {
  const decoded = bytesFromHex(accountId, 32);
  if (!decoded) throw new RangeError('an account id is 64 hex digits');
  return addressFromId(decoded);
}
