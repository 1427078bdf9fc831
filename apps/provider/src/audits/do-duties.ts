/**
 * An auditor's duties: fetch the record, replay, report; and bring a cheat to the chain.
 *
 * The accusation is on disk before the report leaves, so a crash between the two loses neither. It goes to the chain when
 * the deposit is within what the owner risks and the account can pay it; the chain's own refusal ends it.
 */
import { canonicalJson, hex, type JsonValue, utf8 } from '@aitbc/primitives';
import { type AuditRecord, accountIdOf, auditIdOf, type Network, unwrap } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { Accusation, AuditStore } from './audit-store.ts';
import type { CoordinatorDesk, Duty } from './coordinator-desk.ts';
import { type DisputeChain, refusalOf } from './dispute-chain.ts';
import type { RecordJudge } from './judge-record.ts';

/** Parts of an auditor. */
export interface AuditorDeps {
  readonly network: Network;
  readonly desk: CoordinatorDesk;
  readonly chain: DisputeChain;
  readonly judge: RecordJudge;
  readonly store: Pick<AuditStore, 'accuse' | 'accusations' | 'dropAccusation'>;
  /** Most nait that this provider sets aside for one accusation. */
  readonly depositMax: bigint;
  readonly log: Log;
}

/** Does the duties that the coordinator has for this provider, one after the other. */
export async function doDuties(deps: AuditorDeps, signal: AbortSignal): Promise<void> {
  for (const duty of await deps.desk.duties(signal)) {
    signal.throwIfAborted();
    await doDuty(deps, duty, signal);
  }
}

async function doDuty(deps: AuditorDeps, duty: Duty, signal: AbortSignal): Promise<void> {
  const { desk, judge, store, log } = deps;
  const record = await desk.record(duty.recordHash, signal);
  const report = await judge.judge(duty, record, signal);
  const { verdict, tokens, exactTokens } = report.payload;
  if (verdict === 'cheat') store.accuse(accusationOf(deps.network, duty, record));
  await desk.report(report, signal);
  const { jobId, provider } = duty;
  log.info({ jobId, provider, verdict, tokens, exactTokens }, 'audited an answer');
}

function accusationOf(network: Network, duty: Duty, { parts }: AuditRecord): Accusation {
  const { jobId, recordHash } = duty;
  const provider = unwrap(accountIdOf(duty.provider));
  return {
    auditId: auditIdOf(network, { jobId, provider, recordHash }),
    recordHash,
    provider,
    receipt: canonicalJson(parts.at(-1)?.receipt as unknown as JsonValue),
  };
}

/** Brings what was found to the chain. */
export async function openDisputes(deps: AuditorDeps, signal: AbortSignal): Promise<void> {
  for (const accusation of deps.store.accusations()) await openDispute(deps, accusation, signal);
}

async function openDispute(
  { chain, store, depositMax, log }: AuditorDeps,
  { auditId, recordHash, provider, receipt }: Accusation,
  signal: AbortSignal,
): Promise<void> {
  const deposit = chain.params.depositMinNait;
  if (deposit > depositMax) {
    log.warn(
      { auditId, deposit: `${deposit}` },
      'a cheat goes unpunished: the deposit is too high',
    );
    return store.dropAccusation(auditId);
  }
  const body = { provider, recordHash, deposit, receipt: hex(utf8(receipt)) };
  const code = await refusalOf(chain.send('audit_open', body, signal));
  // After a crash, or a lost answer, the chain may have it already.
  if (code === undefined || (await chain.get(auditId))) {
    log.warn({ auditId }, 'disputed an answer on chain');
  } else {
    log.error({ auditId, code }, 'the chain does not take the dispute');
  }
  store.dropAccusation(auditId);
}
