/** Accounts that the wallet knows by their address alone: watched ones and shared ones. */
export const watched = {
  name: 'watched',
  up: `
create table watched (
  address text primary key,
  label text not null,
  kind text not null,
  created_at_ms integer not null
) strict;
`,
};
