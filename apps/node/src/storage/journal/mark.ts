/**
 * Marks of a segment: what its records must say at least. Two slots, each in a page of its own, are written
 * in turns together with every batch and before the same sync; so when a vote is in use, a mark on disk
 * knows it. A mark names the number that follows the last record and the highest round voted in: records
 * that are missing are noticed, and how far they can have gone is known.
 *
 *   crc u32 | fields below; CRC-32 of the fields
 *
 * See docs/spec/consensus.md, "Journal".
 */
import { crc32 } from 'node:zlib';
import { concat, createReader, createWriter, DecodeError } from '@aitbc/primitives';
import { type Fields, field, type RecordOf, readRecord, writeRecord } from '@aitbc/protocol';
import type { Position } from './position.ts';

/** Bytes between the starts of the two slots: a page, so that one bad page cannot take both. */
export const slotBytes = 4_096;
/** Where the records of a segment begin. */
export const recordsOffset = 2 * slotBytes;

const version = 1;
const crcBytes = 4;

const markFields = {
  version: field.u8,
  generation: field.count,
  sizeBytes: field.count,
  first: field.count,
  next: field.count,
  highestEpoch: field.count,
  highestView: field.count,
  silentEpoch: field.count,
  silentView: field.count,
} as const satisfies Fields;

const markBytes = crcBytes + 1 + 8 * 8;

/** State of a segment after a batch. */
export interface Mark {
  /** Which fill of a segment this is; rises by one for each. */
  readonly generation: number;
  /** Size of the whole file. */
  readonly sizeBytes: number;
  /** Number of the first record in the segment. */
  readonly first: number;
  /** Number behind the last record. */
  readonly next: number;
  /** Latest round that a vote of any segment was cast in. */
  readonly highest: Position;
  /** Nothing is signed at this round or before. */
  readonly silent: Position;
}

/** Bytes of a mark. */
export function encodeMark({ highest, silent, ...mark }: Mark): Uint8Array {
  const writer = createWriter();
  writeRecord(markFields, writer, {
    version,
    ...mark,
    highestEpoch: highest.epoch,
    highestView: highest.view,
    silentEpoch: silent.epoch,
    silentView: silent.view,
  });
  const fields = writer.finish();
  return concat(createWriter().u32(crc32(fields)).finish(), fields);
}

/** The slot that a mark belongs in: it never overwrites the one before it. */
export function slotOffset(turn: number): number {
  return (turn % 2) * slotBytes;
}

/** The marks in the two slots; undefined for one that is not whole. */
export function readMarks(all: Uint8Array): readonly (Mark | undefined)[] {
  return [0, slotBytes].map((offset) => decodeMark(all.subarray(offset, offset + markBytes)));
}

function decodeMark(bytes: Uint8Array): Mark | undefined {
  if (bytes.length < markBytes) return undefined;
  const reader = createReader(bytes);
  const crc = reader.u32();
  const fields = bytes.subarray(crcBytes);
  if (crc !== crc32(fields)) return undefined;
  const found = readFields(fields);
  if (found?.version !== version) return undefined;
  const { generation, sizeBytes, first, next } = found;
  const highest = { epoch: found.highestEpoch, view: found.highestView };
  const silent = { epoch: found.silentEpoch, view: found.silentView };
  return { generation, sizeBytes, first, next, highest, silent };
}

function readFields(fields: Uint8Array): RecordOf<typeof markFields> | undefined {
  try {
    return readRecord(markFields, createReader(fields));
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}
