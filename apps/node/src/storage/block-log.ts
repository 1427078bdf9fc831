/**
 * The block log: every final block with its certificate, appended and synced before anything else is told
 * about it. All other stored data can be rebuilt from this file and the genesis document.
 *
 *   record   bodyBytes u32 | certificateBytes u32 | crc u32 | body | certificate
 *            (crc32 of both lengths, body and certificate)
 *
 * Blocks that become final together are one append and one sync; the certificate of a block may be that of
 * a later one. One append runs at a time. A crash in one leaves a torn tail: reading stops at the first
 * record that is not whole, and the tail is cut off if it is no longer than one append can be. More than
 * that behind a bad record is damage, not a crash, and is refused with STORE_CORRUPT: cutting it off would
 * forget final blocks. Whole records at the end whose certified block is missing are cut off as well: they
 * are the head of an append that did not finish. See docs/spec/consensus.md, "Block log".
 */
import { fstatSync, ftruncateSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { concat } from '@aitbc/primitives';
import { AppError, limits } from '@aitbc/protocol';

const headBytes = 12;
const certificateBytesMax = 16_384; // 100 votes of 66 bytes are about 6.6 kB
const bodyBytesMax = limits.blockSizeBytes + 4_096; // transactions and their lengths, and the header
const recordBytesMax = headBytes + bodyBytesMax + certificateBytesMax;
const appendBytesMax = 4 * recordBytesMax; // one sync for as many blocks as come in 50 ms, and more

/** Where a record lies. */
export interface LogPlace {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A final block to store. */
export interface LogEntry {
  readonly body: Uint8Array;
  readonly certificate: Uint8Array;
}

/** One final block as stored. */
export interface LogRecord extends LogEntry {
  readonly place: LogPlace;
}

/** An open block log. */
export interface BlockLog {
  /** Resolves with the places when all records are on disk. One call at a time. */
  append(entries: readonly LogEntry[]): Promise<LogPlace[]>;
  /** The record at a place. Throws AppError STORE_CORRUPT. */
  read(place: LogPlace): LogRecord;
  /** Records from an offset on, in order. */
  records(fromOffset: number): Generator<LogRecord>;
  /** Offset behind the last whole record. */
  readonly end: number;
  close(): Promise<void>;
}

/** How a log is opened. */
export interface BlockLogOptions {
  /** End of what is known to be whole. */
  readonly fromOffset?: number;
  /** True for a record that proves itself: its certificate names its own block. */
  readonly provesItself?: (record: LogRecord) => boolean;
}

/** Opens or creates the log; what an unfinished append left is cut off. Throws AppError STORE_CORRUPT. */
export async function openBlockLog(
  path: string,
  { fromOffset = 0, provesItself = () => true }: BlockLogOptions = {},
): Promise<BlockLog> {
  const file = await open(path, 'a+', 0o600);
  try {
    return createBlockLog(file, cutTornTail(file.fd, { fromOffset, provesItself }));
  } catch (error) {
    await file.close();
    throw error;
  }
}

function createBlockLog(file: FileHandle, startEnd: number): BlockLog {
  let end = startEnd;
  return {
    async append(entries) {
      const places: LogPlace[] = [];
      for (const group of groupsOf(entries)) {
        await writeAll(file, group);
        await file.datasync();
        for (const { length: sizeBytes } of group) {
          places.push({ offset: end, sizeBytes });
          end += sizeBytes;
        }
      }
      return places;
    },
    read(place) {
      const record = readAt(file.fd, place.offset, end);
      if (record?.place.sizeBytes === place.sizeBytes) return record;
      throw damaged(`no whole record of ${place.sizeBytes} bytes at ${place.offset}`);
    },
    *records(fromOffset) {
      for (let offset = fromOffset; offset < end; ) {
        const record = readAt(file.fd, offset, end);
        if (!record) throw damaged(`no whole record at ${offset}`);
        yield record;
        offset += record.place.sizeBytes;
      }
    },
    get end() {
      return end;
    },
    close: () => file.close(),
  };
}

function damaged(reason: string): AppError {
  return new AppError('STORE_CORRUPT', { what: 'the block log', reason });
}

/** Encoded records, as many in one group as one append may have. */
function groupsOf(entries: readonly LogEntry[]): Uint8Array[][] {
  const groups: Uint8Array[][] = [];
  let sizeBytes = appendBytesMax;
  for (const { body, certificate } of entries) {
    const record = encodeRecord(body, certificate);
    sizeBytes += record.length;
    if (sizeBytes > appendBytesMax) {
      groups.push([]);
      sizeBytes = record.length;
    }
    groups.at(-1)?.push(record);
  }
  return groups;
}

async function writeAll(file: FileHandle, records: readonly Uint8Array[]): Promise<void> {
  const sizeBytes = records.reduce((sum, { length }) => sum + length, 0);
  const { bytesWritten } = await file.writev([...records]);
  if (bytesWritten !== sizeBytes)
    throw damaged(`${bytesWritten} of ${sizeBytes} bytes were written`);
}

/** Finds the end of the last record that stands proven, cuts what follows, and returns it. */
function cutTornTail(fd: number, { fromOffset, provesItself }: Required<BlockLogOptions>): number {
  const { size } = fstatSync(fd);
  if (fromOffset > size) throw damaged(`${size} bytes are left of at least ${fromOffset}`);
  let end = fromOffset;
  let proven = fromOffset;
  for (let record = readAt(fd, end, size); record; record = readAt(fd, end, size)) {
    end += record.place.sizeBytes;
    if (provesItself(record)) proven = end;
  }
  const torn = size - end;
  if (torn > appendBytesMax) throw damaged(`${torn} bytes follow a bad record at ${end}`);
  if (proven < size) ftruncateSync(fd, proven);
  return proven;
}

function encodeRecord(body: Uint8Array, certificate: Uint8Array): Uint8Array {
  const record = concat(new Uint8Array(headBytes), body, certificate);
  const view = new DataView(record.buffer);
  view.setUint32(0, body.length);
  view.setUint32(4, certificate.length);
  view.setUint32(8, checksum(record));
  return record;
}

function checksum(record: Uint8Array): number {
  return crc32(record.subarray(headBytes), crc32(record.subarray(0, 8)));
}

function readAt(fd: number, offset: number, end: number): LogRecord | undefined {
  const head = Buffer.alloc(headBytes);
  if (readSync(fd, head, 0, headBytes, offset) < headBytes) return undefined;
  const bodyBytes = head.readUInt32BE(0);
  const certificateBytes = head.readUInt32BE(4);
  if (bodyBytes === 0 || bodyBytes > bodyBytesMax || certificateBytes > certificateBytesMax) {
    return undefined;
  }
  const sizeBytes = headBytes + bodyBytes + certificateBytes;
  if (offset + sizeBytes > end) return undefined;
  const record = new Uint8Array(sizeBytes);
  if (readSync(fd, record, 0, sizeBytes, offset) < sizeBytes) return undefined;
  if (head.readUInt32BE(8) !== checksum(record)) return undefined;
  const body = record.subarray(headBytes, headBytes + bodyBytes);
  const certificate = record.subarray(headBytes + bodyBytes);
  return { place: { offset, sizeBytes }, body, certificate };
}
