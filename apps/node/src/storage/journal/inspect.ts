/**
 * What a journal found on disk is worth.
 *
 *   whole    every record that a mark knows is there: no vote is unknown
 *   damaged  something is missing or torn, and it is known how far the missing votes can have gone
 *   lost     nothing is known: a file or all its marks are gone, or the two files do not belong together
 *
 * With both marks of the newest segment whole, the highest round in the newer one bounds every vote that
 * was ever used. With one of them gone, the records are counted on, and `agreementWindow` views more, the furthest
 * a single step can have gone. With one mark gone and records missing as well it is lost.
 */
import { agreementWindow } from '@aitbc/consensus';
import type { Disk } from '../disk.ts';
import { type Mark, recordsOffset } from './mark.ts';
import { firstPosition, lastPosition, laterOf, type Position } from './position.ts';
import { type JournalItem, readBatches } from './record.ts';
import { readSegment, type SegmentContent, segmentName } from './segment.ts';

/** State of a journal on disk. */
export type JournalCondition = 'whole' | 'damaged' | 'lost';

/** What was found. */
export interface Inspection {
  readonly condition: JournalCondition;
  /** The newest generation that is known, 0 for none. */
  readonly generation: number;
  readonly items: readonly JournalItem[];
  /** Number behind the last record that may be on disk. */
  readonly next: number;
  readonly highest: Position;
  readonly silent: Position;
}

/** Reads both segments and judges them. Changes nothing. */
export async function inspectJournal(disk: Disk): Promise<Inspection> {
  const found = [await readSegment(disk, segmentName(0)), await readSegment(disk, segmentName(1))];
  const marks = found.map((segment) => segment?.mark);
  const [even, odd] = marks;
  const fits =
    even?.generation !== undefined &&
    odd?.generation !== undefined &&
    even.generation % 2 === 0 &&
    Math.abs(even.generation - odd.generation) === 1;
  if (!fits) return lost(marks);
  const newest = even.generation > odd.generation ? found[0] : found[1];
  return judge(newest as SegmentContent) ?? lost(marks);
}

function lost(marks: readonly (Mark | undefined)[]): Inspection {
  const known = marks.filter((mark) => mark !== undefined);
  return {
    condition: 'lost',
    generation: Math.max(0, ...known.map(({ generation }) => generation)),
    items: [],
    next: Math.max(0, ...known.map(({ next }) => next)),
    highest: known.reduce((position, mark) => laterOf(position, mark.highest), firstPosition),
    silent: lastPosition,
  };
}

function judge({ all, marks, mark }: SegmentContent): Inspection | undefined {
  if (!mark) return undefined;
  const { items, next } = readBatches(all, recordsOffset, mark.first);
  const isShort = next < mark.next || all.length !== mark.sizeBytes;
  const lacksMark = marks.includes(undefined);
  if (isShort && lacksMark) return undefined;
  const highest = items.reduce(laterVote, mark.highest);
  const base = {
    generation: mark.generation,
    items,
    next: Math.max(next, mark.next),
    highest,
  };
  if (!isShort && !lacksMark) return { ...base, condition: 'whole', silent: mark.silent };
  const { epoch, view } = highest;
  const bound = lacksMark ? { epoch, view: view + agreementWindow } : highest;
  const silent = laterOf(mark.silent, bound);
  return { ...base, condition: 'damaged', silent };
}

function laterVote(position: Position, item: JournalItem): Position {
  return item.type === 'vote' ? laterOf(position, item.vote) : position;
}
