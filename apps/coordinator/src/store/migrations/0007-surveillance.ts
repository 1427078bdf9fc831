import type { Migration } from '@aitbc/service';

/**
 * What detectors read beside the events, what they remember, and what they said. Facts of the chain have numbers as
 * events have (`seq = at_ms × 1024 + n` of the time when they were stored), so that both are one stream; `place` is their
 * place in their transaction. A patrol is the state of all detectors after the event `seq`, as JSON.
 */
export const surveillance: Migration = {
  name: 'surveillance',
  up: `
create table chain_facts (
  seq integer primary key,
  tx_id text not null,
  place integer not null,
  height integer not null,
  at_ms integer not null,
  facts text not null,
  unique (tx_id, place)
) strict;

create table alerts (
  alert_id text primary key,
  seq integer not null,
  at_ms integer not null,
  level integer not null,
  pattern text not null,
  subjects text not null,
  document text not null,
  status text not null,
  note text not null,
  resolved_at_ms integer
) strict;
create index alerts_by_seq on alerts (seq);

create table detectors (
  pattern text primary key,
  is_on integer not null
) strict;

create table patrols (
  name text primary key,
  seq integer not null,
  version integer not null,
  state text not null
) strict;
`,
};
