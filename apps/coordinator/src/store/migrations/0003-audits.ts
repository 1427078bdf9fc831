import type { Migration } from '@aitbc/service';

/**
 * Audits of jobs. A report says which block draws its job (`draw_height`, null where the answer cannot be audited). Audits
 * are rows of jobs that were drawn and handed in; their records, which hold prompts, are rows of their own and are
 * deleted first. `passed_over` are the auditors that were silent, as a JSON list; `version` counts the changes.
 */
export const audits: Migration = {
  name: 'audits',
  up: `
alter table reports add column draw_height integer;
alter table reports add column draw_bps integer;

create table audits (
  job_id text primary key,
  provider text not null,
  digest text not null,
  offer_id text not null,
  record_hash text not null unique,
  seed text not null,
  draw_height integer not null,
  draw_bps integer not null,
  state text not null,
  version integer not null,
  created_at_ms integer not null,
  due_at_ms integer,
  auditor text,
  passed_over text not null,
  report text,
  audit_id text
) strict;
create index audits_of_provider on audits (provider, created_at_ms);
create index audits_by_time on audits (created_at_ms);
create index audits_under_way on audits (state, due_at_ms) where due_at_ms is not null;

create table audit_records (
  record_hash text primary key,
  document text not null,
  stored_at_ms integer not null
) strict;
create index audit_records_by_time on audit_records (stored_at_ms);
`,
};
