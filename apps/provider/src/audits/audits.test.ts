import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AppError,
  type AuditRecord,
  auditCommitmentOf,
  auditReportHashOf,
  type Hex,
  type ReplayMeasure,
  type SignedAuditReport,
  verifyAuditReport,
} from '@aitbc/protocol';
import { createLog, until } from '@aitbc/service';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AuditStore, openAuditStore } from './audit-store.ts';
import { type AuditDeps, createAudits } from './audits.ts';
import { doDuties, openDisputes } from './do-duties.ts';
import { createRecordJudge, type RecordJudge } from './judge-record.ts';
import { noteCases } from './own-cases.ts';
import { takePart } from './sit-on-juries.ts';
import {
  auditId,
  createFakeDisputeChain,
  digest,
  disputeOf,
  type FakeDisputeChain,
  jobId,
  me,
  network,
  other,
  record,
  recordHash,
  recordOf,
  seatOf,
  seller,
  voteMs,
} from './testing/audit-kit.ts';

const log = createLog({ name: 'test', level: 'silent' });
const { signal } = new AbortController();
const exact: ReplayMeasure = { tokens: 2, exactTokens: 2, gapMeanMicro: 0, gapMaxMicro: 0 };
const wrong: ReplayMeasure = {
  ...{ tokens: 2, exactTokens: 0, gapMeanMicro: 900_000, gapMaxMicro: 2_000_000 },
};

let folder: string;
let store: AuditStore;
let chain: FakeDisputeChain;
let nowMs: number;
let reports: SignedAuditReport[];
/** What the engine measures, or throws. */
let measured: ReplayMeasure | AppError;
/** What the coordinator has of the record, or throws. */
let kept: AuditRecord | AppError;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aitbc-audits-'));
  store = await openAuditStore(join(folder, 'audits.db'));
  [chain, nowMs, reports, measured, kept] = [createFakeDisputeChain(), 1_000, [], exact, record];
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const orThrow = <T>(value: T | AppError): T => {
  if (value instanceof AppError) throw value;
  return value;
};
const judge: RecordJudge = createRecordJudge({
  ...{ network, signer: me, address: me.address, nowMs: () => nowMs },
  engine: { audit: async () => orThrow(measured) },
  isKeyOf: (address, key) => chain.isKeyOf(address, key),
});
const desk = {
  duties: async () => [
    { jobId, provider: seller.address, digest, recordHash, dueMs: 9_000_000_000_000 },
  ],
  record: async () => orThrow(kept),
  async report(report: SignedAuditReport) {
    reports.push(report);
    return true;
  },
};
let salts = 0;
const work = {
  ...{ network, desk, judge, depositMax: 10n, provider: me.accountId, digests: () => [digest] },
  randomBytes(size: number) {
    salts += 1;
    return new Uint8Array(size).fill(salts);
  },
};
const parts = () => ({ ...work, chain, store, log, nowMs: () => nowMs, address: me.address });
const restart = async () => {
  await store.close();
  store = await openAuditStore(join(folder, 'audits.db'));
};

describe('a judge', () => {
  const order = { jobId, provider: seller.address, recordHash };
  const verdictOn = async (given: AuditRecord | undefined, about = order) =>
    (await judge.judge(about, given, signal)).payload.verdict;

  it('signs what the replay measured', async () => {
    const report = await judge.judge(order, record, signal);
    expect(verifyAuditReport(network, report, me.publicKey)).toMatchObject({ ok: true });
    expect(report.payload).toMatchObject({ verdict: 'honest', ...exact, digest, recordHash });
    measured = wrong;
    expect(await verdictOn(record)).toBe('cheat');
  });

  it('calls void what proves nothing, or cannot be replayed here', async () => {
    const forged = { ...record, parts: [{ ...record.parts[0]!, text: 'other' }] };
    expect(await verdictOn(undefined)).toBe('void');
    expect(await verdictOn(forged)).toBe('void');
    expect(await verdictOn(record, { ...order, jobId: '78'.repeat(32) })).toBe('void');
    expect(await verdictOn(recordOf(other), order)).toBe('void'); // not the registered key
    measured = new AppError('ENGINE_BAD_REQUEST', { engine: 'embedded', reason: 'too long' });
    expect(await verdictOn(record)).toBe('void');
  });

  it('says nothing while paid jobs need the engine', async () => {
    measured = new AppError('ENGINE_BUSY', { engine: 'embedded', reason: 'a paid job came' });
    await expect(verdictOn(record)).rejects.toMatchObject({ code: 'ENGINE_BUSY' });
  });
});

describe('an auditor', () => {
  it('reports what it found, and accuses nobody who was honest', async () => {
    await doDuties(parts(), signal);
    await openDisputes(parts(), signal);
    expect(reports.map(({ payload }) => payload.verdict)).toEqual(['honest']);
    expect(chain.sent).toEqual([]);
  });

  it('brings a cheat to the chain, also when it dies after the report', async () => {
    measured = wrong;
    await doDuties(parts(), signal);
    await restart();
    await openDisputes(parts(), signal);
    await openDisputes(parts(), signal);
    expect(chain.sent).toMatchObject([
      { kind: 'audit_open', body: { provider: seller.accountId, recordHash, deposit: 5n } },
    ]);
    const hexOf = chain.sent[0]?.body.receipt as string;
    const receipt = JSON.parse(Buffer.from(hexOf, 'hex').toString()) as unknown;
    expect(receipt).toEqual(record.parts.at(-1)?.receipt);
  });

  it('tries again what may go better later, and gives up what the chain will not take', async () => {
    measured = wrong;
    await doDuties(parts(), signal);
    chain.refuses = 'UNAVAILABLE';
    await expect(openDisputes(parts(), signal)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(store.accusations()).toHaveLength(1);
    chain.refuses = 'AUDIT_EXISTS';
    await openDisputes(parts(), signal);
    expect([store.accusations(), chain.sent]).toEqual([[], []]);
  });

  it('risks no more than its owner allows', async () => {
    measured = wrong;
    chain = createFakeDisputeChain({ depositMinNait: 11n });
    await doDuties(parts(), signal);
    await openDisputes(parts(), signal);
    expect([store.accusations(), chain.sent]).toEqual([[], []]);
    expect(reports).toHaveLength(1);
  });
});

describe('a juror', () => {
  const commitments = () =>
    chain.sent.filter(({ kind }) => kind === 'audit_commit').map(({ body }) => body.commitment);

  it('commits, and reveals the same after a restart', async () => {
    measured = wrong;
    await takePart(parts(), disputeOf(), signal);
    const vote = store.vote(auditId, 1);
    if (!vote) throw new Error('no vote was kept');
    const commitment = auditCommitmentOf(network, { ...vote, juror: me.accountId });
    expect(commitments()).toEqual([commitment]);
    await restart();
    const seats = [seatOf({ committed: true })];
    await takePart(parts(), disputeOf({ phase: 'reveal', seats }), signal);
    expect(chain.sent.at(-1)).toMatchObject({
      kind: 'audit_reveal',
      body: { auditId, verdict: 2, reportHash: vote.reportHash, salt: vote.salt },
    });
  });

  it('has its vote on disk before the commitment leaves, and never makes a second one', async () => {
    chain.refuses = 'TIMEOUT';
    await expect(takePart(parts(), disputeOf(), signal)).rejects.toMatchObject({ code: 'TIMEOUT' });
    const vote = store.vote(auditId, 1);
    expect(vote).toMatchObject({ verdict: 'honest' });
    await restart();
    measured = wrong;
    await takePart(parts(), disputeOf(), signal);
    expect(store.vote(auditId, 1)).toEqual(vote);
    expect(store.saveVote({ ...vote!, verdict: 'cheat', salt: 'ee'.repeat(32) })).toEqual(vote);
    expect(commitments()).toHaveLength(1);
  });

  it('votes anew when an undecided dispute is opened again', async () => {
    await takePart(parts(), disputeOf(), signal);
    await noteCases(parts(), [disputeOf({ phase: 'closed', result: 'undecided' })]);
    expect(store.vote(auditId, 1)).toBeUndefined();
    await takePart(parts(), disputeOf(), signal);
    expect(new Set(commitments()).size).toBe(2);
  });

  it('votes anew in the second round', async () => {
    await takePart(parts(), disputeOf(), signal);
    measured = wrong;
    const seats = [seatOf({ verdict: 'honest', committed: true }), seatOf({ round: 2 })];
    await takePart(parts(), disputeOf({ round: 2, seats }), signal);
    expect([store.vote(auditId, 1)?.verdict, store.vote(auditId, 2)?.verdict]).toEqual([
      'honest',
      'cheat',
    ]);
  });

  it('waits for the record half of the time, then votes void', async () => {
    kept = new AppError('NOT_FOUND', { what: 'record' });
    await takePart(parts(), disputeOf(), signal);
    expect(chain.sent).toEqual([]);
    nowMs = voteMs / 2;
    await takePart(parts(), disputeOf(), signal);
    expect(store.vote(auditId, 1)?.verdict).toBe('void');
    expect(commitments()).toHaveLength(1);
  });

  it('does nothing without a seat, in the draw, after its vote, or when it is over', async () => {
    const strangers = [seatOf({ juror: other.address })];
    for (const dispute of [
      disputeOf({ seats: strangers }),
      disputeOf({ seats: [seatOf({ round: 2 })] }),
      disputeOf({ phase: 'drawing', seats: [] }),
      disputeOf({ seats: [seatOf({ committed: true })] }),
      disputeOf({ phase: 'reveal', seats: [seatOf()] }),
      disputeOf({ phase: 'closed', dueMs: 0 }),
    ]) {
      await takePart(parts(), dispute, signal);
    }
    expect(chain.sent).toEqual([]);
  });

  it('closes what is past its date, where it has a part in it', async () => {
    nowMs = voteMs;
    await takePart(parts(), disputeOf({ seats: [seatOf({ juror: other.address })] }), signal);
    expect(chain.sent).toEqual([]);
    await takePart(parts(), disputeOf({ opener: me.address, seats: [] }), signal);
    await takePart(parts(), disputeOf(), signal);
    expect(chain.sent.map(({ kind }) => kind)).toEqual(['audit_close', 'audit_close']);
    chain.refuses = 'AUDIT_EARLY'; // the chain's clock is behind
    await takePart(parts(), disputeOf(), signal);
  });

  it('commits to the hash of a report that it could show', async () => {
    const report = await judge.judge(
      { jobId, provider: seller.address, recordHash },
      record,
      signal,
    );
    await takePart(parts(), disputeOf(), signal);
    expect(store.vote(auditId, 1)?.reportHash).toBe(auditReportHashOf(network, report.payload));
  });
});

describe('the owner', () => {
  const note = (...open: Parameters<typeof noteCases>[1]) => noteCases(parts(), open);

  it('is shown each dispute the provider is in, and how it ended', async () => {
    const accused = { provider: me.address, seats: [] };
    await note(disputeOf(accused), disputeOf({ auditId: '01'.repeat(32), seats: [] }));
    expect(store.cases(9)).toMatchObject([{ auditId, role: 'accused', state: 'commit' }]);
    await note(disputeOf({ ...accused, phase: 'decided', firstResult: 'guilty' }));
    expect(store.cases(9)[0]?.state).toBe('decided guilty');
    expect(store.standing()).toEqual({ accused: 1, lost: 0 });
    chain.known.set(auditId, disputeOf({ ...accused, phase: 'closed', result: 'acquitted' }));
    await note();
    expect(store.cases(9)[0]?.state).toBe('acquitted');
    expect(store.standing()).toEqual({ accused: 0, lost: 0 });
    chain.known.set(auditId, disputeOf({ ...accused, result: 'guilty', auditId: '02'.repeat(32) }));
    await note(disputeOf({ ...accused, result: 'guilty', auditId: '02'.repeat(32) }));
    expect(store.standing()).toEqual({ accused: 0, lost: 1 });
    expect(store.openCases()).toEqual([]);
  });

  it('sees what it is: accused, accuser or juror', async () => {
    const ids = ['01', '02', '03'].map((byte): Hex => byte.repeat(32));
    await note(
      disputeOf({ auditId: ids[0]!, provider: me.address }),
      disputeOf({ auditId: ids[1]!, opener: me.address, seats: [] }),
      disputeOf({ auditId: ids[2]! }),
    );
    const roles = new Map(store.cases(9).map((one) => [one.auditId, one.role]));
    expect(ids.map((id) => roles.get(id))).toEqual(['accused', 'accuser', 'juror']);
  });

  it('appeals with twice the deposit of an accusation', async () => {
    const audits = createAudits({ pollMs: 1 }, { ...deps(), work: undefined });
    await audits.appeal(auditId);
    expect(chain.sent).toEqual([{ kind: 'audit_appeal', body: { auditId, deposit: 10n } }]);
    chain.refuses = 'AUDIT_LATE';
    await expect(audits.appeal(auditId)).rejects.toMatchObject({ code: 'AUDIT_LATE' });
  });
});

const deps = (): AuditDeps => ({
  ...{ chain, store, log, address: me.address, nowMs: () => nowMs, work },
  isRegistered: () => true,
});

describe('the loop', () => {
  it('enrolls, audits, and lets no failure of one step keep the others', async () => {
    measured = wrong;
    chain.known.set(auditId, disputeOf());
    kept = new AppError('UNAVAILABLE', { what: 'coordinator', reason: 'away' });
    const audits = createAudits({ pollMs: 1 }, deps());
    audits.start();
    try {
      await until(() => chain.jurors.includes(me.address));
      kept = record;
      await until(() => chain.sent.some(({ kind }) => kind === 'audit_commit'));
      await until(() => chain.sent.some(({ kind }) => kind === 'audit_open'));
      expect(chain.sent.filter(({ kind }) => kind === 'auditor_enroll')).toHaveLength(1);
    } finally {
      await audits.stop();
    }
    const rounds = reports.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(reports).toHaveLength(rounds);
  });

  it('takes no part where the owner wants none, and still shows its cases', async () => {
    chain.known.set(auditId, disputeOf({ provider: me.address }));
    const audits = createAudits({ pollMs: 1 }, { ...deps(), work: undefined });
    audits.start();
    await until(() => audits.cases().length === 1);
    await audits.stop();
    expect([chain.sent, reports]).toEqual([[], []]);
  });
});
