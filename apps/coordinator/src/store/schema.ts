/** Rows of the database; see migrations/. */

/** A stored job. */
export interface JobRow {
  readonly job_id: string;
  readonly payer: string;
  readonly provider: string;
  readonly offer_id: string;
  readonly model: string;
  readonly body: string;
  readonly payment: string;
  readonly state: string;
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
  readonly error_code: string | null;
  readonly error_message: string | null;
  readonly answer: string | null;
  readonly receipt: string | null;
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
}

/** Tables by name, for Kysely. */
export interface Tables {
  readonly meta: { readonly name: string; readonly value: string };
  readonly offers: OfferRow;
  readonly jobs: JobRow;
  readonly reports: ReportRow;
}
