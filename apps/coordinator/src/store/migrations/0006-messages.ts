import type { Migration } from '@aitbc/service';

/**
 * Letters between accounts, until they are acknowledged or run out. `seq` rises with time: `at_ms × 1024 + n`; `sender` and
 * `receiver` are public keys, `letter` is base64. A mailbox says when its owner last read here: letters from the
 * bus are taken for those only.
 */
export const messages: Migration = {
  name: 'messages',
  up: `
create table letters (
  seq integer primary key,
  letter_id text not null unique,
  sender text not null,
  receiver text not null,
  expires_at_ms integer not null,
  size_bytes integer not null,
  letter text not null
) strict;
create index letters_of_receiver on letters (receiver, seq);
create index letters_of_pair on letters (receiver, sender);
create index letters_by_end on letters (expires_at_ms);

create table mailboxes (
  account text primary key,
  read_at_ms integer not null
) strict;
create index mailboxes_by_time on mailboxes (read_at_ms);
`,
};
