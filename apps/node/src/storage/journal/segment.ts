/**
 * Segments: the two files a journal alternates between. Each is filled once, written over from its start
 * when its turn comes again, and keeps its size, which makes a sync several times cheaper than appending.
 *
 *   slot 0 | slot 1 | records | what an older fill left behind
 *
 * A fill begins with everything that is still needed. It is written and synced first; only then the marks
 * name the new generation, in a second sync. Until those are on disk the other segment is the newest one
 * and is whole. A file of a new size is made under another name and renamed into place.
 */
import type { Disk, DiskFile } from '../disk.ts';
import { encodeMark, type Mark, readMarks, recordsOffset, slotBytes, slotOffset } from './mark.ts';
import { encodeBatch, type JournalItem } from './record.ts';

const newName = 'journal.new';
const zeroChunkBytes = 1_048_576;

/** Name of the segment that holds a generation. */
export function segmentName(generation: number): string {
  return `journal-${generation % 2}`;
}

/** A segment that is being filled. */
export interface Segment {
  readonly generation: number;
  /** Number of the next record. */
  next(): number;
  /** Bytes that still fit. */
  room(): number;
  /** Resolves when the records and their mark are on disk. */
  append(batch: Uint8Array, records: number, rounds: Rounds): Promise<void>;
  close(): Promise<void>;
}

/** What a mark says beside places. */
export type Rounds = Pick<Mark, 'highest' | 'silent'>;

/** How a fill begins. */
export interface Fill extends Rounds {
  readonly generation: number;
  /** Number of its first record. */
  readonly first: number;
  readonly items: readonly JournalItem[];
  readonly sizeBytes: number;
  /** Makes the file anew even when one of the right size is there. */
  readonly anew?: boolean;
}

/** Begins a fill; resolves when it is on disk and the newest one. */
export async function beginSegment(disk: Disk, fill: Fill): Promise<Segment> {
  const { items, first, generation, sizeBytes } = fill;
  const records = encodeItems(items, first);
  const next = first + items.length;
  const { highest, silent } = fill;
  const mark: Mark = { generation, sizeBytes, first, next, highest, silent };
  const file = await placeFill(disk, { mark, records, anew: fill.anew ?? false });
  return createSegment(file, { mark, end: recordsOffset + records.length });
}

/** Bytes of items that a fill begins with, each a batch of its own. */
export function encodeItems(items: readonly JournalItem[], first: number): Uint8Array {
  return Buffer.concat(items.map((item, index) => encodeBatch([item], first + index)));
}

interface Placed {
  readonly mark: Mark;
  readonly records: Uint8Array;
  readonly anew: boolean;
}

async function placeFill(disk: Disk, { mark, records, anew }: Placed): Promise<DiskFile> {
  const name = segmentName(mark.generation);
  const old = !anew && disk.has(name) ? await disk.open(name) : undefined;
  if (old?.sizeBytes() === mark.sizeBytes) {
    old.write(records, recordsOffset);
    await old.datasync();
    writeBothMarks(old, mark);
    await old.datasync();
    return old;
  }
  await old?.close();
  const file = await disk.create(newName);
  writeZeros(file, mark.sizeBytes);
  file.write(records, recordsOffset);
  writeBothMarks(file, mark);
  await file.datasync();
  await disk.rename(newName, name);
  return file;
}

function writeZeros(file: DiskFile, sizeBytes: number): void {
  const zeros = new Uint8Array(Math.min(zeroChunkBytes, sizeBytes));
  for (let at = 0; at < sizeBytes; at += zeros.length) {
    file.write(zeros.subarray(0, Math.min(zeros.length, sizeBytes - at)), at);
  }
}

function writeBothMarks(file: DiskFile, mark: Mark): void {
  for (const turn of [0, 1]) file.write(encodeMark(mark), slotOffset(turn));
}

function createSegment(file: DiskFile, start: { mark: Mark; end: number }): Segment {
  let { mark, end } = start;
  let turn = 0;
  return {
    generation: mark.generation,
    next: () => mark.next,
    room: () => mark.sizeBytes - end,
    async append(batch, records, { highest, silent }) {
      const after: Mark = { ...mark, next: mark.next + records, highest, silent };
      file.write(batch, end);
      file.write(encodeMark(after), slotOffset(turn));
      await file.datasync();
      turn += 1;
      end += batch.length;
      mark = after;
    },
    close: () => file.close(),
  };
}

/** A segment as read. */
export interface SegmentContent {
  readonly all: Uint8Array;
  readonly marks: readonly (Mark | undefined)[];
  /** The newest whole mark. */
  readonly mark: Mark | undefined;
}

/** Reads a segment; undefined when the file is not there. */
export async function readSegment(disk: Disk, name: string): Promise<SegmentContent | undefined> {
  if (!disk.has(name)) return undefined;
  const file = await disk.open(name);
  const all = file.read(0, file.sizeBytes());
  await file.close();
  const marks = readMarks(all.subarray(0, 2 * slotBytes));
  const [mark] = marks
    .filter((found) => found !== undefined)
    .sort((a, b) => b.generation - a.generation || b.next - a.next);
  return { all, marks, mark };
}
