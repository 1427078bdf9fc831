/** Rows of the database; see migrations/. */
import type { AuditState } from '@aitbc/protocol';

/** A job: what changes in its life, and whose it is. */
export interface JobRow {
  readonly seq: number;
  readonly job_id: string;
  readonly payer: string;
  readonly provider: string;
  readonly offer_id: string;
  readonly model: string;
  readonly state: string;
  readonly version: number;
  readonly owner: string | null;
  readonly attempts: number;
  readonly failures: number;
  readonly losses: number;
  readonly may_run: number;
  readonly created_at_ms: number;
  readonly deadline_ms: number;
  readonly not_before_ms: number;
  readonly lease_until_ms: number | null;
  readonly started_at_ms: number | null;
  readonly finished_at_ms: number | null;
  readonly tick_at_ms: number | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly webhook: string | null;
  readonly batch_id: string | null;
  readonly batch_row: number | null;
  readonly done_seq: number | null;
}

/** What a job came with. */
export interface PaperRow {
  readonly seq: number;
  readonly body: string;
  readonly payment: string;
}

/** What a job ended with; both are JSON. */
export interface OutputRow {
  readonly seq: number;
  readonly answer: string;
  readonly receipt: string;
}

/** A running coordinator. */
export interface CoordinatorRow {
  readonly owner: string;
  readonly beats: number;
}

/** Jobs of a state, as one coordinator counted them; only the sum over all coordinators means something. */
export interface TallyRow {
  readonly owner: string;
  readonly state: string;
  readonly jobs: number;
}

/** Many jobs of one request. */
export interface BatchRow {
  readonly batch_id: string;
  readonly payer: string;
  readonly created_at_ms: number;
  readonly total: number;
  readonly is_whole: number;
  readonly done: number;
  readonly completed: number;
  readonly failed: number;
  readonly expired: number;
  readonly cancelled: number;
  readonly webhook: string | null;
}

/** A notice that somebody waits for; `subject` is the id of a job or a batch. */
export interface WebhookRow {
  readonly subject: string;
  readonly kind: string;
  readonly url: string;
  readonly created_at_ms: number;
  readonly attempts: number;
  readonly not_before_ms: number;
}

/** A stored offer; `document` is the signed offer as JSON. */
export interface OfferRow {
  readonly offer_id: string;
  readonly provider: string;
  readonly document: string;
  readonly valid_until_ms: number;
}

/** A buyer's report; `receipt` is the signed receipt as JSON. */
export interface ReportRow {
  readonly job_id: string;
  readonly provider: string;
  readonly model: string;
  readonly tokens: number;
  readonly first_token_ms: number;
  readonly duration_ms: number;
  readonly reported_at_ms: number;
  readonly receipt: string;
  /** Height of the block that draws the job for an audit; null where it cannot be audited. */
  readonly draw_height: number | null;
  readonly draw_bps: number | null;
}

/** An audited job; `report` is the signed report as JSON, `passed_over` a JSON list of addresses. */
export interface AuditRow {
  readonly job_id: string;
  readonly provider: string;
  readonly digest: string;
  readonly offer_id: string;
  readonly record_hash: string;
  readonly seed: string;
  readonly draw_height: number;
  readonly draw_bps: number;
  readonly state: AuditState;
  readonly version: number;
  readonly created_at_ms: number;
  /** When the state ends by itself; null for an end. */
  readonly due_at_ms: number | null;
  readonly auditor: string | null;
  readonly passed_over: string;
  readonly report: string | null;
  readonly audit_id: string | null;
}

/** Something that happened on the market; `facts` is JSON. */
export interface EventRow {
  readonly seq: number;
  readonly at_ms: number;
  readonly kind: string;
  readonly provider: string;
  readonly facts: string;
}

/** What was handed in to be audited, as JSON. */
export interface AuditRecordRow {
  readonly record_hash: string;
  readonly document: string;
  readonly stored_at_ms: number;
}

/** Tables by name, for Kysely. */
export interface Tables {
  readonly meta: { readonly name: string; readonly value: string };
  readonly offers: OfferRow;
  readonly jobs: JobRow;
  readonly papers: PaperRow;
  readonly outputs: OutputRow;
  readonly coordinators: CoordinatorRow;
  readonly tallies: TallyRow;
  readonly batches: BatchRow;
  readonly webhooks: WebhookRow;
  readonly reports: ReportRow;
  readonly events: EventRow;
  readonly audits: AuditRow;
  readonly audit_records: AuditRecordRow;
}
