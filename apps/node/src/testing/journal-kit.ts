/** Votes, blocks and journals on a faulty disk, for the tests of the journal. */
import { tmpdir } from 'node:os';
import {
  type Certificate,
  encodeHeader,
  type Vote,
  type VoteKind,
  voteKinds,
} from '@aitbc/protocol';
import { createJournal, type Journal, openJournal } from '../storage/journal/journal.ts';
import type { JournalBatch } from '../storage/journal/kept.ts';
import { comparePositions } from '../storage/journal/position.ts';
import type { JournalBody } from '../storage/journal/record.ts';
import { createFaultyDisk, type FaultyDisk } from './faulty-disk.ts';

const segmentBytes = 11_264; // two pages of marks and about 20 votes

/** A hash that is a number. */
export const hashOf = (number: number): string => number.toString(16).padStart(64, '0');

/** A vote of validator 3; its block is that of the view unless said. */
export function voteOf(kind: VoteKind, view: number, { epoch = 0, block = view } = {}): Vote {
  const blockHash = kind === 'nullify' ? hashOf(0) : hashOf(block);
  const signature = block.toString(16).padStart(128, 'a');
  return { kind, epoch, view, blockHash, validator: 3, signature };
}

/** A header at the height of the block's number, and more bytes. */
export function bodyOf(block: number, sizeBytes = 900): JournalBody {
  const zero = hashOf(0);
  const roots = { txRoot: zero, stateRoot: zero, receiptRoot: zero, evidenceRoot: zero };
  const sets = { validatorsHash: zero, nextValidatorsHash: zero };
  const round = { height: block, epoch: 0, view: block, parent: zero, timeMs: 0, proposer: zero };
  const header = encodeHeader({ version: 1, chain: 7, ...round, ...roots, ...sets });
  const bytes = new Uint8Array(Math.max(header.length, sizeBytes)).fill(block);
  bytes.set(header);
  return { hash: hashOf(block), bytes };
}

/** A notarization of a view of epoch 0. */
export const certificateOf = (view: number): Certificate => ({
  kind: voteKinds.notarize,
  epoch: 0,
  view,
  blockHash: hashOf(view),
  votes: [{ validator: 3, signature: 'b'.repeat(128) }],
});

/** Nothing may be signed in this view of the epoch or below. */
export function silentIn(journal: Journal, epoch: number): number {
  const { silent } = journal.content();
  if (!silent) return 0;
  if (silent.type === 'lost' || epoch < silent.epoch) return Infinity;
  if (epoch > silent.epoch) return 0;
  return silent.view === Number.MAX_SAFE_INTEGER ? Infinity : silent.view;
}

/** Votes of an epoch that a journal gives back. */
export const votesIn = (journal: Journal, epoch = 0): Vote[] =>
  journal.content().votes.filter((vote) => vote.epoch === epoch);

/** Opens the journal of a disk with small segments. */
export const onDisk = (disk: FaultyDisk) => openJournal({ folder: tmpdir(), segmentBytes, disk });

/** A disk with the journal of a key that has never voted. */
export async function freshDisk(): Promise<FaultyDisk> {
  const disk = createFaultyDisk();
  await createJournal({ folder: tmpdir(), segmentBytes, disk });
  return disk;
}

/** Votes and bodies without certificates. */
export const batchOf = (
  votes: readonly Vote[],
  bodies: readonly JournalBody[] = [],
): JournalBatch => ({
  votes,
  bodies,
  certificates: [],
});
/** A notarize vote and its block. */
export const notarize = (view: number) => batchOf([voteOf('notarize', view)], [bodyOf(view)]);
/** A finalize vote alone. */
export const finalize = (view: number) => batchOf([voteOf('finalize', view)]);

/** True when a journal knows the vote or forbids its round. */
export function covers(journal: Journal, { epoch, view, kind, blockHash }: Vote): boolean {
  const { votes } = journal.content();
  const isSame = (vote: Vote) => vote.kind === kind && vote.blockHash === blockHash;
  if (silentIn(journal, epoch) >= view) return true;
  return votes.some((vote) => comparePositions(vote, { epoch, view }) === 0 && isSame(vote));
}

/** Notes a vote that was cast and fails when it contradicts an earlier one. */
export function note(cast: Map<string, string>, { epoch, view, kind, blockHash }: Vote): void {
  const round = `${epoch}/${view}`;
  const before = cast.get(`${round}/${kind}`);
  if (before !== undefined && before !== blockHash) throw new Error(`${kind} twice in ${round}`);
  cast.set(`${round}/${kind}`, blockHash);
  if (cast.has(`${round}/nullify`) && cast.has(`${round}/finalize`)) {
    throw new Error(`nullify and finalize in ${round}`);
  }
}
