/** Accounts, tokens, what tokens spent per day, and the log of signatures that nothing may change. */
export const first = {
  name: 'first',
  up: `
create table accounts (
  address text primary key,
  label text not null,
  keystore text not null,
  created_at_ms integer not null
) strict;

create table tokens (
  token_id text primary key,
  label text not null,
  hash text not null unique,
  scopes text not null,
  created_at_ms integer not null
) strict;

create table spending (
  token_id text not null,
  day integer not null,
  amount text not null,
  primary key (token_id, day)
) strict;

create table signature_log (
  number integer primary key autoincrement,
  at_ms integer not null,
  address text not null,
  token_id text not null,
  token_label text not null,
  tx_id text not null,
  description text not null
) strict;

create index signature_log_tx on signature_log (tx_id);

create trigger signature_log_no_update before update on signature_log
begin select raise(abort, 'the signature log is append-only'); end;

create trigger signature_log_no_delete before delete on signature_log
begin select raise(abort, 'the signature log is append-only'); end;
`,
};
