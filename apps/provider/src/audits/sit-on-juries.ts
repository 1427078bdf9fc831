/**
 * A juror's work in the disputes that the chain drew this provider for.
 *
 * | Phase on chain | What this provider does |
 * |---|---|
 * | commit | replays the record, keeps verdict and salt on disk, commits |
 * | reveal | reveals what it has kept |
 * | past its date | closes the phase, if it has a part in the dispute |
 *
 * The record comes from the coordinator by its hash. While it cannot be had it is asked for again; when half of the time
 * is over without it, the vote is void: who judges without the evidence would guess. A vote is made once in a round; a
 * restart finds it on disk and commits to the same.
 */
import { hex } from '@aitbc/primitives';
import {
  type AuditRecord,
  asAppError,
  auditCommitmentOf,
  auditReportHashOf,
  auditVerdictNumberOf,
  type ErrorCode,
  type Hex,
  type Network,
  type TxBody,
  type TxKind,
} from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { AuditStore, Vote } from './audit-store.ts';
import type { CoordinatorDesk } from './coordinator-desk.ts';
import { type Dispute, type DisputeChain, refusalOf } from './dispute-chain.ts';
import type { RecordJudge } from './judge-record.ts';

/** Parts of a juror. */
export interface JurorDeps {
  readonly network: Network;
  readonly desk: Pick<CoordinatorDesk, 'record'>;
  readonly chain: DisputeChain;
  readonly judge: RecordJudge;
  readonly store: Pick<AuditStore, 'vote' | 'saveVote'>;
  /** Account id and address of this provider. */
  readonly provider: Hex;
  readonly address: string;
  readonly nowMs: () => number;
  /** Fresh bytes for salts. */
  randomBytes(sizeBytes: number): Uint8Array;
  readonly log: Log;
}

/** The record is not there, and will not be. */
const goneCodes: readonly ErrorCode[] = ['NOT_FOUND', 'FORBIDDEN', 'ANSWER_INVALID'];
/** Another party was faster, or the chain's time is behind ours. */
const fineCodes: readonly ErrorCode[] = [
  'AUDIT_EARLY',
  'AUDIT_LATE',
  'AUDIT_PHASE_WRONG',
  'AUDIT_UNKNOWN',
  'AUDIT_VOTED',
];
const saltBytes = 32;

/** Does what one dispute asks of this provider now. */
export async function takePart(
  deps: JurorDeps,
  dispute: Dispute,
  signal: AbortSignal,
): Promise<void> {
  const { address, provider, nowMs } = deps;
  const { auditId, phase, round, seats, dueMs } = dispute;
  const seat = seats.find((one) => one.juror === address && one.round === round);
  const isDue = phase !== 'closed' && phase !== 'drawing' && nowMs() >= dueMs;
  if (isDue) {
    const parties = [dispute.opener, dispute.provider, ...seats.map(({ juror }) => juror)];
    if (!parties.includes(address)) return;
    const code = await send(deps, { kind: 'audit_close', body: { auditId } }, signal);
    if (code !== 'AUDIT_EARLY') return;
    // The chain's time is behind ours, or its dates wait because it stood still: there is time to vote.
  }
  if (phase === 'commit' && seat && !seat.committed) {
    const vote = deps.store.vote(auditId, round) ?? (await makeVote(deps, dispute, signal));
    if (!vote) return;
    const commitment = auditCommitmentOf(deps.network, { ...vote, juror: provider });
    await send(deps, { kind: 'audit_commit', body: { auditId, commitment } }, signal);
  }
  if (phase === 'reveal' && seat?.committed && seat.verdict === null) {
    const vote = deps.store.vote(auditId, round);
    if (!vote) return;
    const { verdict, reportHash, salt } = vote;
    const body = { auditId, verdict: auditVerdictNumberOf(verdict), reportHash, salt };
    await send(deps, { kind: 'audit_reveal', body }, signal);
  }
}

/** The vote of this round, kept; undefined while the record may still come. */
async function makeVote(
  deps: JurorDeps,
  dispute: Dispute,
  signal: AbortSignal,
): Promise<Vote | undefined> {
  const { network, chain, judge, store, nowMs, log } = deps;
  const { auditId, round, jobId, provider, recordHash, dueMs } = dispute;
  const isLate = nowMs() >= dueMs - chain.params.voteMs / 2;
  const record = await recordOf(deps, recordHash, signal);
  if (record === undefined && !isLate) return undefined;
  const report = await judge.judge({ jobId, provider, recordHash }, record, signal);
  const { verdict } = report.payload;
  log.info({ auditId, round, verdict }, 'judged a disputed answer');
  const reportHash = auditReportHashOf(network, report.payload);
  return store.saveVote({
    auditId,
    round,
    verdict,
    reportHash,
    salt: hex(deps.randomBytes(saltBytes)),
  });
}

async function recordOf(
  { desk }: JurorDeps,
  recordHash: Hex,
  signal: AbortSignal,
): Promise<AuditRecord | undefined> {
  try {
    return await desk.record(recordHash, signal);
  } catch (error) {
    const { code, row } = asAppError(error);
    if (signal.aborted || (!goneCodes.includes(code) && !row.retryable)) throw error;
    return undefined;
  }
}

/** Sends a step; the code when the chain refuses it. */
async function send<K extends TxKind>(
  { chain, log }: JurorDeps,
  { kind, body }: { readonly kind: K; readonly body: TxBody<K> },
  signal: AbortSignal,
): Promise<ErrorCode | undefined> {
  const code = await refusalOf(chain.send(kind, body, signal), fineCodes);
  if (code !== undefined && !fineCodes.includes(code)) {
    log.warn({ kind, code }, 'the chain refuses a step of an audit');
  }
  return code;
}
