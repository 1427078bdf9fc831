/**
 * The block log: every final block with its certificate, appended and synced before anything else is told
 * about it. All other stored data can be rebuilt from this file and the genesis document.
 *
 *   record   bodyBytes u32 | certificateBytes u32 | crc u32 | body | certificate
 *            (crc32 of both lengths, body and certificate)
 *
 * One append runs at a time. A crash in one leaves a torn tail: reading stops at the first record that is
 * not whole, and the tail is cut off if it is no longer than one record can be. More than that behind
 * a bad record is damage, not a crash, and is refused with STORE_CORRUPT: cutting it off would forget
 * final blocks. See docs/spec/consensus.md, "Block log".
 */
import { fstatSync, ftruncateSync, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { concat } from '@aitbc/primitives';
import { AppError, limits } from '@aitbc/protocol';

const headBytes = 12;
const certificateBytesMax = 16_384; // 100 votes of 66 bytes are about 6.6 kB
const bodyBytesMax = limits.blockSizeBytes + 4_096; // transactions and their lengths, and the header

/** Where a record lies. */
export interface LogPlace {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** One final block as stored. */
export interface LogRecord {
  readonly place: LogPlace;
  readonly body: Uint8Array;
  readonly certificate: Uint8Array;
}

/** An open block log. */
export interface BlockLog {
  /** Resolves when the record is on disk. One call at a time. */
  append(body: Uint8Array, certificate: Uint8Array): Promise<LogPlace>;
  /** The record at a place. Throws AppError STORE_CORRUPT. */
  read(place: LogPlace): LogRecord;
  /** Records from an offset on, in order. */
  records(fromOffset: number): Generator<LogRecord>;
  /** Offset behind the last whole record. */
  readonly end: number;
  close(): Promise<void>;
}

/** Opens or creates the log; a torn tail behind `fromOffset` is cut off. Throws AppError STORE_CORRUPT. */
export async function openBlockLog(path: string, fromOffset = 0): Promise<BlockLog> {
  const file = await open(path, 'a+', 0o600);
  try {
    return createBlockLog(file, cutTornTail(file.fd, fromOffset));
  } catch (error) {
    await file.close();
    throw error;
  }
}

function createBlockLog(file: FileHandle, startEnd: number): BlockLog {
  let end = startEnd;
  return {
    async append(body, certificate) {
      const record = encodeRecord(body, certificate);
      await file.write(record, 0, record.length);
      await file.datasync();
      const place = { offset: end, sizeBytes: record.length };
      end += record.length;
      return place;
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

/** Finds the end of the whole records, cuts what follows, and returns it. */
function cutTornTail(fd: number, fromOffset: number): number {
  const { size } = fstatSync(fd);
  if (fromOffset > size) throw damaged(`${size} bytes are left of at least ${fromOffset}`);
  let end = fromOffset;
  for (let record = readAt(fd, end, size); record; record = readAt(fd, end, size)) {
    end += record.place.sizeBytes;
  }
  const torn = size - end;
  if (torn > headBytes + bodyBytesMax + certificateBytesMax) {
    throw damaged(`${torn} bytes follow a bad record at ${end}`);
  }
  if (torn > 0) ftruncateSync(fd, end);
  return end;
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
