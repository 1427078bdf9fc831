/**
 * What a provider must not forget of audits, in a file of its own whose every commit reaches the disk.
 *
 * votes        a juror's verdict and salt, before the commitment leaves: without them it could never be opened
 * accusations  a cheat that was reported, until the dispute is on chain or given up
 * cases        disputes this provider is in, and how they stand: what its owner is shown
 */
import type { AuditVerdict, Hex } from '@aitbc/protocol';
import { type Migration, migrate, openSqlite, type Sqlite, type SqlRow } from '@aitbc/service';

/** A juror's vote. */
export interface Vote {
  readonly auditId: Hex;
  readonly round: number;
  readonly verdict: AuditVerdict;
  readonly reportHash: Hex;
  readonly salt: Hex;
}

/** A cheat that this provider has found as an auditor. */
export interface Accusation {
  readonly auditId: Hex;
  readonly recordHash: Hex;
  /** Account id of the accused, hex. */
  readonly provider: Hex;
  /** Its final receipt, canonical JSON. */
  readonly receipt: string;
}

/** What this provider is in a dispute. */
export type CaseRole = 'accused' | 'accuser' | 'juror';

/** A dispute this provider is in. */
export interface Case {
  readonly auditId: Hex;
  readonly role: CaseRole;
  /** Address of the accused. */
  readonly provider: string;
  readonly jobId: Hex;
  /** Phase on chain, or how it ended. */
  readonly state: string;
  readonly changedAtMs: number;
}

/** The file. Every method is one synchronous transaction. */
export interface AuditStore {
  vote(auditId: Hex, round: number): Vote | undefined;
  /** Keeps a vote; the first of a round counts. */
  saveVote(vote: Vote): Vote;
  /** A dispute that ended undecided may be opened again: its votes are made anew. */
  dropVotes(auditId: Hex): void;
  accuse(accusation: Accusation): void;
  /** Accusations that are not on chain. */
  accusations(): Accusation[];
  dropAccusation(auditId: Hex): void;
  /** True when the case is new or stands otherwise than before. */
  saveCase(one: Case): boolean;
  /** Newest first. */
  cases(limit: number): Case[];
  /** Cases that have not ended. */
  openCases(): Case[];
  /** Cases against this provider: open ones, and lost ones. */
  standing(): { accused: number; lost: number };
  close(): Promise<void>;
}

/** How a case may end; every other state is a phase. */
export const caseEnds: readonly string[] = ['guilty', 'acquitted', 'undecided'];

const migrations: readonly Migration[] = [
  {
    name: 'audits',
    up: `
      create table votes (
        audit_id text not null,
        round integer not null,
        verdict text not null,
        report_hash text not null,
        salt text not null,
        primary key (audit_id, round)
      ) strict, without rowid;
      create table accusations (
        audit_id text primary key,
        record_hash text not null,
        provider text not null,
        receipt text not null
      ) strict, without rowid;
      create table cases (
        audit_id text primary key,
        role text not null,
        provider text not null,
        job_id text not null,
        state text not null,
        changed_at_ms integer not null
      ) strict, without rowid;
      create index cases_by_time on cases (changed_at_ms);
    `,
  },
];

/** Opens or creates the file. Throws STORE_CORRUPT. */
export async function openAuditStore(path: string): Promise<AuditStore> {
  const sqlite = await openSqlite(path, { durability: 'full' });
  migrate(sqlite, migrations);
  const { prepare } = sqlite;
  const selectVote = prepare('select * from votes where audit_id = ? and round = ?');
  const insertVote = prepare('insert or ignore into votes values (?, ?, ?, ?, ?)');
  const insertAccusation = prepare('insert or ignore into accusations values (?, ?, ?, ?)');
  const deleteAccusation = prepare('delete from accusations where audit_id = ?');
  const vote = (auditId: Hex, round: number): Vote | undefined => {
    const row = selectVote.get(auditId, round);
    return row && voteOf(row);
  };
  return {
    vote,
    saveVote(made) {
      const { auditId, round, verdict, reportHash, salt } = made;
      insertVote.run(auditId, round, verdict, reportHash, salt);
      return vote(auditId, round) ?? made;
    },
    dropVotes: (auditId) => void prepare('delete from votes where audit_id = ?').run(auditId),
    accuse: ({ auditId, recordHash, provider, receipt }) =>
      void insertAccusation.run(auditId, recordHash, provider, receipt),
    accusations: () => prepare('select * from accusations').all().map(accusationOf),
    dropAccusation: (auditId) => void deleteAccusation.run(auditId),
    ...caseQueries(sqlite),
    close: () => sqlite.close(),
  };
}

function caseQueries({
  prepare,
}: Sqlite): Pick<AuditStore, 'saveCase' | 'cases' | 'openCases' | 'standing'> {
  const upsert = prepare(
    `insert into cases values (?, ?, ?, ?, ?, ?) on conflict (audit_id) do update
     set state = excluded.state, changed_at_ms = excluded.changed_at_ms
     where cases.state <> excluded.state`,
  );
  const newest = prepare('select * from cases order by changed_at_ms desc limit ?');
  const ends = caseEnds.map((end) => `'${end}'`).join(', ');
  const open = prepare(`select * from cases where state not in (${ends})`);
  const sums = prepare<{ accused: number; lost: number }>(
    `select count(*) filter (where state not in (${ends})) as accused,
     count(*) filter (where state = 'guilty') as lost from cases where role = 'accused'`,
  );
  return {
    saveCase({ auditId, role, provider, jobId, state, changedAtMs }) {
      return Number(upsert.run(auditId, role, provider, jobId, state, changedAtMs).changes) > 0;
    },
    cases: (limit) => newest.all(limit).map(caseOf),
    openCases: () => open.all().map(caseOf),
    standing: () => ({ accused: 0, lost: 0, ...sums.get() }),
  };
}

function voteOf(row: SqlRow): Vote {
  return {
    auditId: String(row.audit_id),
    round: Number(row.round),
    verdict: row.verdict as AuditVerdict,
    reportHash: String(row.report_hash),
    salt: String(row.salt),
  };
}

function accusationOf(row: SqlRow): Accusation {
  return {
    auditId: String(row.audit_id),
    recordHash: String(row.record_hash),
    provider: String(row.provider),
    receipt: String(row.receipt),
  };
}

function caseOf(row: SqlRow): Case {
  return {
    auditId: String(row.audit_id),
    role: row.role as CaseRole,
    provider: String(row.provider),
    jobId: String(row.job_id),
    state: String(row.state),
    changedAtMs: Number(row.changed_at_ms),
  };
}
