import type { Migration } from '@aitbc/service';

/** What happened on the market. `seq` rises with time: `at_ms × 1024 + n`; `facts` is JSON. */
export const events: Migration = {
  name: 'events',
  up: `
create table events (
  seq integer primary key,
  at_ms integer not null,
  kind text not null,
  provider text not null,
  facts text not null
) strict;
create index events_of_provider on events (provider, seq);
create index events_of_kind on events (kind, seq);
`,
};
