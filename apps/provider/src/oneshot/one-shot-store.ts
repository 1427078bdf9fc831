/**
 * Payments by one transfer, in a file of their own whose every commit reaches the disk: a transaction id must never buy
 * twice, also after a power cut, and a refund must never be paid twice.
 *
 *   none ─transfer handed over→ WAITING ─final→ OPEN ─job ended, or never started→ CLOSED
 *   none ─id of a final transfer→ OPEN            WAITING ─refused or out of date→ none
 *   none ─paid too little or too late→ CLOSED
 *
 * WAITING has sent the transfer and buys nothing yet. OPEN may start its job, which has this id in the journal. CLOSED knows
 * its charge; what was not used is the payer's credit. A refund names the credits it pays and keeps its signed
 * bytes until it is final or can no longer become so.
 */
import { amountOf, type Hex } from '@aitbc/protocol';
import { type Migration, migrate, openSqlite, type Sqlite, type SqlRow } from '@aitbc/service';

/** State of a payment. */
export type OneShotState = 'waiting' | 'open' | 'closed';

/** A payment when it is taken. */
export interface TakenPayment {
  readonly txId: Hex;
  /** Account id. */
  readonly payer: Hex;
  /** nait */
  readonly amount: bigint;
  readonly offerId: Hex;
  readonly bodyDigest: Hex;
  readonly jobId: Hex;
  readonly state: OneShotState;
  /** Last height at which a transfer that waits may come in; 0 for one that is final. */
  readonly validUntil: number;
  readonly takenAtMs: number;
  /** Owed to the payer, nait. */
  readonly credit: bigint;
}

/** A payment. */
export interface OneShotRow extends TakenPayment {
  readonly charged: bigint;
  readonly closedAtMs: number | undefined;
  readonly refundTxId: Hex | undefined;
  readonly refundIsFinal: boolean;
}

/** A refund that was signed and is not known to be final. */
export interface PendingRefund {
  readonly txId: Hex;
  readonly bytes: Uint8Array;
  readonly validUntil: number;
}

/** The payments. Every method is one synchronous transaction. */
export interface OneShotStore {
  find(txId: Hex): OneShotRow | undefined;
  /** False, with nothing written, when the transaction id is known. */
  take(payment: TakenPayment): boolean;
  /** A transfer that waited is final. */
  open(txId: Hex, atMs: number): void;
  /** Forgets a transfer that waited and cannot come in any more. */
  drop(txId: Hex): void;
  settle(txId: Hex, end: { charged: bigint; credit: bigint; atMs: number }): void;
  inState(state: OneShotState): OneShotRow[];
  /** How many transfers wait. */
  waiting(): number;
  /** Credits that no refund pays yet. */
  owed(): OneShotRow[];
  saveRefund(refund: PendingRefund, paid: readonly Hex[]): void;
  pendingRefunds(): PendingRefund[];
  endRefund(txId: Hex): void;
  /** A refund that can no longer come in: its credits are owed again. */
  undoRefund(txId: Hex): void;
  /** All that was charged to payments that are kept, nait. */
  charged(): bigint;
  /** Forgets payments that were closed before the time and owe nothing. */
  prune(beforeMs: number): void;
  close(): Promise<void>;
}

const migrations: readonly Migration[] = [
  {
    name: 'one-shot-payments',
    up: `
      create table payments (
        tx_id text primary key,
        payer text not null,
        amount text not null,
        offer_id text not null,
        body_digest text not null,
        job_id text not null,
        state text not null,
        valid_until integer not null,
        taken_ms integer not null,
        credit text not null,
        charged text not null,
        closed_ms integer,
        refund_tx_id text
      ) strict, without rowid;
      create index payments_by_state on payments (state) where state <> 'closed';
      create index payments_owed on payments (tx_id) where credit <> '0' and refund_tx_id is null;
      create table refunds (
        tx_id text primary key,
        bytes blob not null,
        valid_until integer not null,
        is_final integer not null
      ) strict, without rowid;
    `,
  },
];

const ownColumns = `payments.*, coalesce(refunds.is_final, 0) as refund_is_final
  from payments left join refunds on refunds.tx_id = payments.refund_tx_id`;
const owedMax = 1_000; // of one look; the rest is found by the next

/** Opens the payments of one provider. */
export async function openOneShotStore(path: string): Promise<OneShotStore> {
  const sqlite = await openSqlite(path, { durability: 'full' });
  try {
    migrate(sqlite, migrations);
  } catch (error) {
    await sqlite.close();
    throw error;
  }
  return {
    ...paymentQueries(sqlite),
    ...refundQueries(sqlite),
    close: () => sqlite.close(),
  };
}

function paymentQueries(sqlite: Sqlite) {
  const one = sqlite.prepare(`select ${ownColumns} where payments.tx_id = ?`);
  const insert = sqlite.prepare(
    "insert or ignore into payments values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '0', ?, null)",
  );
  const open = sqlite.prepare(
    "update payments set state = 'open', taken_ms = ? where tx_id = ? and state = 'waiting'",
  );
  const drop = sqlite.prepare("delete from payments where tx_id = ? and state = 'waiting'");
  const settle = sqlite.prepare(
    "update payments set state = 'closed', charged = ?, credit = ?, closed_ms = ? where tx_id = ?",
  );
  const inState = sqlite.prepare(`select ${ownColumns} where state = ? order by taken_ms`);
  const waiting = sqlite.prepare("select count(*) as count from payments where state = 'waiting'");
  const owed = sqlite.prepare(
    `select ${ownColumns} where credit <> '0' and refund_tx_id is null limit ${owedMax}`,
  );
  const prune = sqlite.prepare(
    `delete from payments where closed_ms < ? and (credit = '0' or refund_tx_id in
       (select tx_id from refunds where is_final = 1))`,
  );
  const charges = sqlite.prepare("select charged from payments where charged <> '0'");
  let total = charges.all().reduce((sum, row) => sum + amountOf(String(row.charged)), 0n);
  return {
    charged: () => total,
    find(txId: Hex) {
      const row = one.get(txId);
      return row && rowOf(row);
    },
    take(payment: TakenPayment) {
      const { txId, payer, amount, offerId, bodyDigest, jobId, state, takenAtMs } = payment;
      const closedMs = state === 'closed' ? takenAtMs : null;
      const { changes } = insert.run(
        ...[txId, payer, `${amount}`, offerId, bodyDigest, jobId, state],
        ...[payment.validUntil, takenAtMs, `${payment.credit}`, closedMs],
      );
      return Number(changes) === 1;
    },
    open: (txId: Hex, atMs: number) => void open.run(atMs, txId),
    drop: (txId: Hex) => void drop.run(txId),
    settle(txId: Hex, end: { charged: bigint; credit: bigint; atMs: number }) {
      settle.run(`${end.charged}`, `${end.credit}`, end.atMs, txId);
      total += end.charged;
    },
    waiting: () => Number(waiting.get()?.count ?? 0),
    inState: (state: OneShotState) => inState.all(state).map(rowOf),
    owed: () => owed.all().map(rowOf),
    prune: (beforeMs: number) => void prune.run(beforeMs),
  };
}

function refundQueries(sqlite: Sqlite) {
  const insert = sqlite.prepare('insert into refunds values (?, ?, ?, 0)');
  const mark = sqlite.prepare(
    'update payments set refund_tx_id = ? where tx_id = ? and refund_tx_id is null',
  );
  const pending = sqlite.prepare('select * from refunds where is_final = 0');
  const end = sqlite.prepare('update refunds set is_final = 1 where tx_id = ?');
  const unmark = sqlite.prepare('update payments set refund_tx_id = null where refund_tx_id = ?');
  const drop = sqlite.prepare('delete from refunds where tx_id = ? and is_final = 0');
  return {
    saveRefund: ({ txId, bytes, validUntil }: PendingRefund, paid: readonly Hex[]) =>
      sqlite.transaction(() => {
        insert.run(txId, bytes, validUntil);
        for (const payment of paid) {
          if (Number(mark.run(txId, payment).changes) === 1) continue;
          throw new Error(`payment ${payment} is refunded already`);
        }
      }),
    pendingRefunds: (): PendingRefund[] =>
      pending.all().map((row) => ({
        txId: String(row.tx_id),
        bytes: new Uint8Array(row.bytes as Uint8Array),
        validUntil: Number(row.valid_until),
      })),
    endRefund: (txId: Hex) => void end.run(txId),
    undoRefund: (txId: Hex) =>
      sqlite.transaction(() => {
        if (Number(drop.run(txId).changes) === 1) unmark.run(txId);
      }),
  };
}

function rowOf(row: SqlRow): OneShotRow {
  return {
    txId: String(row.tx_id),
    payer: String(row.payer),
    amount: amountOf(String(row.amount)),
    offerId: String(row.offer_id),
    bodyDigest: String(row.body_digest),
    jobId: String(row.job_id),
    state: String(row.state) as OneShotState,
    validUntil: Number(row.valid_until),
    takenAtMs: Number(row.taken_ms),
    credit: amountOf(String(row.credit)),
    charged: amountOf(String(row.charged)),
    closedAtMs: row.closed_ms === null ? undefined : Number(row.closed_ms),
    refundTxId: row.refund_tx_id === null ? undefined : String(row.refund_tx_id),
    refundIsFinal: Number(row.refund_is_final) === 1,
  };
}
