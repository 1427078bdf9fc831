/**
 * The gateway's database: channels, calls, receipts, days. A change is written whole or not at all, so a
 * voucher never leaves without its reservation. Changes that come together are one transaction (a group
 * commit, group-commit.ts): sixteen streams that extend at once cost little more than one. Of a channel or a call only
 * the newest row of a group is written.
 */
import {
  AppError,
  amountOf,
  type Hex,
  type JobProof,
  jobProofOf,
  type PartFacts,
  type SignedOffer,
  type SignedReceipt,
} from '@aitbc/protocol';
import type {
  BuyerChange,
  BuyerStore,
  CallRow,
  CallStatus,
  CallTail,
  ChannelRow,
  ChannelStatus,
  DaySpend,
} from '@aitbc/sdk';
import { migrate, openSqlite, type Sqlite, type SqlRow } from '@aitbc/service';
import { createGroupCommit } from './group-commit.ts';
import { migrations } from './migrations.ts';

const callsKept = 100_000;

/** The gateway's store. */
export interface GatewayStore extends BuyerStore {
  /**
   * Ties the file to a network and a payer at the first call; later calls compare.
   * Throws CONFIG_INVALID when the file belongs to another.
   */
  claim(owner: { genesisHash: Hex; payer: string }): void;
  /** Newest calls first. */
  newestCalls(limit: number): readonly CallRow[];
  /** nait charged on all days. */
  totalCharged(): bigint;
  /** Offers and receipts of a job at all its providers; undefined while nobody has signed anything. */
  proof(jobId: Hex): JobProof | undefined;
  close(): Promise<void>;
}

/** Opens or creates the database; `before` is called before each write, for what must be on disk first. Throws STORE_CORRUPT. */
export async function openStore(path: string, before = () => {}): Promise<GatewayStore> {
  const sqlite = await openSqlite(path, { durability: 'normal' });
  migrate(sqlite, migrations);
  prune(sqlite);
  const writer = createWriter(sqlite);
  const group = createGroupCommit<BuyerChange>((changes) => {
    before();
    writeAll(sqlite, writer, changes);
  });
  const { prepare } = sqlite;
  const selectJob = prepare('select * from calls where job_id = ?');
  const selectNewest = prepare('select * from calls order by started_at_ms desc limit ?');
  const selectDays = prepare<{ charged: string }>('select charged from spend');
  /** What is read includes what waits to be written. */
  const written = <T>(read: () => T): T => {
    group.flush();
    return read();
  };
  const isWaiting = (jobId: Hex) => group.waiting().some(({ call }) => call?.jobId === jobId);
  return {
    load: (settledAfterMs) => written(() => load(sqlite, settledAfterMs)),
    find(jobId) {
      if (isWaiting(jobId)) group.flush();
      return selectJob.all(jobId).map(callOf);
    },
    save: group.add,
    claim: (owner) => claim(sqlite, owner),
    newestCalls: (limit) => written(() => selectNewest.all(limit).map(callOf)),
    totalCharged: () =>
      written(() => selectDays.all().reduce((sum, { charged }) => sum + amountOf(charged), 0n)),
    proof: (jobId) => written(() => proofOf(sqlite, jobId)),
    async close() {
      group.flush();
      await sqlite.close();
    },
  };
}

function prune(sqlite: Sqlite): void {
  sqlite.transaction(() => {
    const old = 'select started_at_ms from calls order by started_at_ms desc limit 1 offset ?';
    const edge = sqlite.prepare<{ started_at_ms: number }>(old).get(callsKept);
    if (!edge) return;
    sqlite
      .prepare("delete from calls where status = 'settled' and started_at_ms <= ?")
      .run(edge.started_at_ms);
  });
}

function load(sqlite: Sqlite, settledAfterMs: number): ReturnType<BuyerStore['load']> {
  const isOpen = "status <> 'settled'";
  const open = `select * from calls where ${isOpen}`;
  const settled = `select * from calls where status = 'settled' and (started_at_ms > ?
    or job_id in (select job_id from calls where ${isOpen})) order by started_at_ms`;
  const day = 'select day, charged from spend order by day desc limit 1';
  const spend = sqlite.prepare<{ day: number; charged: string }>(day).get();
  return {
    channels: sqlite.prepare('select * from channels').all().map(channelOf),
    calls: [...sqlite.prepare(open).all(), ...sqlite.prepare(settled).all(settledAfterMs)].map(
      callOf,
    ),
    spend: spend && { day: spend.day, charged: amountOf(spend.charged) },
  };
}

/** A call to write; without receipts it keeps those that it has. */
interface WrittenCall {
  readonly row: CallRow;
  readonly receipts: readonly SignedReceipt[] | undefined;
}

interface Writer {
  channel(row: ChannelRow): void;
  call(call: WrittenCall): void;
  day(spend: DaySpend): void;
}

/** One transaction; of rows that changed several times the newest is written. */
function writeAll(sqlite: Sqlite, writer: Writer, changes: readonly BuyerChange[]): void {
  const channels = new Map<Hex, ChannelRow>();
  const calls = new Map<string, WrittenCall>();
  let spend: DaySpend | undefined;
  for (const { channel, call: row, receipts = [], spend: newer } of changes) {
    if (channel) channels.set(channel.channelId, channel);
    if (row) {
      const key = row.jobId + row.channelId;
      const known = receipts.length > 0 ? receipts : calls.get(key)?.receipts;
      calls.set(key, { row, receipts: known });
    }
    spend = newer ?? spend;
  }
  sqlite.transaction(() => {
    for (const row of channels.values()) writer.channel(row);
    for (const call of calls.values()) writer.call(call);
    if (spend) writer.day(spend);
  });
}

function createWriter(sqlite: Sqlite): Writer {
  const saveDay = sqlite.prepare('insert or replace into spend values (?, ?)');
  return {
    channel: createChannelSaver(sqlite),
    call: createCallSaver(sqlite),
    day: ({ day, charged }) => void saveDay.run(day, charged.toString()),
  };
}

function createChannelSaver(sqlite: Sqlite): (row: ChannelRow) => void {
  const upsert = sqlite.prepare(
    `insert into channels values (?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (channel_id) do update set status = excluded.status, balance = excluded.balance,
     settled = excluded.settled, signed_max = excluded.signed_max`,
  );
  return (row) => {
    const { channelId, provider, receiverAuthorizer, withdrawDelayMs, salt, status } = row;
    const amounts = [row.balance, row.settled, row.signedMax].map(String);
    upsert.run(channelId, provider, receiverAuthorizer, withdrawDelayMs, salt, status, ...amounts);
  };
}

function createCallSaver(sqlite: Sqlite): (call: WrittenCall) => void {
  const upsert = sqlite.prepare(
    `insert into calls (job_id, channel_id, tokens, reserved, status, outcome, prompt_tokens,
     output_tokens, charged, first_token_ms, duration_ms, tail, receipts, provider, model, offer,
     body_digest, prompt_bound, started_at_ms, begins_at, prefix_hash, idempotency_key)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (job_id, channel_id) do update set tokens = excluded.tokens,
     reserved = excluded.reserved, status = excluded.status, outcome = excluded.outcome,
     prompt_tokens = excluded.prompt_tokens, output_tokens = excluded.output_tokens,
     charged = excluded.charged, first_token_ms = excluded.first_token_ms,
     duration_ms = excluded.duration_ms, tail = excluded.tail,
     receipts = coalesce(excluded.receipts, receipts)`,
  );
  const remove = sqlite.prepare('delete from calls where job_id = ? and channel_id = ?');
  const offers = new WeakMap<SignedOffer, string>();
  const offerText = (offer: SignedOffer): string => {
    const text = offers.get(offer) ?? JSON.stringify(offer);
    offers.set(offer, text);
    return text;
  };
  return ({ row, receipts }) => {
    const { jobId, channelId } = row;
    if (row.status === 'refused') {
      remove.run(jobId, channelId);
      return;
    }
    upsert.run(
      ...[jobId, channelId, row.tokens, row.reserved.toString(), row.status, row.outcome],
      ...[row.promptTokens, row.outputTokens, row.charged.toString()],
      ...[row.firstTokenMs, row.durationMs, row.tail && JSON.stringify(row.tail)],
      ...[receipts ? JSON.stringify(receipts) : null, row.provider, row.model],
      ...[offerText(row.offer), row.bodyDigest, row.promptBound, row.startedAtMs],
      ...[row.from, row.prefixHash, row.idempotencyKey],
    );
  };
}

function claim(sqlite: Sqlite, owner: { genesisHash: Hex; payer: string }): void {
  const select = sqlite.prepare<{ value: string }>('select value from meta where name = ?');
  const insert = sqlite.prepare('insert into meta values (?, ?)');
  for (const [name, value] of Object.entries(owner)) {
    const known = select.get(name)?.value;
    if (known === undefined) {
      insert.run(name, value);
    } else if (known !== value) {
      const what = name === 'payer' ? 'account' : 'network';
      const reason = `the data folder belongs to the ${what} ${known}, not ${value}; use another folder`;
      throw new AppError('CONFIG_INVALID', { reason });
    }
  }
}

function proofOf(sqlite: Sqlite, jobId: Hex): JobProof | undefined {
  const inOrder = 'select * from calls where job_id = ? order by rowid'; // as they were asked
  const rows = sqlite.prepare(inOrder).all(jobId);
  const owner = sqlite.prepare<{ value: string }>('select value from meta where name = ?');
  const genesisHash = owner.get('genesisHash')?.value;
  const payer = owner.get('payer')?.value;
  const first = rows[0] && callOf(rows[0]);
  if (!first || genesisHash === undefined) return undefined;
  const { bodyDigest, idempotencyKey } = first;
  const identity =
    payer !== undefined && idempotencyKey !== null ? { payer, idempotencyKey } : null;
  return jobProofOf({ genesisHash, jobId, bodyDigest, identity, parts: rows.map(partOf) });
}

function partOf(row: SqlRow): PartFacts {
  const { offer, from, tail } = callOf(row);
  const receipts = JSON.parse(String(row.receipts ?? '[]')) as SignedReceipt[];
  return { offer, from, receipts, tail };
}

function channelOf(row: SqlRow): ChannelRow {
  return {
    channelId: String(row.channel_id),
    provider: String(row.provider),
    receiverAuthorizer: String(row.receiver_authorizer),
    withdrawDelayMs: Number(row.withdraw_delay_ms),
    salt: String(row.salt),
    status: row.status as ChannelStatus,
    balance: amountOf(String(row.balance)),
    settled: amountOf(String(row.settled)),
    signedMax: amountOf(String(row.signed_max)),
  };
}

function callOf(row: SqlRow): CallRow {
  return {
    jobId: String(row.job_id),
    channelId: String(row.channel_id),
    provider: String(row.provider),
    model: String(row.model),
    offer: JSON.parse(String(row.offer)) as SignedOffer,
    bodyDigest: String(row.body_digest),
    idempotencyKey: row.idempotency_key === null ? null : String(row.idempotency_key),
    promptBound: Number(row.prompt_bound),
    from: Number(row.begins_at),
    prefixHash: row.prefix_hash === null ? null : String(row.prefix_hash),
    tokens: Number(row.tokens),
    reserved: amountOf(String(row.reserved)),
    status: row.status as CallStatus,
    outcome: row.outcome as CallRow['outcome'],
    promptTokens: Number(row.prompt_tokens),
    outputTokens: Number(row.output_tokens),
    charged: amountOf(String(row.charged)),
    startedAtMs: Number(row.started_at_ms),
    firstTokenMs: row.first_token_ms === null ? null : Number(row.first_token_ms),
    durationMs: Number(row.duration_ms),
    tail: row.tail === null ? null : (JSON.parse(String(row.tail)) as CallTail),
  };
}
