/** JSON forms of tasks, validators and audits. */
import type { AuditEntry, AuditOutcome, TaskState, ValidatorState } from '@aitbc/chain';
import {
  addressOf,
  auditVerdictOf,
  type ChainAuditJson,
  type Hex,
  type nodeRpc,
  type OutputOf,
  zeroHash,
} from '@aitbc/protocol';

type Rpc = typeof nodeRpc;

const addressOrNone = (id: Hex): string | null => (id === zeroHash ? null : addressOf(id));
const hashOrNone = (hash: Hex): Hex | null => (hash === zeroHash ? null : hash);

/** A task; hashes that were not given yet are null. */
export function taskToJson(taskId: Hex, task: TaskState): OutputOf<Rpc['state_getTask']> {
  const { poster, worker, arbiter, reward, deadlineMs, reviewMs, specHash, state, dueMs } = task;
  return {
    taskId,
    poster: addressOf(poster),
    worker: addressOrNone(worker),
    arbiter: addressOrNone(arbiter),
    reward: reward.toString(),
    ...{ deadlineMs, reviewMs, specHash, state, dueMs },
    resultHash: hashOrNone(task.resultHash),
    reasonHash: hashOrNone(task.reasonHash),
    workerShareNait: task.workerShareNait.toString(),
  };
}

/** A validator with its stake. */
export function validatorToJson(
  validator: Hex,
  state: ValidatorState,
): OutputOf<Rpc['state_getValidator']> {
  const { owner, stake, leaving, ...rest } = state;
  return {
    validator,
    owner: addressOf(owner),
    stake: stake.toString(),
    leaving: leaving.toString(),
    ...rest,
  };
}

const resultOrNone = (outcome: AuditOutcome) => (outcome === 'none' ? null : outcome);

/** An audit; what is not known yet is null, commitments are only told to be there. */
export function auditToJson(auditId: Hex, audit: AuditEntry): ChainAuditJson {
  const { jobId, digest, recordHash, round, phase, dueMs, first, outcome } = audit;
  return {
    auditId,
    provider: addressOf(audit.provider),
    opener: addressOf(audit.opener),
    ...{ jobId, digest, recordHash, round, phase, dueMs },
    firstResult: resultOrNone(first),
    result: resultOrNone(outcome),
    deposit: audit.deposit.toString(),
    appellant: addressOrNone(audit.appellant),
    appealDeposit: audit.appealDeposit.toString(),
    held: audit.held.toString(),
    seats: audit.seats.map((seat) => ({
      juror: addressOf(seat.juror),
      round: seat.round,
      committed: seat.commitment !== zeroHash,
      verdict: auditVerdictOf(seat.verdict) ?? null,
      reportHash: hashOrNone(seat.reportHash),
    })),
  };
}
