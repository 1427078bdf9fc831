import type { Migration } from '@aitbc/service';

/** Steps of the gateway's schema. Amounts are decimal text. */
export const migrations: readonly Migration[] = [
  {
    name: 'first',
    up: `
create table meta (
  name text primary key,
  value text not null
) strict;
create table channels (
  channel_id text primary key,
  provider text not null,
  receiver_authorizer text not null,
  withdraw_delay_ms integer not null,
  salt text not null,
  status text not null,
  balance text not null,
  settled text not null,
  signed_max text not null
) strict;
create table calls (
  job_id text not null,
  channel_id text not null references channels (channel_id),
  provider text not null,
  model text not null,
  offer text not null,
  body_digest text not null,
  prompt_bound integer not null,
  tokens integer not null,
  reserved text not null,
  status text not null,
  outcome text not null,
  prompt_tokens integer not null,
  output_tokens integer not null,
  charged text not null,
  started_at_ms integer not null,
  first_token_ms integer,
  duration_ms integer not null,
  primary key (job_id, channel_id)
) strict;
create index calls_by_status on calls (status, started_at_ms);
create index calls_by_time on calls (started_at_ms);
create table receipts (
  job_id text not null,
  channel_id text not null,
  place integer not null,
  receipt text not null,
  primary key (job_id, channel_id, place)
) strict, without rowid;
create table spend (
  day integer primary key,
  charged text not null
) strict;
`,
  },
  {
    name: 'jobs that move',
    up: `
alter table calls add column begins_at integer not null default 0;
alter table calls add column idempotency_key text;
alter table calls add column prefix_hash text;
alter table calls add column tail text;
`,
  },
  {
    // A row of a kilobyte in a tree of random keys cost more than all else that a call writes.
    name: 'receipts with their calls',
    up: `
alter table calls add column receipts text;
update calls set receipts = (
  select '[' || group_concat(receipt, ',') || ']' from (
    select receipt from receipts
    where receipts.job_id = calls.job_id and receipts.channel_id = calls.channel_id order by place
  )
);
drop table receipts;
drop index calls_by_status;
create index calls_open on calls (status) where status <> 'settled';
`,
  },
];
