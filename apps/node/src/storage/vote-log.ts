/**
 * The vote log: which votes this validator has signed. A vote is synced here before it is used, so that
 * after a crash the node knows below which view it must stay silent.
 *
 *   votes.log   `recordCount` records of 64 bytes, written full of zeros once; then overwritten in order
 *   record      crc u32 | number u64 | kind u8 | validator u16 | view u64 | blockHash 32 | zeros
 *               (crc32 of the 60 bytes after it; numbers rise by one)
 *
 * Overwriting a preallocated file keeps its size and blocks, which makes the sync several times cheaper
 * than appending. Reading stops at the first record that is not whole. If anything but zeros follows
 * there, or the file is short, a record was torn or damaged: its vote may have been used, so `votedView`
 * then rises by `viewWindow`, the furthest view any vote could have named. A full file is replaced: the
 * new one opens with a record of the highest view, then two renames; the old one stays as votes.old.
 * See docs/spec/consensus.md, "Vote log".
 */
import { existsSync, readFileSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { viewWindow } from '@aitbc/consensus';
import { createReader, createWriter, hex } from '@aitbc/primitives';
import { bytes32, type Vote, type VoteKind, voteKinds, zeroHash } from '@aitbc/protocol';
import { syncFolder } from './files.ts';

const recordBytes = 64;
const defaultRecordCount = 16_384; // 1 MiB: some 8 000 blocks of a lone validator

/** A vote as the log keeps it. */
export type LoggedVote = Pick<Vote, 'kind' | 'view' | 'blockHash' | 'validator'>;

/** An open vote log. */
export interface VoteLog {
  /** No vote may be signed in this view or below. */
  readonly votedView: number;
  /** Resolves when the votes are on disk. One call at a time. */
  append(votes: readonly LoggedVote[]): Promise<void>;
  close(): Promise<void>;
}

/** What a log file holds. */
export interface VoteLogContent {
  readonly votes: readonly LoggedVote[];
  /** Something follows the last whole record. */
  readonly torn: boolean;
}

/** Reads the whole records of a log file; an absent file holds none. */
export function readVoteLog(path: string): VoteLogContent {
  if (!existsSync(path)) return { votes: [], torn: false };
  const all = readFileSync(path);
  const votes: LoggedVote[] = [];
  let offset = 0;
  for (let previous: bigint | undefined; ; offset += recordBytes) {
    const record = decodeRecord(all.subarray(offset, offset + recordBytes));
    if (!record || (previous !== undefined && record.number !== previous + 1n)) break;
    votes.push(record.vote);
    previous = record.number;
  }
  const rest = all.subarray(offset, offset + recordBytes);
  const isWhole = all.length > 0 && all.length % recordBytes === 0;
  const torn = !isWhole || rest.some((byte) => byte !== 0);
  return { votes, torn };
}

/** Options of `openVoteLog`. */
export interface VoteLogOptions {
  readonly folder: string;
  /** Records in one file. */
  readonly recordCount?: number;
}

/** Opens or creates the log of a data folder. */
export async function openVoteLog({
  folder,
  recordCount = defaultRecordCount,
}: VoteLogOptions): Promise<VoteLog> {
  const path = join(folder, 'votes.log');
  const contents = [path, join(folder, 'votes.old')].map(readVoteLog);
  const votedView = Math.max(...contents.map(votedViewOf));
  const isFresh = contents[0]?.votes.length === 0 || contents[0]?.torn === true;
  if (isFresh) await replaceFile({ folder, recordCount, votedView });
  return createVoteLog({ folder, recordCount, votedView }, await open(path, 'r+'));
}

interface FileOptions {
  readonly folder: string;
  readonly recordCount: number;
  readonly votedView: number;
}

function createVoteLog(options: FileOptions, opened: FileHandle): VoteLog {
  let file = opened;
  let { votedView } = options;
  let next = readVoteLog(join(options.folder, 'votes.log')).votes.length;
  return {
    get votedView() {
      return votedView;
    },
    async append(votes) {
      if (next + votes.length > options.recordCount) {
        await file.close();
        await replaceFile({ ...options, votedView });
        file = await open(join(options.folder, 'votes.log'), 'r+');
        next = 1;
      }
      const records = Buffer.concat(votes.map((vote, index) => encodeRecord(next + index, vote)));
      await file.write(records, 0, records.length, next * recordBytes);
      await file.datasync();
      next += votes.length;
      votedView = Math.max(votedView, ...votes.map(({ view }) => view));
    },
    close: () => file.close(),
  };
}

function votedViewOf({ votes, torn }: VoteLogContent): number {
  const highest = votes.reduce((view, vote) => Math.max(view, vote.view), 0);
  return torn ? highest + viewWindow : highest;
}

/** Puts a fresh file in place; the one before stays as votes.old until the next time. */
async function replaceFile({ folder, recordCount, votedView }: FileOptions): Promise<void> {
  const [current, old, fresh] = ['votes.log', 'votes.old', 'votes.new'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  const file = await open(fresh, 'w', 0o600);
  const content = Buffer.alloc(recordCount * recordBytes);
  const mark = {
    kind: 'nullify',
    view: votedView,
    blockHash: zeroHash,
    validator: 0xffff,
  } as const;
  content.set(encodeRecord(0, mark));
  await file.write(content, 0, content.length, 0);
  await file.sync();
  await file.close();
  if (existsSync(current)) await rename(current, old);
  await rename(fresh, current);
  await syncFolder(folder);
}

function encodeRecord(number: number, vote: LoggedVote): Uint8Array {
  const writer = createWriter().u64(BigInt(number)).u8(voteKinds[vote.kind]).u16(vote.validator);
  const body = writer.u64(BigInt(vote.view)).fixed(bytes32(vote.blockHash), 32).finish();
  const record = new Uint8Array(recordBytes);
  record.set(body, 4);
  new DataView(record.buffer).setUint32(0, crc32(record.subarray(4)));
  return record;
}

function decodeRecord(record: Uint8Array): { number: bigint; vote: LoggedVote } | undefined {
  if (record.length < recordBytes) return undefined;
  const reader = createReader(record);
  if (reader.u32() !== crc32(record.subarray(4))) return undefined;
  const number = reader.u64();
  const wireKind = reader.u8();
  const kind = (Object.keys(voteKinds) as VoteKind[]).find((name) => voteKinds[name] === wireKind);
  const validator = reader.u16();
  const view = Number(reader.u64());
  const blockHash = hex(reader.fixed(32));
  return kind ? { number, vote: { kind, view, blockHash, validator } } : undefined;
}
