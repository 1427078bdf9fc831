/**
 * The newest lines of the decision log in an SQLite file of their own.
 *
 * A line explains and moves no money, so it must not wait for, or slow down, the commits of jobs: that is
 * why it has its own file with `durability: 'normal'`. A crash loses the last second at most. The file
 * is a ring: `linesStored` lines, each written over the oldest.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Migration, migrate, openSqlite } from '@aitbc/service';
import type { LineStore, LoggedLine } from './decision-log.ts';

const linesStored = 50_000;

const first: Migration = {
  name: 'decision lines',
  up: `
create table lines (
  slot integer primary key,
  number integer not null,
  line text not null
) strict;
create index lines_by_number on lines (number);
`,
};

interface LineRow {
  readonly slot: number;
  readonly number: number;
  readonly line: string;
}

/** Opens or creates the file; `:memory:` keeps nothing. Throws STORE_CORRUPT. */
export async function openLineStore(path: string): Promise<LineStore> {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true });
  const sqlite = await openSqlite<{ lines: LineRow }>(path, { durability: 'normal' });
  migrate(sqlite, [first]);
  const insert = sqlite.prepare('insert or replace into lines values (?, ?, ?)');
  const newest = sqlite.prepare<LineRow>('select * from lines order by number');
  const top = sqlite.prepare<{ last: number | null }>('select max(number) as last from lines');
  let next = (top.get()?.last ?? 0) + 1;
  return {
    newest: () => newest.all().map(({ line }) => JSON.parse(line) as LoggedLine),
    save(lines) {
      sqlite.transaction(() => {
        for (const line of lines) {
          insert.run(next % linesStored, next, JSON.stringify(line));
          next += 1;
        }
      });
    },
    close: async () => sqlite.close(),
  };
}
