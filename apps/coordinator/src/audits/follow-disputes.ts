/**
 * What became of accusations: the chain is asked about each until it has decided, or until the time to bring it there is
 * over. Whoever opened the dispute, it counts only when it is about the record that lies here.
 */
import { accountIdOf, auditIdOf, unwrap } from '@aitbc/protocol';
import type { AuditChain } from '../chain/audit-chain.ts';
import type { ChainLink } from '../chain/chain-link.ts';
import type { AuditChange, AuditRows } from '../store/audit-rows.ts';
import type { AuditRow } from '../store/schema.ts';

/** Parts of it. */
export interface DisputeDeps {
  readonly chain: Pick<ChainLink, 'network'>;
  readonly auditChain: AuditChain;
  readonly audits: AuditRows;
  nowMs(): number;
  /** A provider was found guilty, or its dispute has begun or ended. */
  onChange(audit: AuditRow): Promise<void>;
}

const looksAtOnce = 64;
/** Longer than two rounds of jurors and an appeal take. */
const disputeMsMax = 30 * 24 * 3_600_000;

/** Looks once at all accusations that are open. Throws UNAVAILABLE or TIMEOUT while the node is away. */
export async function followDisputes(deps: DisputeDeps): Promise<void> {
  for (const row of await deps.audits.underWay(['accused', 'disputed'], looksAtOnce)) {
    const change = await changeOf(deps, row);
    const changed = change && (await deps.audits.change(row, change));
    if (changed) await deps.onChange(changed);
  }
}

async function changeOf(
  { chain, auditChain, nowMs }: DisputeDeps,
  row: AuditRow,
): Promise<AuditChange | undefined> {
  const provider = unwrap(accountIdOf(row.provider));
  const { job_id: jobId, record_hash: recordHash } = row;
  const auditId = auditIdOf(chain.network(), { jobId, provider, recordHash });
  const dispute = await auditChain.audit(auditId);
  if (dispute?.result) return { state: dispute.result, audit_id: auditId, due_at_ms: null };
  if (dispute && row.state === 'accused') {
    return { state: 'disputed', audit_id: auditId, due_at_ms: nowMs() + disputeMsMax };
  }
  if (dispute || nowMs() < (row.due_at_ms ?? 0)) return undefined;
  return { state: 'unproven', due_at_ms: null };
}
