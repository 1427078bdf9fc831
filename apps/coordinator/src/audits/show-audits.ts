/** Audits as everybody sees them. */
import {
  AppError,
  type auditEndpoints,
  limits,
  type OutputOf,
  type ParsedInputOf,
  type SignedAuditReport,
} from '@aitbc/protocol';
import type { AuditPage, AuditRows } from '../store/audit-rows.ts';
import type { AuditRow } from '../store/schema.ts';

type Shown = OutputOf<typeof auditEndpoints.listAudits>;

/** An audit without its record. */
export function shownAudit(row: AuditRow): Shown['audits'][number] {
  return {
    jobId: row.job_id,
    provider: row.provider,
    digest: row.digest,
    recordHash: row.record_hash,
    state: row.state,
    seed: row.seed,
    drawHeight: row.draw_height,
    rateBps: row.draw_bps,
    auditor: row.auditor,
    report: row.report === null ? null : (JSON.parse(row.report) as SignedAuditReport),
    auditId: row.audit_id,
    atMs: row.created_at_ms,
  };
}

/** A page of audits, newest first. Throws BAD_REQUEST for a cursor that is none. */
export async function listAudits(
  audits: Pick<AuditRows, 'page'>,
  { provider, state, after }: ParsedInputOf<typeof auditEndpoints.listAudits>,
): Promise<Shown> {
  const limit = limits.pageSize;
  const states = state && [state];
  const rows = await audits.page({ provider, states, before: cursorOf(after), limit });
  const last = rows.length === limit ? rows.at(-1) : undefined;
  const next = last ? `${last.created_at_ms}.${last.job_id}` : null;
  return { audits: rows.map(shownAudit), next };
}

function cursorOf(after: string | undefined): AuditPage['before'] {
  if (after === undefined) return undefined;
  const [, atMs, jobId] = /^(\d{1,15})\.([0-9a-f]{64})$/.exec(after) ?? [];
  if (atMs === undefined || jobId === undefined) {
    throw new AppError('BAD_REQUEST', { reason: 'after: it is no cursor of this list' });
  }
  return { created_at_ms: Number(atMs), job_id: jobId };
}
