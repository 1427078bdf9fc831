import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite, type Sqlite } from '@aitbc/service';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CommitGroup, createCommitGroup } from './commit-group.ts';

let folder: string;
let mine: Sqlite;
let other: Sqlite;
let commits: number;
let group: CommitGroup;
let add: (id: number) => void;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aitbc-group-'));
  const path = join(folder, 'a.db');
  mine = await openSqlite(path, { durability: 'normal' });
  mine.exec('create table rows (id integer primary key) strict');
  other = await openSqlite(path, { durability: 'normal' });
  commits = 0;
  group = createCommitGroup(mine, () => {
    commits += 1;
  });
  const insert = mine.prepare('insert into rows values (?)');
  add = (id) => void insert.run(id);
});
afterEach(async () => {
  await mine.close();
  await other.close();
  rmSync(folder, { recursive: true });
});

/** What another connection sees: what is committed. */
const seen = (): unknown[] =>
  other
    .prepare('select id from rows')
    .all()
    .map(({ id }) => id);

test('the writes of one turn are one commit, and nobody else sees them before', async () => {
  for (const id of [1, 2, 3]) group.write(() => add(id));
  expect(seen()).toEqual([]);
  await group.written();
  expect(seen()).toEqual([1, 2, 3]);
  expect(commits).toBe(1);
  await group.written();
  expect(commits).toBe(1);
});

test('a flush commits before the turn ends, and what is written behind it is another commit', async () => {
  group.write(() => add(1));
  group.flush();
  expect(seen()).toEqual([1]);
  group.write(() => add(2));
  expect(seen()).toEqual([1]);
  await group.written();
  expect(seen()).toEqual([1, 2]);
  expect(commits).toBe(2);
});

test('a write answers what its work answers', async () => {
  expect(group.write(() => 'yes')).toBe('yes');
  await group.written();
});

test('a first write that fails is undone alone, and the next one is fine', async () => {
  const twice = () =>
    group.write(() => {
      add(1);
      throw new Error('no');
    });
  expect(twice).toThrow('no');
  group.write(() => add(2));
  await group.written();
  expect(seen()).toEqual([2]);
});

test('a write that fails behind another one breaks the group: all of the turn is undone, and all that follows refused', async () => {
  group.write(() => add(1));
  const written = group.written();
  expect(() => group.write(() => add(1))).toThrow(/UNIQUE/);
  await expect(written).rejects.toThrow(/UNIQUE/);
  await expect(group.written()).rejects.toThrow(/UNIQUE/);
  expect(() => group.write(() => add(2))).toThrow(/UNIQUE/);
  expect(() => group.flush()).toThrow(/UNIQUE/);
  expect(seen()).toEqual([]);
});

test('a commit that fails breaks the group and tells everybody who waits', async () => {
  const failing = createCommitGroup(mine, () => {
    throw new Error('disk full');
  });
  failing.write(() => add(1));
  await expect(failing.written()).rejects.toThrow('disk full');
  expect(() => failing.write(() => add(2))).toThrow('disk full');
  expect(seen()).toEqual([]);
});
