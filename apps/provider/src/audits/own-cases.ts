/** The disputes this provider is in, as they stand: kept for its owner, and told in the log when they change. */
import type { Log } from '@aitbc/service';
import type { AuditStore, CaseRole } from './audit-store.ts';
import type { Dispute, DisputeChain } from './dispute-chain.ts';

/** Parts of it. */
export interface CasesDeps {
  readonly chain: Pick<DisputeChain, 'get'>;
  readonly store: Pick<AuditStore, 'saveCase' | 'openCases' | 'dropVotes'>;
  readonly address: string;
  readonly nowMs: () => number;
  readonly log: Log;
}

/** Notes how the open disputes stand, and how those ended that were open before. */
export async function noteCases(deps: CasesDeps, open: readonly Dispute[]): Promise<void> {
  for (const dispute of open) note(deps, dispute);
  const stillOpen = new Set(open.map(({ auditId }) => auditId));
  for (const { auditId } of deps.store.openCases()) {
    if (stillOpen.has(auditId)) continue;
    const dispute = await deps.chain.get(auditId);
    if (dispute) note(deps, dispute);
  }
}

function note({ store, address, nowMs, log }: CasesDeps, dispute: Dispute): void {
  const role = roleOf(dispute, address);
  if (!role) return;
  const { auditId, provider, jobId, held, round } = dispute;
  const state = stateOf(dispute);
  const isNews = store.saveCase({
    ...{ auditId, role, provider, jobId, state, changedAtMs: nowMs() },
  });
  if (!isNews) return;
  if (dispute.result === 'undecided') store.dropVotes(auditId);
  const facts = { auditId, role, state, round, held };
  if (role === 'juror') log.debug(facts, 'an audit goes on');
  else if (role === 'accused' && dispute.firstResult === 'guilty' && state !== 'acquitted') {
    log.error(facts, 'jurors found that this provider did not deliver what it sold');
  } else log.warn(facts, `an audit this provider is in goes on`);
}

function roleOf({ provider, opener, seats }: Dispute, address: string): CaseRole | undefined {
  if (provider === address) return 'accused';
  if (opener === address) return 'accuser';
  return seats.some(({ juror }) => juror === address) ? 'juror' : undefined;
}

/** `commit`, `commit 2` after an appeal, …, or the result for good. */
function stateOf({ phase, round, result, firstResult }: Dispute): string {
  if (result) return result;
  const verdict = phase === 'decided' && round === 1 && firstResult ? ` ${firstResult}` : '';
  return `${phase}${round > 1 ? ` ${round}` : ''}${verdict}`;
}
