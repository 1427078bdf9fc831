/**
 * Records of a journal: own votes, the bodies of the blocks that they name, and the certificates they rest on.
 *
 *   crc u32 | payload bytes u32 | number u64 | left u16 | type u8 | zero u8 | payload | zeros up to 16 bytes
 *
 * The CRC-32 covers everything between itself and the padding. Numbers rise by one through all segments.
 * `left` says how many records of the same batch follow, so that a batch counts as a whole or not at all.
 * See docs/spec/consensus.md, "Journal".
 */
import { crc32 } from 'node:zlib';
import { createReader, createWriter, DecodeError } from '@aitbc/primitives';
import {
  type Certificate,
  decodeCertificate,
  encodeCertificate,
  type Fields,
  field,
  type Hex,
  limits,
  readRecord,
  type Vote,
  type VoteKind,
  voteKinds,
  writeRecord,
} from '@aitbc/protocol';

const headBytes = 20;
const alignBytes = 16;
/** Most records of one batch: what `left` can count. */
export const batchRecordsMax = 65_536;
const payloadBytesMax = limits.blockSizeBytes + 32; // a body with its hash

/** A block that a notarize vote of ours names. */
export interface JournalBody {
  readonly hash: Hex;
  readonly bytes: Uint8Array;
}

/** What one record says. */
export type JournalItem =
  | { readonly type: 'vote'; readonly vote: Vote }
  | { readonly type: 'body'; readonly body: JournalBody }
  | { readonly type: 'certificate'; readonly certificate: Certificate };

interface JournalRecord {
  /** Records of its batch that follow. */
  readonly left: number;
  readonly item: JournalItem;
  readonly sizeBytes: number;
}

const types = Object.freeze({ vote: 1, body: 2, certificate: 3 });

const voteFields = {
  kind: field.u8,
  epoch: field.count,
  view: field.count,
  blockHash: field.hash,
  validator: field.u16,
  signature: field.signature,
} as const satisfies Fields;

const bodyFields = { hash: field.hash } as const satisfies Fields;

const kindByNumber = new Map<number, VoteKind>(
  Object.entries(voteKinds).map(([name, number]) => [number, name as VoteKind]),
);

/** Bytes that a record with such a payload takes. */
function paddedSize(payloadBytes: number): number {
  return Math.ceil((headBytes + payloadBytes) / alignBytes) * alignBytes;
}

/** Bytes of a batch whose first record has this number. Throws RangeError for what could not be read back. */
export function encodeBatch(items: readonly JournalItem[], firstNumber: number): Uint8Array {
  if (items.length > batchRecordsMax) throw new RangeError(`${items.length} records in one batch`);
  const payloads = items.map(encodePayload);
  const batch = new Uint8Array(payloads.reduce((sum, { length }) => sum + paddedSize(length), 0));
  const view = new DataView(batch.buffer);
  let at = 0;
  for (const [index, payload] of payloads.entries()) {
    view.setUint32(at + 4, payload.length);
    view.setBigUint64(at + 8, BigInt(firstNumber + index));
    view.setUint16(at + 16, items.length - 1 - index);
    view.setUint8(at + 18, types[(items[index] as JournalItem).type]);
    batch.set(payload, at + headBytes);
    view.setUint32(at, crc32(batch.subarray(at + 4, at + headBytes + payload.length)));
    at += paddedSize(payload.length);
  }
  return batch;
}

function encodePayload(item: JournalItem): Uint8Array {
  const writer = createWriter();
  if (item.type === 'vote') {
    writeRecord(voteFields, writer, { ...item.vote, kind: voteKinds[item.vote.kind] });
    return writer.finish();
  }
  if (item.type === 'certificate') return encodeCertificate(item.certificate);
  const { hash, bytes } = item.body;
  if (bytes.length > limits.blockSizeBytes) throw new RangeError(`a body of ${bytes.length} bytes`);
  writeRecord(bodyFields, writer, { hash });
  return writer.fixed(bytes, bytes.length).finish();
}

/** The whole record with this number at an offset, undefined when there is none. */
function recordAt(all: Uint8Array, offset: number, wanted: number): JournalRecord | undefined {
  if (offset + headBytes > all.length) return undefined;
  const view = new DataView(all.buffer, all.byteOffset + offset, headBytes);
  const payloadBytes = view.getUint32(4);
  const end = offset + headBytes + payloadBytes;
  if (payloadBytes > payloadBytesMax || end > all.length) return undefined;
  if (view.getBigUint64(8) !== BigInt(wanted)) return undefined;
  if (view.getUint32(0) !== crc32(all.subarray(offset + 4, end))) return undefined;
  const item = decodePayload(view.getUint8(18), all.slice(offset + headBytes, end));
  const left = view.getUint16(16);
  return item && { left, item, sizeBytes: paddedSize(payloadBytes) };
}

function decodePayload(type: number, payload: Uint8Array): JournalItem | undefined {
  try {
    if (type === types.vote) return decodeVote(payload);
    if (type === types.body) return decodeBody(payload);
    const certificate = decodeCertificate(payload);
    if (type !== types.certificate || !certificate.ok) return undefined;
    return { type: 'certificate', certificate: certificate.value };
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function decodeVote(payload: Uint8Array): JournalItem | undefined {
  const reader = createReader(payload);
  const { kind: number, ...rest } = readRecord(voteFields, reader);
  reader.end();
  const kind = kindByNumber.get(number);
  return kind && { type: 'vote', vote: { ...rest, kind } };
}

function decodeBody(payload: Uint8Array): JournalItem {
  const reader = createReader(payload);
  const { hash } = readRecord(bodyFields, reader);
  return { type: 'body', body: { hash, bytes: reader.fixed(reader.left()) } };
}

/** Whole batches from an offset on, in the order of their numbers. */
export interface JournalRecords {
  readonly items: readonly JournalItem[];
  /** Number of the record that would come next. */
  readonly next: number;
  /** Offset behind the last whole batch. */
  readonly end: number;
}

/** Reads until the first record that is not whole or not the next; half a batch at the end is left out. */
export function readBatches(all: Uint8Array, offset: number, first: number): JournalRecords {
  const items: JournalItem[] = [];
  let batch: JournalItem[] = [];
  let next = first;
  let end = offset;
  for (let at = offset, number = first; ; number += 1) {
    const record = recordAt(all, at, number);
    if (!record) return { items, next, end };
    at += record.sizeBytes;
    batch.push(record.item);
    if (record.left > 0) continue;
    items.push(...batch);
    batch = [];
    next = number + 1;
    end = at;
  }
}
