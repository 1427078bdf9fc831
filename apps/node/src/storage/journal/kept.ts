/**
 * What a journal still needs: own votes above the last final round, the blocks they name that are not final
 * and the certificates they rest on. It is also the last guard against a second vote: two different
 * votes for one round and kind, or `nullify` and `finalize` in one round, never get past it.
 *
 * Bounds: of too many votes the oldest are dropped, and nothing is signed any more at their rounds; of too
 * many blocks or certificates the oldest are dropped: they are worth keeping only against the loss of all
 * copies in the network.
 */
import { createReader, DecodeError } from '@aitbc/primitives';
import {
  AppError,
  type Certificate,
  type Hex,
  headerFields,
  readRecord,
  type Vote,
} from '@aitbc/protocol';
import { comparePositions, laterOf, type Position } from './position.ts';
import type { JournalBody, JournalItem } from './record.ts';

const votesMax = 65_536; // months of views without a final block
const certificatesMax = 1_024; // about 7 MB in a network of a hundred validators
const bodyBytesMax = 67_108_864; // 32 full blocks: finality follows notarization within a view or two

/** Rounds and blocks at or below this are final. */
export interface FinalPoint extends Position {
  readonly height: number;
}

/** What is asked to be kept. */
export interface JournalBatch {
  readonly votes: readonly Vote[];
  readonly bodies: readonly JournalBody[];
  readonly certificates: readonly Certificate[];
}

/** Needed votes, bodies and certificates. */
export interface Kept {
  /** The items that are not known yet. Throws AppError INTERNAL for a vote that must not be. */
  fresh(batch: JournalBatch): JournalItem[];
  take(items: readonly JournalItem[]): void;
  items(): JournalItem[];
  forget(point: FinalPoint): void;
  /** Latest round voted in. */
  highest(): Position;
  /** Nothing is signed at this round or before. */
  silent(): Position;
  /** Sets the round of silence, also to an earlier one. */
  silence(through: Position): void;
}

interface Known {
  readonly votes: Map<string, Vote>;
  readonly bodies: Map<Hex, JournalBody>;
  readonly certificates: Map<string, Certificate>;
  bodyBytes: number;
  highest: Position;
  silent: Position;
}

/** Keeps what it is given; it begins with what was read from disk. */
export function createKept(start: { readonly highest: Position; readonly silent: Position }): Kept {
  const known: Known = {
    votes: new Map(),
    bodies: new Map(),
    certificates: new Map(),
    bodyBytes: 0,
    highest: start.highest,
    silent: start.silent,
  };
  return {
    fresh: (batch) => freshItems(known, batch),
    take(items) {
      for (const item of items) takeItem(known, item);
      trim(known);
    },
    items: () => itemsOf(known),
    forget(point) {
      const isOver = (position: Position): boolean => comparePositions(position, point) <= 0;
      for (const body of known.bodies.values()) {
        if (heightOf(body) <= point.height) dropBody(known, body);
      }
      for (const [key, vote] of known.votes) if (isOver(vote)) known.votes.delete(key);
      for (const [key, one] of known.certificates) if (isOver(one)) known.certificates.delete(key);
      known.silent = laterOf(known.silent, positionOf(point));
    },
    highest: () => known.highest,
    silent: () => known.silent,
    silence(through) {
      known.silent = through;
    },
  };
}

function positionOf({ epoch, view }: Position): Position {
  return { epoch, view };
}

function voteKey({ epoch, view }: Position, kind: Vote['kind']): string {
  return `${epoch}/${view}/${kind}`;
}

function certificateKey({ epoch, view, kind }: Certificate): string {
  return `${epoch}/${view}/${kind}`;
}

/** Height of a block by its header; what is no block is over at once. */
function heightOf({ bytes }: JournalBody): number {
  try {
    return readRecord(headerFields, createReader(bytes)).height;
  } catch (error) {
    if (error instanceof DecodeError) return 0;
    throw error;
  }
}

function takeItem(known: Known, item: JournalItem): void {
  if (item.type === 'vote') {
    known.votes.set(voteKey(item.vote, item.vote.kind), item.vote);
    known.highest = laterOf(known.highest, positionOf(item.vote));
  } else if (item.type === 'certificate') {
    known.certificates.set(certificateKey(item.certificate), item.certificate);
  } else if (!known.bodies.has(item.body.hash)) {
    known.bodies.set(item.body.hash, item.body);
    known.bodyBytes += item.body.bytes.length;
  }
}

function dropBody(known: Known, body: JournalBody): void {
  if (known.bodies.delete(body.hash)) known.bodyBytes -= body.bytes.length;
}

function trim(known: Known): void {
  for (const body of known.bodies.values()) {
    if (known.bodyBytes <= bodyBytesMax) break;
    dropBody(known, body);
  }
  for (const key of known.certificates.keys()) {
    if (known.certificates.size <= certificatesMax) break;
    known.certificates.delete(key);
  }
  for (const [key, vote] of known.votes) {
    if (known.votes.size <= votesMax) break;
    known.votes.delete(key);
    known.silent = laterOf(known.silent, positionOf(vote));
  }
}

function itemsOf({ votes, bodies, certificates }: Known): JournalItem[] {
  const items: JournalItem[] = [];
  for (const body of bodies.values()) items.push({ type: 'body', body });
  for (const certificate of certificates.values()) items.push({ type: 'certificate', certificate });
  for (const vote of votes.values()) items.push({ type: 'vote', vote });
  return items;
}

function freshItems(known: Known, batch: JournalBatch): JournalItem[] {
  const votes = freshVotes(known, batch.votes);
  const bodies = new Map(batch.bodies.map((body) => [body.hash, body]));
  const certificates = new Map(batch.certificates.map((one) => [certificateKey(one), one]));
  for (const hash of known.bodies.keys()) bodies.delete(hash);
  for (const key of known.certificates.keys()) certificates.delete(key);
  return itemsOf({ ...known, votes, bodies, certificates });
}

const opposites = { notarize: undefined, nullify: 'finalize', finalize: 'nullify' } as const;

function freshVotes(known: Known, votes: readonly Vote[]): Map<string, Vote> {
  const fresh = new Map<string, Vote>();
  for (const vote of votes) {
    const find = (kind: Vote['kind']): Vote | undefined => {
      const key = voteKey(vote, kind);
      return fresh.get(key) ?? known.votes.get(key);
    };
    const same = find(vote.kind);
    if (same && same.blockHash !== vote.blockHash) throw refused(vote, 'names another block');
    if (same) continue;
    const opposite = opposites[vote.kind];
    if (opposite && find(opposite)) throw refused(vote, `contradicts a ${opposite} vote`);
    if (comparePositions(vote, known.silent) <= 0) throw refused(vote, 'is in a silent round');
    fresh.set(voteKey(vote, vote.kind), vote);
  }
  return fresh;
}

function refused({ kind, epoch, view }: Vote, why: string): AppError {
  return new AppError('INTERNAL', { reason: `a ${kind} vote in round ${epoch}/${view} ${why}` });
}
