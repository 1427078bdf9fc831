import type { Migration } from '@aitbc/service';

/** Which chain the file belongs to, offers seen, jobs, and reports of buyers. Times are ms since 1970. */
export const first: Migration = {
  name: 'first',
  up: `
create table meta (
  name text primary key,
  value text not null
) strict, without rowid;

create table offers (
  offer_id text primary key,
  provider text not null,
  document text not null,
  valid_until_ms integer not null
) strict, without rowid;
create index offers_by_end on offers (valid_until_ms);

create table jobs (
  job_id text primary key,
  payer text not null,
  provider text not null,
  offer_id text not null references offers (offer_id),
  model text not null,
  body text not null,
  payment text not null,
  state text not null,
  attempts integer not null,
  failures integer not null,
  losses integer not null,
  may_run integer not null,
  created_at_ms integer not null,
  deadline_ms integer not null,
  not_before_ms integer not null,
  lease_until_ms integer,
  started_at_ms integer,
  finished_at_ms integer,
  error_code text,
  error_message text,
  answer text,
  receipt text
) strict;
create index jobs_by_offer on jobs (offer_id);
create index jobs_active on jobs (created_at_ms) where state in ('queued', 'dispatched', 'running');
create index jobs_by_end on jobs (finished_at_ms) where finished_at_ms is not null;

create table reports (
  job_id text primary key,
  provider text not null,
  model text not null,
  tokens integer not null,
  first_token_ms integer not null,
  duration_ms integer not null,
  reported_at_ms integer not null,
  receipt text not null
) strict, without rowid;
create index reports_by_time on reports (reported_at_ms);
`,
};
