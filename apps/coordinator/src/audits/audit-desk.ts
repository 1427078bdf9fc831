/**
 * The desk for audits: which jobs are drawn, who replays them, what was found.
 *
 *   report of a buyer ─→ height of the block that will draw        (take-report.ts asks `drawAt`)
 *   record of the job ─→ drawn by that block? ─→ stored, an auditor is drawn by the same block
 *   report of the auditor ─→ honest or void: over · cheat: accused ─→ the chain (follow-disputes.ts)
 *
 * A job is drawn by a block that comes two heights after the newest one at the time of the report: neither buyer nor
 * provider nor this coordinator knows its hash when the last receipt is signed, and everybody can compute the
 * draw again. A record is taken only for a job that was reported and drawn, and only with the receipt that was
 * reported at its end; then it is checked completely. An auditor that is silent until the date is passed over, and
 * the next in the order of the draw has the duty.
 *
 * Rejected: a random number of ours (nobody could check it); records of jobs that were not drawn (a buyer could
 * flood a provider's rivals with work). Bounds: 10 000 records, one duty of a job at a time, 16 duties shown at once.
 * See docs/spec/audit.md, "The desk".
 */
import { judgeReplay } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  type AuditRecord,
  type AuditReportPayload,
  type AuditSubject,
  accountIdOf,
  auditIdOf,
  type Hex,
  isDrawnForAudit,
  measureOf,
  readAuditRecord,
  type SignedAuditReport,
  unwrap,
  verifyAuditReport,
} from '@aitbc/protocol';
import type { AuditChain } from '../chain/audit-chain.ts';
import type { ChainLink } from '../chain/chain-link.ts';
import type { AuditRows } from '../store/audit-rows.ts';
import type { ReportRows } from '../store/market-rows.ts';
import type { AuditRow } from '../store/schema.ts';
import type { Candidates } from './candidates.ts';

/** When a reported job is drawn. */
export interface DrawPlan {
  readonly height: number;
  readonly rateBps: number;
}

/** How much is audited. */
export interface AuditDeskOptions {
  /** Part of the reported jobs that is drawn, in 1/10 000; 0 for none. */
  readonly rateBps: number;
  /** How long an auditor has for a replay. */
  readonly dutyMs: number;
}

/** Parts of the desk. */
export interface AuditDeskDeps {
  readonly chain: Pick<ChainLink, 'network' | 'registration'>;
  readonly auditChain: AuditChain;
  readonly audits: AuditRows;
  readonly reports: Pick<ReportRows, 'draw'>;
  readonly candidates: Candidates;
  readonly clock: Clock;
  /** A report was taken. */
  onReport(report: AuditReportPayload): Promise<void>;
}

/** The desk. */
export interface AuditDesk {
  /** Which block draws a job that is reported now; undefined when nothing is audited. Default: the usual rate. */
  drawAt(rateBps?: number): Promise<DrawPlan | undefined>;
  /**
   * False for a job that was not drawn, or is known. Throws JOB_UNKNOWN, AUDIT_RECORD_INVALID, RATE_LIMITED,
   * UNAVAILABLE.
   */
  takeRecord(record: AuditRecord): Promise<boolean>;
  /** What a provider is to replay; from now on it is a candidate. */
  dutiesOf(provider: string): Promise<AuditRow[]>;
  /** Throws NOT_FOUND, FORBIDDEN, UNAVAILABLE. */
  recordFor(provider: string, recordHash: Hex): Promise<AuditRecord>;
  /** False when it is known. Throws AUDIT_REPORT_INVALID, PROVIDER_UNKNOWN, UNAVAILABLE. */
  takeReport(report: SignedAuditReport): Promise<boolean>;
  /** Passes over silent auditors and draws for what waits. */
  round(): Promise<void>;
}

const drawAfterBlocks = 2;
const recordsMax = 10_000;
const retryAfterSeconds = 60;
const dutiesShown = 16;
const looksAtOnce = 512;
/** How long an audit waits for an auditor. */
const waitMs = 24 * 3_600_000;
/** How long an auditor has to bring its accusation to the chain. */
const disputeWithinMs = 10 * 60_000;

/** The desk for audits. */
export function createAuditDesk(options: AuditDeskOptions, deps: AuditDeskDeps): AuditDesk {
  const { auditChain, audits, candidates, clock } = deps;
  const underWay = new Set<Hex>();
  return {
    async drawAt(rateBps = options.rateBps) {
      if (rateBps === 0) return undefined;
      return { height: (await auditChain.height()) + drawAfterBlocks, rateBps };
    },
    async takeRecord(record) {
      const jobId = record.parts[0]?.receipt.payload.jobId ?? '';
      if (underWay.has(jobId)) return false;
      underWay.add(jobId);
      try {
        return await takeRecord(options, deps, { jobId, record });
      } finally {
        underWay.delete(jobId);
      }
    },
    dutiesOf(provider) {
      candidates.heard(provider);
      return audits.dutiesOf(provider, dutiesShown);
    },
    recordFor: (provider, recordHash) => recordFor(deps, provider, recordHash),
    takeReport: (report) => takeReport(deps, report),
    async round() {
      const nowMs = clock.nowMs();
      for (const row of await audits.underWay(['assigned'], looksAtOnce)) {
        if ((row.due_at_ms ?? 0) > nowMs) break;
        await passOver(options, deps, row);
      }
      for (const row of await audits.underWay(['waiting'], looksAtOnce)) {
        if ((row.due_at_ms ?? 0) > nowMs) await assign(options, deps, row);
        else await audits.change(row, { state: 'lapsed', due_at_ms: null });
      }
    },
  };
}

async function takeRecord(
  options: AuditDeskOptions,
  deps: AuditDeskDeps,
  { jobId, record }: { jobId: Hex; record: AuditRecord },
): Promise<boolean> {
  const { chain, auditChain, audits, reports } = deps;
  if (await audits.get(jobId)) return false;
  const reported = await reports.draw(jobId);
  if (!reported) throw new AppError('JOB_UNKNOWN', { jobId });
  const { height, rateBps } = reported;
  const seed = await auditChain.blockHash(height);
  if (!seed) {
    const reason = 'it is not final yet';
    throw new AppError('UNAVAILABLE', { what: `block ${height}`, reason });
  }
  if (!isDrawnForAudit(chain.network(), { seed, subject: jobId, rateBps })) return false;
  const last = record.parts.at(-1)?.receipt;
  const isReported =
    last?.signature === reported.receipt.signature && last.signer === reported.receipt.signer;
  if (!isReported) {
    const reason = 'it does not end with the receipt that was reported';
    throw new AppError('AUDIT_RECORD_INVALID', { reason });
  }
  const subject = unwrap(readAuditRecord(chain.network(), record));
  if ((await audits.recordCount()) >= recordsMax) {
    throw new AppError('RATE_LIMITED', { retryAfterSeconds });
  }
  const row = rowOf(subject, { seed, height, rateBps, nowMs: deps.clock.nowMs() });
  if (!(await audits.insert(row, record))) return false;
  await assign(options, deps, row);
  return true;
}

function rowOf(
  subject: AuditSubject,
  { seed, height, rateBps, nowMs }: DrawPlan & { readonly seed: Hex; readonly nowMs: number },
): AuditRow {
  return {
    job_id: subject.jobId,
    provider: subject.provider,
    digest: subject.digest,
    offer_id: subject.offerId,
    record_hash: subject.recordHash,
    seed,
    draw_height: height,
    draw_bps: rateBps,
    state: 'waiting',
    version: 0,
    created_at_ms: nowMs,
    due_at_ms: nowMs + waitMs,
    auditor: null,
    passed_over: '[]',
    report: null,
    audit_id: null,
  };
}

/** Gives the duty to the first in the order of the draw; without a candidate the audit waits on. */
async function assign(
  { dutyMs }: AuditDeskOptions,
  { chain, audits, candidates, clock }: AuditDeskDeps,
  row: AuditRow,
): Promise<void> {
  const { job_id: jobId, seed, digest } = row;
  const excluded = [row.provider, ...(JSON.parse(row.passed_over) as string[])];
  const auditor = candidates.draw({ network: chain.network(), seed, jobId, digest, excluded });
  if (!auditor) return;
  await audits.change(row, { state: 'assigned', auditor, due_at_ms: clock.nowMs() + dutyMs });
}

async function passOver(
  options: AuditDeskOptions,
  deps: AuditDeskDeps,
  row: AuditRow,
): Promise<void> {
  const silent = [...(JSON.parse(row.passed_over) as string[]), row.auditor];
  const waiting = await deps.audits.change(row, {
    state: 'waiting',
    auditor: null,
    passed_over: JSON.stringify(silent),
    due_at_ms: row.created_at_ms + waitMs,
  });
  if (waiting) await assign(options, deps, waiting);
}

async function recordFor(
  { chain, audits, auditChain }: AuditDeskDeps,
  provider: string,
  recordHash: Hex,
): Promise<AuditRecord> {
  const row = await audits.ofRecord(recordHash);
  const record = row && (await audits.record(recordHash));
  if (!record) throw new AppError('NOT_FOUND', { what: `audit record ${recordHash}` });
  if (provider === row.auditor || provider === row.provider) return record;
  const accused = unwrap(accountIdOf(row.provider));
  const auditId = auditIdOf(chain.network(), {
    ...{ jobId: row.job_id, provider: accused, recordHash },
  });
  const dispute = await auditChain.audit(auditId);
  if (dispute?.jurors.includes(provider)) return record;
  const reason = 'only the auditor, the jurors and the provider of a record may read it';
  throw new AppError('FORBIDDEN', { reason });
}

async function takeReport(deps: AuditDeskDeps, report: SignedAuditReport): Promise<boolean> {
  const { chain, audits, clock } = deps;
  const { auditor, jobId } = report.payload;
  const row = await audits.get(jobId);
  const fault = (reason: string) => new AppError('AUDIT_REPORT_INVALID', { reason });
  if (row?.auditor !== auditor) throw fault('its auditor was not drawn for this job');
  if (row.report !== null) return false;
  const registration = await chain.registration(auditor);
  if (!registration) throw new AppError('PROVIDER_UNKNOWN', { account: auditor });
  const payload = unwrap(verifyAuditReport(chain.network(), report, registration.authorizer));
  if (!isAbout(payload, row)) throw fault('it is about another record');
  if (payload.verdict !== 'void' && judgeReplay(measureOf(payload)) !== payload.verdict) {
    throw fault('its verdict does not follow from its figures');
  }
  const isCheat = payload.verdict === 'cheat';
  const state = payload.verdict === 'cheat' ? 'accused' : payload.verdict;
  const dueAtMs = isCheat ? clock.nowMs() + disputeWithinMs : null;
  const change = { state, report: JSON.stringify(report), due_at_ms: dueAtMs } as const;
  if (!(await audits.change(row, change))) return false;
  await deps.onReport(payload);
  return true;
}

function isAbout(payload: AuditReportPayload, row: AuditRow): boolean {
  return (
    payload.provider === row.provider &&
    payload.offerId === row.offer_id &&
    payload.digest === row.digest &&
    payload.recordHash === row.record_hash
  );
}
