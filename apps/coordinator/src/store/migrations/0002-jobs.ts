import type { Migration } from '@aitbc/service';

/**
 * Jobs that several coordinators may share. What changes (`jobs`) is kept apart from what only grows (`papers`,
 * `outputs`), so that a change rewrites two hundred bytes and not the whole order.
 *
 * `seq` rises with time: `created_at_ms × 1024 + n`. `version` counts the changes of a row, `owner` is the coordinator
 * that has the job in hand, `tick_at_ms` is when time alone changes a queued job. `done_seq` numbers the
 * ended jobs of a batch in the order of their end, without a gap.
 */
export const jobs: Migration = {
  name: 'jobs',
  up: `
alter table jobs rename to jobs_before;

create table jobs (
  seq integer primary key,
  job_id text not null unique,
  payer text not null,
  provider text not null,
  offer_id text not null,
  model text not null,
  state text not null,
  version integer not null,
  owner text,
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
  tick_at_ms integer,
  error_code text,
  error_message text,
  webhook text,
  batch_id text,
  batch_row integer,
  done_seq integer
) strict;

create table papers (
  seq integer primary key,
  body text not null,
  payment text not null
) strict;

create table outputs (
  seq integer primary key,
  answer text not null,
  receipt text not null
) strict;

insert into jobs
select created_at_ms * 1024 + (select count(*) from jobs_before as older where older.job_id < jobs_before.job_id
    and older.created_at_ms = jobs_before.created_at_ms),
  job_id, payer, provider, offer_id, model, state, 0,
  case when state in ('dispatched', 'running') then 'before' end,
  attempts, failures, losses, may_run, created_at_ms, deadline_ms, not_before_ms, lease_until_ms, started_at_ms,
  finished_at_ms, case when state = 'queued' then deadline_ms end, error_code, error_message, null, null, null, null
from jobs_before;

insert into papers select jobs.seq, jobs_before.body, jobs_before.payment
from jobs_before join jobs on jobs.job_id = jobs_before.job_id;

insert into outputs select jobs.seq, jobs_before.answer, jobs_before.receipt
from jobs_before join jobs on jobs.job_id = jobs_before.job_id
where jobs_before.answer is not null and jobs_before.receipt is not null;

drop table jobs_before;

create index jobs_queued on jobs (provider, not_before_ms, seq) where state = 'queued';
create index jobs_to_tick on jobs (tick_at_ms) where tick_at_ms is not null;
create index jobs_in_hand on jobs (owner) where owner is not null;
create index jobs_of_batch on jobs (batch_id, batch_row) where batch_id is not null;
create index jobs_done_of_batch on jobs (batch_id, done_seq) where done_seq is not null;

create table coordinators (
  owner text primary key,
  beats integer not null
) strict;

create table tallies (
  owner text not null,
  state text not null,
  jobs integer not null,
  primary key (owner, state)
) strict;

insert into tallies select 'before', state, count(*) from jobs group by state;
insert into coordinators select distinct owner, 0 from tallies;

create table batches (
  batch_id text primary key,
  payer text not null,
  created_at_ms integer not null,
  total integer not null,
  is_whole integer not null,
  done integer not null,
  completed integer not null,
  failed integer not null,
  expired integer not null,
  cancelled integer not null,
  webhook text
) strict;
create index batches_by_time on batches (created_at_ms);

create table webhooks (
  subject text primary key,
  kind text not null,
  url text not null,
  created_at_ms integer not null,
  attempts integer not null,
  not_before_ms integer not null
) strict;
create index webhooks_due on webhooks (not_before_ms);
`,
};
