import type { Migration } from '@aitbc/service';

/** Schema of the provider's database. Amounts are decimal text of nait. */
export const migrations: readonly Migration[] = [
  {
    name: 'books',
    up: `
      create table meta (key text primary key, value text not null) strict, without rowid;
      create table channels (
        channel_id text primary key,
        state text not null,
        charged text not null,
        signed_max text not null,
        best text
      ) strict, without rowid;
      create table offers (
        offer_id text primary key,
        offer text not null,
        valid_until_ms integer not null
      ) strict, without rowid;
      create table jobs (
        job_id text primary key,
        channel_id text not null,
        offer_id text not null,
        body_digest text not null,
        outcome text not null,
        tokens_covered integer not null,
        delivered integer not null,
        prompt_tokens integer not null,
        charged text not null,
        created_ms integer not null,
        ended_ms integer
      ) strict, without rowid;
      create index jobs_running on jobs (job_id) where outcome = 'running';
      create table receipts (
        job_id text not null,
        place integer not null,
        receipt text not null,
        primary key (job_id, place)
      ) strict, without rowid;
      create table claims (
        channel_id text not null,
        place integer not null,
        total_claimed text not null,
        tx_id text not null,
        primary key (channel_id, place)
      ) strict, without rowid;
      create table results (
        job_id text primary key,
        frame text not null,
        created_ms integer not null
      ) strict, without rowid;
    `,
  },
  {
    name: 'resumed-jobs',
    up: `
      alter table jobs add column resumed_from integer;
      alter table jobs add column resumed_prefix_hash text;
    `,
  },
  {
    name: 'earnings',
    up: `
      create index jobs_ended on jobs (ended_ms) where ended_ms is not null;
      create table uses (
        day text not null,
        reason text not null,
        ms integer not null,
        primary key (day, reason)
      ) strict, without rowid;
    `,
  },
  {
    name: 'jobs-in-order',
    up: `
      drop index jobs_running;
      drop index jobs_ended;
      alter table jobs rename to jobs_by_id;
      alter table receipts rename to receipts_by_id;
      create table jobs (
        job_no integer primary key,
        job_id text not null unique,
        channel_id text not null,
        offer_id text not null,
        body_digest text not null,
        outcome text not null,
        tokens_covered integer not null,
        delivered integer not null,
        prompt_tokens integer not null,
        charged text not null,
        created_ms integer not null,
        ended_ms integer,
        resumed_from integer,
        resumed_prefix_hash text
      ) strict;
      insert into jobs select null, jobs_by_id.* from jobs_by_id order by created_ms;
      create index jobs_running on jobs (job_no) where outcome = 'running';
      create index jobs_ended on jobs (ended_ms) where ended_ms is not null;
      create table receipts (
        job_no integer not null,
        place integer not null,
        receipt text not null,
        primary key (job_no, place)
      ) strict, without rowid;
      insert into receipts
        select job_no, place, receipt from receipts_by_id join jobs using (job_id) order by job_no, place;
      drop table jobs_by_id;
      drop table receipts_by_id;
    `,
  },
  {
    // A receipt is too long for a page of a table without row ids: each got a page of its own beside it.
    name: 'receipts-by-number',
    up: `
      alter table receipts rename to receipts_by_job;
      create table receipts (
        receipt_no integer primary key,
        receipt text not null,
        job_no integer generated always as (receipt_no >> 20) virtual,
        place integer generated always as (receipt_no & 1048575) virtual
      ) strict;
      insert into receipts
        select (job_no << 20) + place, receipt from receipts_by_job order by job_no, place;
      drop table receipts_by_job;
    `,
  },
  {
    name: 'given-up',
    up: `
      create table given_up (
        job_id text not null,
        channel_id text not null,
        at_ms integer not null,
        primary key (job_id, channel_id)
      ) strict, without rowid;
    `,
  },
];
