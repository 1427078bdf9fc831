/**
 * The journal of a validator: what must survive before a vote is used, its own votes and the bodies of the
 * blocks they name and the certificates they rest on. `append` resolves when all are on disk, by one sync;
 * after a crash agreement gets them back and neither forgets nor contradicts a vote.
 *
 * The last appended batch may be half on disk when the power goes. It was not in use then, and half a batch
 * does not count. Everything that was in use is known to a mark; if less than that is readable, the
 * validator stays silent through the highest round it can have voted in (`content().silent`). Where not
 * even that is known it only observes until the shell says how long (`resume`).
 *
 * What no journal can notice: both files put back from an older copy, and a disk that confirms a sync and
 * loses records and mark together. A journal therefore stays with its node and is never restored.
 * See docs/spec/consensus.md, "Journal".
 */
import { mkdirSync } from 'node:fs';
import { AppError, type Certificate, type Hex, type Vote } from '@aitbc/protocol';
import { createDisk, type Disk } from '../disk.ts';
import { type Inspection, inspectJournal, type JournalCondition } from './inspect.ts';
import { createKept, type FinalPoint, type JournalBatch, type Kept } from './kept.ts';
import { recordsOffset } from './mark.ts';
import { comparePositions, firstPosition, lastPosition, type Position } from './position.ts';
import { batchRecordsMax, encodeBatch, type JournalItem } from './record.ts';
import { beginSegment, encodeItems, type Segment, segmentName } from './segment.ts';

/** 80 blocks of 1 000 transfers; what is kept when one is full is usually a block or two. */
const defaultSegmentBytes = 16_777_216;

/** Where a journal is. */
export interface JournalOptions {
  readonly folder: string;
  /** Size of each of the two files. A larger one is made when the needed records do not fit. */
  readonly segmentBytes?: number;
  /** Where the stored chain ends: votes and blocks up to there are not read back. */
  readonly final?: FinalPoint;
  /** The files of the folder when left out. */
  readonly disk?: Disk;
}

/** Where votes may have been forgotten. */
export type Silence =
  /** Nothing is signed in this view of the epoch or below, nor in older epochs. */
  | { readonly type: 'view'; readonly epoch: number; readonly view: number }
  /** Nothing is signed until `resume`. */
  | { readonly type: 'lost' };

/** What a journal holds. */
export interface JournalContent {
  /** Own votes in the order of signing. */
  readonly votes: readonly Vote[];
  readonly bodies: ReadonlyMap<Hex, Uint8Array>;
  readonly certificates: readonly Certificate[];
  readonly silent?: Silence;
}

/** An open journal. */
export interface Journal {
  /** What was found on disk when it was opened. */
  readonly condition: JournalCondition;
  /** All that is not forgotten. */
  content(): JournalContent;
  /**
   * Resolves when all of it is on disk; calls are carried out in turn. What is known already is not written again.
   * Throws AppError INTERNAL, before anything is written, for a vote that contradicts one that is known or
   * is in a silent round; after a failed write the journal takes nothing more.
   */
  append(batch: JournalBatch): Promise<void>;
  /**
   * Blocks up to this height are final and stored, and so is what happened up to this round: votes there
   * are not needed, and none may be signed there any more.
   */
  forget(point: FinalPoint): void;
  /** Votes are safe again from this epoch on. Throws AppError INTERNAL for a journal that is not lost. */
  resume(epoch: number): Promise<void>;
  /** The same above a round: for a validator that is alone and so contradicts nobody. */
  resumeAbove(round: Position): Promise<void>;
  close(): Promise<void>;
}

function diskOf({ folder, disk }: JournalOptions): Disk {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return disk ?? createDisk(folder);
}

/** Makes the journal of a key that has never voted. Throws AppError CONFIG_INVALID when one is there. */
export async function createJournal(options: JournalOptions): Promise<void> {
  const disk = diskOf(options);
  if ([0, 1].some((generation) => disk.has(segmentName(generation)))) {
    const reason = `${options.folder} holds a journal already`;
    throw new AppError('CONFIG_INVALID', { reason });
  }
  const kept = createKept({ highest: firstPosition, silent: firstPosition });
  const segment = await beginPair(disk, { kept, options, generation: 1, next: 0 });
  await segment.close();
}

/** Opens the journal of a folder; one that is missing or unreadable is `lost`. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const disk = diskOf(options);
  const found = await inspectJournal(disk);
  const kept = createKept(found);
  kept.take(found.items);
  if (options.final) kept.forget(options.final);
  const segment = await reopen(disk, { kept, options, found });
  return createHandle({ disk, options, kept, condition: found.condition }, segment);
}

interface Start {
  readonly kept: Kept;
  readonly options: JournalOptions;
  readonly generation: number;
  readonly next: number;
  readonly anew?: boolean;
  /** Bytes that must fit behind what is kept. */
  readonly batchBytes?: number;
}

/**
 * A new generation at every opening, with a gap in the numbers that no batch can bridge: records that an
 * unfinished batch left behind are never read again.
 */
function reopen(
  disk: Disk,
  { kept, options, found }: { kept: Kept; options: JournalOptions; found: Inspection },
): Promise<Segment> {
  const generation = found.generation + 1;
  const start = { kept, options, generation, next: found.next + batchRecordsMax };
  return found.condition === 'lost' ? beginPair(disk, start) : begin(disk, start);
}

/** Makes both files: the one to fill, and an empty one in the place of its predecessor. */
async function beginPair(disk: Disk, start: Start): Promise<Segment> {
  const segment = await begin(disk, { ...start, anew: true });
  const { kept, next } = start;
  const generation = start.generation - 1;
  const rounds = { highest: kept.highest(), silent: kept.silent() };
  const empty = { generation, first: next, items: [], sizeBytes: recordsOffset, anew: true };
  await (await beginSegment(disk, { ...empty, ...rounds })).close();
  return segment;
}

function begin(disk: Disk, start: Start): Promise<Segment> {
  const { kept, options, generation, next, anew = false, batchBytes = 0 } = start;
  const items = kept.items();
  const neededBytes = recordsOffset + encodeItems(items, next).length + batchBytes;
  let sizeBytes = options.segmentBytes ?? defaultSegmentBytes;
  while (sizeBytes < neededBytes + recordsOffset) sizeBytes *= 2;
  const rounds = { highest: kept.highest(), silent: kept.silent() };
  return beginSegment(disk, { generation, first: next, items, sizeBytes, anew, ...rounds });
}

interface Parts {
  readonly disk: Disk;
  readonly options: JournalOptions;
  readonly kept: Kept;
  readonly condition: JournalCondition;
}

function createHandle({ disk, options, kept, condition }: Parts, opened: Segment): Journal {
  let segment = opened;
  let tail: Promise<void> = Promise.resolve();
  let isFailed = false;

  const turnOver = async (batchBytes: number): Promise<void> => {
    const start = { kept, options, generation: segment.generation + 1, next: segment.next() };
    const fresh = await begin(disk, { ...start, batchBytes });
    await segment.close();
    segment = fresh;
  };
  /** After a sync that failed nobody knows what is on disk, and a second try may lie. */
  const write = async (run: () => Promise<void>): Promise<void> => {
    if (isFailed) throw new AppError('INTERNAL', { reason: 'a write of the journal has failed' });
    try {
      await run();
    } catch (error) {
      isFailed = true;
      throw error;
    }
  };
  const inTurn = (run: () => Promise<void>): Promise<void> => {
    const done = tail.then(run);
    tail = done.catch(() => {}); // whoever called hears of it
    return done;
  };
  const writeItems = async (items: readonly JournalItem[]): Promise<void> => {
    let batch = encodeBatch(items, segment.next());
    if (segment.room() < batch.length) {
      await turnOver(batch.length);
      batch = encodeBatch(items, segment.next());
    }
    kept.take(items);
    const rounds = { highest: kept.highest(), silent: kept.silent() };
    await segment.append(batch, items.length, rounds);
  };
  const resumeAbove = ({ epoch, view }: Position): Promise<void> =>
    inTurn(async () => {
      if (!isLost(kept)) throw new AppError('INTERNAL', { reason: 'the journal is not lost' });
      kept.silence({ epoch, view });
      await write(() => turnOver(0));
    });
  return {
    condition,
    content: () => contentOf(kept),
    append: (batch) =>
      inTurn(async () => {
        const items = kept.fresh(batch);
        if (items.length > 0) await write(() => writeItems(items));
      }),
    forget: kept.forget,
    resume: (epoch) => resumeAbove({ epoch: epoch - 1, view: lastPosition.view }),
    resumeAbove,
    async close() {
      await tail;
      await segment.close();
    },
  };
}

function isLost(kept: Kept): boolean {
  return comparePositions(kept.silent(), lastPosition) === 0;
}

function contentOf(kept: Kept): JournalContent {
  const items = kept.items();
  const content = {
    votes: items.flatMap((item) => (item.type === 'vote' ? [item.vote] : [])),
    bodies: new Map(
      items.flatMap((item) => (item.type === 'body' ? [[item.body.hash, item.body.bytes]] : [])),
    ),
    certificates: items.flatMap((item) => (item.type === 'certificate' ? [item.certificate] : [])),
  };
  if (isLost(kept)) return { ...content, silent: { type: 'lost' } };
  const { epoch, view } = kept.silent();
  if (comparePositions(kept.silent(), firstPosition) === 0) return content;
  return { ...content, silent: { type: 'view', epoch, view } };
}
