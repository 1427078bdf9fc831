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

/** An agent as it last registered; see migrations/0005-coordination.ts. */
export interface AgentRow {
  readonly address: string;
  readonly name: string;
  readonly endpoint: string;
  readonly card_hash: string;
  readonly place: number;
}

/** A card as JSON. */
export interface AgentCardRow {
  readonly card_hash: string;
  readonly document: string;
  readonly words: string;
  readonly stored_at_ms: number;
}

/** A task as the chain has it after its last step. */
export interface TaskRow {
  readonly task_id: string;
  readonly place: number;
  readonly poster: string;
  readonly worker: string | null;
  readonly arbiter: string | null;
  readonly reward: string;
  readonly deadline_ms: number;
  readonly review_ms: number;
  readonly spec_hash: string;
  readonly state: string;
  /** 0 when it has ended. */
  readonly due_at_ms: number;
  readonly result_hash: string | null;
  readonly reason_hash: string | null;
  readonly worker_share: string;
  readonly posted_at_ms: number;
  readonly changed_at_ms: number;
  readonly changed_place: number;
  readonly alarm_at_ms: number | null;
}

/** A text behind a hash of a task. */
export interface TaskDocumentRow {
  readonly hash: string;
  readonly document: string;
  readonly title: string | null;
  readonly skill: string | null;
  readonly stored_at_ms: number;
}

/** Something that happened to a task; `step` tells the steps of a task apart. */
export interface TaskStepRow {
  readonly seq: number;
  readonly task_id: string;
  readonly step: string;
  readonly kind: string;
  readonly at_ms: number;
  readonly actor: string | null;
  readonly tx_id: string | null;
}

/** A letter that waits for its receiver; keys of accounts are hex, `letter` is base64. */
export interface LetterRow {
  readonly seq: number;
  readonly letter_id: string;
  readonly sender: string;
  readonly receiver: string;
  readonly expires_at_ms: number;
  readonly size_bytes: number;
  readonly letter: string;
}

/** When an account last read its letters here. */
export interface MailboxRow {
  readonly account: string;
  readonly read_at_ms: number;
}

/** A fact of the chain that detectors read; `facts` is JSON. */
export interface ChainFactRow {
  readonly seq: number;
  readonly tx_id: string;
  readonly place: number;
  readonly height: number;
  readonly at_ms: number;
  readonly facts: string;
}

/** An alert; `level` is its place among the levels, `subjects` addresses with blanks between, `document` JSON. */
export interface AlertRow {
  readonly alert_id: string;
  readonly seq: number;
  readonly at_ms: number;
  readonly level: number;
  readonly pattern: string;
  readonly subjects: string;
  readonly document: string;
  readonly status: string;
  readonly note: string;
  readonly resolved_at_ms: number | null;
}

/** Tables by name, for Kysely. */
export interface Tables {
  readonly chain_cursors: {
    readonly consumer: string;
    readonly height: number;
    readonly hash: string;
  };
  readonly agents: AgentRow;
  readonly agent_cards: AgentCardRow;
  readonly agent_skills: { readonly card_hash: string; readonly skill: string };
  readonly tasks: TaskRow;
  readonly task_documents: TaskDocumentRow;
  readonly task_steps: TaskStepRow;
  readonly shared_tasks: {
    readonly task_id: string;
    readonly account: string;
    readonly until_ms: number;
  };
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
  readonly chain_facts: ChainFactRow;
  readonly alerts: AlertRow;
  readonly detectors: { readonly pattern: string; readonly is_on: number };
  readonly patrols: {
    readonly name: string;
    readonly seq: number;
    readonly version: number;
    readonly state: string;
  };
  readonly letters: LetterRow;
  readonly mailboxes: MailboxRow;
}
