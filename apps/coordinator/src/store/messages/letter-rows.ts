/** Stored letters, and who reads them here. */
import { type Hex, limits } from '@aitbc/protocol';
import { sql } from 'kysely';
import type { CommitGroups } from '../commit-groups.ts';
import type { Database, Tx } from '../database/database.ts';
import type { LetterRow } from '../schema.ts';
import type { Work } from '../work.ts';

/** What became of a letter that was to be stored; `full` says why there is no room. */
export type LetterStored = 'stored' | 'known' | { readonly full: string };

/** A page of a mailbox, oldest first. */
export interface LetterPage {
  readonly receiver: Hex;
  readonly after: number;
  /** Letters that have run out by then are left out. */
  readonly nowMs: number;
  readonly limit: number;
}

/** Reads and writes letters. */
export interface LetterRows {
  /** Stores a letter where its receiver and its sender there have room; one that is known is left alone. */
  insert(letter: Omit<LetterRow, 'seq'>): Promise<LetterStored>;
  page(page: LetterPage): Promise<LetterRow[]>;
  /** Deletes letters of a receiver; how many there were. */
  remove(receiver: Hex, ids: readonly Hex[]): Promise<number>;
  /** The owner of a mailbox reads it here. */
  markRead(account: Hex): Promise<void>;
  isReadSince(account: Hex, sinceMs: number): Promise<boolean>;
  /** Deletes up to `limit` letters that have run out, and mailboxes that were not read since a time. */
  prune(
    nowMs: number,
    options: { readonly readBeforeMs: number; readonly limit: number },
  ): Promise<void>;
}

const seqAttempts = 8;

/** Letter rows of an open database. `nextSeq` gives a number above all before it. */
export function createLetterRows(
  { db }: Database,
  groups: CommitGroups<Work>,
  nextSeq: () => number,
): LetterRows {
  const write = async <T>(run: (tx: Tx, nowMs: number) => Promise<T>): Promise<T> =>
    (await groups.run({ type: 'write', run })) as T;
  return {
    insert: (letter) => write((tx) => insertLetter(tx, letter, nextSeq)),
    page: ({ receiver, after, nowMs, limit }) =>
      db
        .selectFrom('letters')
        .selectAll()
        .where('receiver', '=', receiver)
        .where('seq', '>', after)
        .where('expires_at_ms', '>=', nowMs)
        .orderBy('seq')
        .limit(limit)
        .execute(),
    async remove(receiver, ids) {
      const removed = await write((tx) =>
        tx
          .deleteFrom('letters')
          .where('receiver', '=', receiver)
          .where('letter_id', 'in', [...ids])
          .returning('letter_id')
          .execute(),
      );
      return removed.length;
    },
    async markRead(account) {
      await write((tx, nowMs) =>
        tx
          .insertInto('mailboxes')
          .values({ account, read_at_ms: nowMs })
          .onConflict((row) => row.column('account').doUpdateSet({ read_at_ms: nowMs }))
          .execute(),
      );
    },
    async isReadSince(account, sinceMs) {
      const row = await db
        .selectFrom('mailboxes')
        .select('read_at_ms')
        .where('account', '=', account)
        .executeTakeFirst();
      return row !== undefined && row.read_at_ms >= sinceMs;
    },
    async prune(nowMs, { readBeforeMs, limit }) {
      await write(async (tx) => {
        await sql`delete from letters where seq in
          (select seq from letters where expires_at_ms < ${nowMs} limit ${limit})`.execute(tx);
        await sql`delete from mailboxes where account in
          (select account from mailboxes where read_at_ms < ${readBeforeMs} limit ${limit})`.execute(
          tx,
        );
        await sql`delete from mailboxes where account in
          (select account from mailboxes order by read_at_ms desc
           limit ${limit} offset ${limits.mailboxReads})`.execute(tx);
      });
    },
  };
}

async function insertLetter(
  tx: Tx,
  letter: Omit<LetterRow, 'seq'>,
  nextSeq: () => number,
): Promise<LetterStored> {
  const full = (await isKnown(tx, letter.letter_id)) ? undefined : await fullness(tx, letter);
  if (full !== undefined) return { full };
  // A number that another coordinator gave out in the same moment is replaced by the next one.
  for (let attempt = 1; attempt <= seqAttempts; attempt += 1) {
    const written = await tx
      .insertInto('letters')
      .values({ seq: nextSeq(), ...letter })
      .onConflict((row) => row.doNothing())
      .returning('seq')
      .execute();
    if (written.length > 0) return 'stored';
    if (await isKnown(tx, letter.letter_id)) return 'known';
  }
  return { full: 'the database is busy' };
}

async function isKnown(tx: Tx, letterId: Hex): Promise<boolean> {
  const known = await tx
    .selectFrom('letters')
    .select('seq')
    .where('letter_id', '=', letterId)
    .executeTakeFirst();
  return known !== undefined;
}

/** Why a mailbox takes no further letter of this size from this sender. */
async function fullness(
  tx: Tx,
  { receiver, sender, size_bytes }: Omit<LetterRow, 'seq'>,
): Promise<string | undefined> {
  const { rows } = await sql<{ letters: number; bytes: number; own: number }>`
    select count(*) as letters, coalesce(sum(size_bytes), 0) as bytes,
      coalesce(sum(case when sender = ${sender} then 1 else 0 end), 0) as own
    from letters where receiver = ${receiver}`.execute(tx);
  const [row] = rows;
  if (Number(row?.own) >= limits.mailboxPerSender) {
    return `${limits.mailboxPerSender} letters of this sender wait`;
  }
  if (Number(row?.letters) >= limits.mailboxLetters) return `${limits.mailboxLetters} letters wait`;
  const isTooLarge = Number(row?.bytes) + size_bytes > limits.mailboxBytes;
  return isTooLarge ? `${limits.mailboxBytes} bytes are the most that wait` : undefined;
}
