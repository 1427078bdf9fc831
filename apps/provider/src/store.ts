/**
 * The provider's database: its books, its journal of jobs, its receipts. The only place with SQL.
 *
 * What is written when: the reservation and the journal row before the engine is called, the charge with
 * every receipt, everything that a job leaves at its end. The steps of one turn of the event loop
 * are one transaction (jobs/commit-group.ts), with the books of a channel once; nothing leaves this machine before
 * `written` has resolved. `synchronous=NORMAL`: a power
 * cut may lose the newest commits, which costs the provider at most the work of that moment; on chain,
 * `totalClaimed` only grows, so nothing can be claimed twice.
 *
 * Rows of jobs and receipts are kept in the order in which jobs came. By their ids, which are hashes, every row would
 * change a page of its own, and the log of the file would be twice as long.
 */
import type { BestVoucher, ChannelRecord, JobRecord, ResumeMark, SavedRecord } from '@aitbc/market';
import {
  AppError,
  amountOf,
  type ChannelJson,
  type ChannelState,
  channelFromJson,
  channelToJson,
  type Hex,
  type Outcome,
  type SignedOffer,
  type SignedReceipt,
} from '@aitbc/protocol';
import { migrate, openSqlite, type Sqlite, type SqlRow } from '@aitbc/service';
import { type EarningsStore, earningsQueries } from './earnings/earnings-queries.ts';
import { type CommitGroup, createCommitGroup } from './jobs/commit-group.ts';
import { migrations } from './migrations.ts';

/** A job as the journal keeps it. */
export interface JournalRow {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly offerId: Hex;
  readonly bodyDigest: Hex;
  /** Where it went on that another provider began; undefined for a job that began here. */
  readonly resume: ResumeMark | undefined;
  readonly outcome: Outcome;
  readonly tokensCovered: number;
  readonly delivered: number;
  readonly promptTokens: number;
  readonly charged: bigint;
}

/** A channel with what of its books was saved. */
export interface SavedChannel {
  readonly channel: ChannelState;
  readonly saved: SavedRecord;
}

/** A signed receipt and its place among the receipts of its job. */
export interface PlacedReceipt {
  readonly place: number;
  readonly receipt: SignedReceipt;
}

/** What the journal keeps of a job besides its record. */
export interface StartFacts {
  readonly bodyDigest: Hex;
  readonly resume: ResumeMark | undefined;
  readonly atMs: number;
}

/** The last receipt of a job, and when it ended. */
export interface JobEnding {
  readonly receipt: PlacedReceipt;
  readonly atMs: number;
}

/** A job that never ran here and must not run any more. */
export interface GivenUpJob {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly atMs: number;
}

/** Sums over all ended jobs. */
export interface Totals {
  readonly jobs: number;
  readonly outputTokens: number;
}

/** The provider's database. A method's writes are kept whole or not at all, and seen by the next read. */
export interface ProviderStore extends EarningsStore {
  /** Resolves when all that was written before is committed: then what follows from it may leave. */
  written(): Promise<void>;
  channels(): SavedChannel[];
  saveChannel(record: ChannelRecord): void;
  dropChannel(channelId: Hex): void;
  offers(nowMs: number): SignedOffer[];
  offer(offerId: Hex): SignedOffer | undefined;
  saveOffer(offerId: Hex, offer: SignedOffer): void;
  /** The reservation and its journal row; false, with nothing written, when the journal has the job. */
  startJob(record: ChannelRecord, job: JobRecord, facts: StartFacts): boolean;
  /** The books and the journal row after a top-up. */
  extendJob(record: ChannelRecord, job: JobRecord): void;
  /** A window, or what a buyer acknowledged later: books, journal row and receipt. */
  checkpoint(record: ChannelRecord, job: JobRecord, receipt: PlacedReceipt): void;
  /** The end of a job: as `checkpoint`, and it counts in the totals. */
  endJob(record: ChannelRecord, job: JobRecord, ending: JobEnding): void;
  job(jobId: Hex): JournalRow | undefined;
  runningJobs(): JournalRow[];
  receipts(jobId: Hex): SignedReceipt[];
  /** Jobs that were given up, oldest first. */
  givenUp(): GivenUpJob[];
  saveGivenUp(job: GivenUpJob): void;
  dropGivenUp(job: Omit<GivenUpJob, 'atMs'>): void;
  totals(): Totals;
  saveClaim(channelId: Hex, totalClaimed: bigint, txId: Hex): void;
  /** Transaction that paid at least this much of a channel. */
  claimThatPaid(channelId: Hex, cumulative: bigint): Hex | undefined;
  /** Results that the coordinator has not acknowledged. */
  results(): string[];
  saveResult(jobId: Hex, frame: string, nowMs: number): void;
  dropResult(jobId: Hex): void;
  /** Forgets receipts of jobs that ended, and results that were made, before the time. */
  prune(beforeMs: number): void;
  close(): Promise<void>;
}

/** Opens the database of one chain. Throws STORE_CORRUPT for the database of another. */
export async function openProviderStore(path: string, genesisHash: Hex): Promise<ProviderStore> {
  const sqlite = await openSqlite(path, { durability: 'normal' });
  try {
    migrate(sqlite, migrations);
    bindToChain(sqlite, path, genesisHash);
  } catch (error) {
    await sqlite.close();
    throw error;
  }
  const books = createBooksWriter(sqlite);
  const group = createCommitGroup(sqlite, books.flush);
  const writing: Writing = { ...group, noteBooks: books.note };
  return {
    ...channelQueries(sqlite, writing),
    ...jobQueries(sqlite, writing),
    ...resultQueries(sqlite, writing),
    ...givenUpQueries(sqlite, writing),
    ...earningsQueries(sqlite),
    written: group.written,
    close: () => group.written().finally(() => sqlite.close()),
  };
}

function bindToChain(sqlite: Sqlite, path: string, genesisHash: Hex): void {
  sqlite.prepare('insert or ignore into meta values (?, ?)').run('genesisHash', genesisHash);
  const row = sqlite
    .prepare<{ value: string }>('select value from meta where key = ?')
    .get('genesisHash');
  if (row?.value === genesisHash) return;
  const reason = `it belongs to chain ${row?.value}; this chain is ${genesisHash}`;
  throw new AppError('STORE_CORRUPT', { what: path, reason });
}

function channelQueries(sqlite: Sqlite, { write, flush, noteBooks }: Writing) {
  const writeState = sqlite.prepare(
    "insert into channels values (?, ?, '0', '0', null) on conflict do update set state = excluded.state",
  );
  const all = sqlite.prepare('select state, charged, signed_max, best from channels');
  const dropChannel = sqlite.prepare('delete from channels where channel_id = ?');
  const offers = sqlite.prepare('select offer from offers where valid_until_ms >= ?');
  const offer = sqlite.prepare('select offer from offers where offer_id = ?');
  const saveOffer = sqlite.prepare('insert or ignore into offers values (?, ?, ?)');
  const saveClaim = sqlite.prepare(
    `insert into claims select ?1, coalesce(max(place) + 1, 0), ?2, ?3 from claims where channel_id = ?1`,
  );
  const claims = sqlite.prepare<{ total_claimed: string; tx_id: string }>(
    'select total_claimed, tx_id from claims where channel_id = ? order by place',
  );
  return {
    channels: () => all.all().map(savedChannelOf),
    saveChannel(record: ChannelRecord) {
      write(() => {
        const { channel } = record;
        writeState.run(channel.channelId, JSON.stringify(channelToJson(channel)));
        noteBooks(record);
      });
      flush();
    },
    dropChannel(channelId: Hex) {
      flush();
      dropChannel.run(channelId);
    },
    offers: (nowMs: number) => offers.all(nowMs).map((row) => parsed<SignedOffer>(row.offer)),
    offer(offerId: Hex) {
      const row = offer.get(offerId);
      return row && parsed<SignedOffer>(row.offer);
    },
    saveOffer(offerId: Hex, signed: SignedOffer) {
      flush();
      saveOffer.run(offerId, JSON.stringify(signed), signed.payload.validUntilMs);
    },
    saveClaim(channelId: Hex, totalClaimed: bigint, txId: Hex) {
      flush();
      saveClaim.run(channelId, totalClaimed.toString(), txId);
    },
    claimThatPaid: (channelId: Hex, cumulative: bigint) =>
      claims.all(channelId).find((row) => amountOf(row.total_claimed) >= cumulative)?.tx_id,
  };
}

/** How the queries write: what belongs to jobs with its turn, the rest at once. */
interface Writing extends CommitGroup {
  /** The newest of a turn is written at its end. */
  noteBooks(record: ChannelRecord): void;
}

/** Books change at every step of a job: of the steps of one turn the newest is written. */
function createBooksWriter(sqlite: Sqlite) {
  const update = sqlite.prepare(
    'update channels set charged = ?, signed_max = ?, best = ? where channel_id = ?',
  );
  const noted = new Map<Hex, ChannelRecord>();
  const write = ({ channel, charged, signedMax, best }: ChannelRecord): void => {
    const voucher = best ? JSON.stringify({ ...best, maxClaimable: `${best.maxClaimable}` }) : null;
    update.run(charged.toString(), signedMax.toString(), voucher, channel.channelId);
  };
  return {
    note: (record: ChannelRecord) => void noted.set(record.channel.channelId, record),
    flush() {
      for (const record of noted.values()) write(record);
      noted.clear();
    },
  };
}

function jobQueries(sqlite: Sqlite, writing: Writing) {
  const { write, noteBooks } = writing;
  const insert = sqlite.prepare(
    "insert or ignore into jobs values (null, ?, ?, ?, ?, 'running', ?, ?, 0, '0', ?, null, ?, ?)",
  );
  const columns = 'outcome = ?, tokens_covered = ?, delivered = ?, prompt_tokens = ?, charged = ?';
  const update = sqlite.prepare(`update jobs set ${columns} where job_id = ?`);
  const end = sqlite.prepare(`update jobs set ${columns}, ended_ms = ? where job_id = ?`);
  const receipt = sqlite.prepare(
    'insert or replace into receipts select (job_no << 20) + ?, ? from jobs where job_id = ?',
  );
  const valuesOf = (job: JobRecord) => {
    const { outcome, tokensCovered, delivered, promptTokens, charged } = job;
    return [outcome, tokensCovered, delivered, promptTokens, charged.toString()];
  };
  const saveReceipt = ({ jobId }: JobRecord, placed: PlacedReceipt): void => {
    receipt.run(placed.place, JSON.stringify(placed.receipt), jobId);
  };
  return {
    startJob(record: ChannelRecord, job: JobRecord, facts: StartFacts) {
      const { jobId, offerId, tokensCovered, delivered } = job;
      const { channelId } = record.channel;
      const { bodyDigest, resume, atMs } = facts;
      return write(() => {
        const { changes } = insert.run(
          ...[jobId, channelId, offerId, bodyDigest, tokensCovered, delivered, atMs],
          resume?.from ?? null,
          resume?.prefixHash ?? null,
        );
        if (Number(changes) === 0) return false;
        noteBooks(record);
        return true;
      });
    },
    extendJob: (record: ChannelRecord, job: JobRecord) =>
      write(() => {
        update.run(...valuesOf(job), job.jobId);
        noteBooks(record);
      }),
    checkpoint: (record: ChannelRecord, job: JobRecord, placed: PlacedReceipt) =>
      write(() => {
        update.run(...valuesOf(job), job.jobId);
        saveReceipt(job, placed);
        noteBooks(record);
      }),
    endJob: (record: ChannelRecord, job: JobRecord, { receipt: placed, atMs }: JobEnding) =>
      write(() => {
        end.run(...valuesOf(job), atMs, job.jobId);
        saveReceipt(job, placed);
        noteBooks(record);
      }),
    ...journalQueries(sqlite, writing),
  };
}

/** The number of a receipt holds that of its job and its place. */
const withReceipts = `from jobs join receipts
  on receipt_no between jobs.job_no << 20 and (jobs.job_no << 20) + 1048575`;

function journalQueries(sqlite: Sqlite, { flush }: Writing) {
  const one = sqlite.prepare('select * from jobs where job_id = ?');
  const running = sqlite.prepare("select * from jobs where outcome = 'running'");
  const receipts = sqlite.prepare(
    `select receipt ${withReceipts} where job_id = ? order by receipt_no`,
  );
  const totals = sqlite.prepare<{ jobs: number; tokens: number }>(
    'select count(*) as jobs, coalesce(sum(delivered - coalesce(resumed_from, 0)), 0) as tokens from jobs where ended_ms is not null',
  );
  const prune = sqlite.prepare(
    `delete from receipts where receipt_no in (select receipt_no ${withReceipts} where ended_ms < ?)`,
  );
  const pruneResults = sqlite.prepare('delete from results where created_ms < ?');
  return {
    job(jobId: Hex) {
      flush();
      const row = one.get(jobId);
      return row && journalRowOf(row);
    },
    runningJobs: () => running.all().map(journalRowOf),
    receipts(jobId: Hex) {
      flush();
      return receipts.all(jobId).map((row) => parsed<SignedReceipt>(row.receipt));
    },
    totals() {
      flush();
      const row = totals.get();
      return { jobs: Number(row?.jobs ?? 0), outputTokens: Number(row?.tokens ?? 0) };
    },
    prune(beforeMs: number) {
      flush();
      prune.run(beforeMs);
      pruneResults.run(beforeMs);
    },
  };
}

function resultQueries(sqlite: Sqlite, { flush }: Writing) {
  const all = sqlite.prepare<{ frame: string }>('select frame from results order by created_ms');
  const save = sqlite.prepare('insert or replace into results values (?, ?, ?)');
  const drop = sqlite.prepare('delete from results where job_id = ?');
  return {
    results: () => all.all().map((row) => row.frame),
    saveResult(jobId: Hex, frame: string, nowMs: number) {
      flush();
      save.run(jobId, frame, nowMs);
    },
    dropResult(jobId: Hex) {
      flush();
      drop.run(jobId);
    },
  };
}

function givenUpQueries(sqlite: Sqlite, { write }: Writing) {
  const all = sqlite.prepare('select * from given_up order by at_ms');
  const save = sqlite.prepare('insert or replace into given_up values (?, ?, ?)');
  const drop = sqlite.prepare('delete from given_up where job_id = ? and channel_id = ?');
  return {
    givenUp: () =>
      all.all().map((row) => ({
        jobId: String(row.job_id),
        channelId: String(row.channel_id),
        atMs: Number(row.at_ms),
      })),
    saveGivenUp: ({ jobId, channelId, atMs }: GivenUpJob) =>
      write(() => void save.run(jobId, channelId, atMs)),
    dropGivenUp: ({ jobId, channelId }: Omit<GivenUpJob, 'atMs'>) =>
      write(() => void drop.run(jobId, channelId)),
  };
}

function parsed<T>(text: unknown): T {
  return JSON.parse(String(text)) as T;
}

function savedChannelOf(row: SqlRow): SavedChannel {
  const best = row.best === null ? undefined : parsed<Record<string, string>>(row.best);
  return {
    channel: channelFromJson(parsed<ChannelJson>(row.state)),
    saved: {
      charged: amountOf(String(row.charged)),
      signedMax: amountOf(String(row.signed_max)),
      best: best && ({ ...best, maxClaimable: amountOf(best.maxClaimable ?? '') } as BestVoucher),
    },
  };
}

function journalRowOf(row: SqlRow): JournalRow {
  return {
    jobId: String(row.job_id),
    channelId: String(row.channel_id),
    offerId: String(row.offer_id),
    bodyDigest: String(row.body_digest),
    resume:
      row.resumed_from === null
        ? undefined
        : { from: Number(row.resumed_from), prefixHash: String(row.resumed_prefix_hash) },
    outcome: String(row.outcome) as Outcome,
    tokensCovered: Number(row.tokens_covered),
    delivered: Number(row.delivered),
    promptTokens: Number(row.prompt_tokens),
    charged: amountOf(String(row.charged)),
  };
}
