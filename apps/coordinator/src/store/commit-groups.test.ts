import { openSqlite, type Sqlite } from '@aitbc/service';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CommitGroups, createCommitGroups } from './commit-groups.ts';
import type { Trouble } from './database/database.ts';

let sqlite: Sqlite;
let groups: CommitGroups<number>;
let failures: unknown[];
let transactions: number;
let trouble: Trouble;
let fails: (number: number) => boolean;

beforeEach(async () => {
  sqlite = await openSqlite(':memory:', { durability: 'full' });
  sqlite.exec('create table t (n integer primary key) strict');
  const insert = sqlite.prepare('insert into t values (?)');
  failures = [];
  transactions = 0;
  trouble = 'data';
  fails = () => false;
  groups = createCommitGroups<number>({
    async execute(numbers) {
      transactions += 1;
      return sqlite.transaction(() =>
        numbers.map((number) => {
          insert.run(number);
          if (fails(number)) throw new Error('no');
          return -number;
        }),
      );
    },
    weightOf: (number) => (number === 9_000 ? 999 : 1),
    troubleOf: () => trouble,
    onFailure: (error) => failures.push(error),
  });
});
afterEach(() => sqlite.close());

const stored = () => sqlite.prepare<{ n: number }>('select n from t order by n').all();
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const statesOf = async (...values: number[]) =>
  (await Promise.allSettled(values.map((n) => groups.run(n)))).map(({ status }) => status);

test('work of one moment shares a transaction, and each gets its own answer', async () => {
  expect(await Promise.all(numbers(50).map((n) => groups.run(n)))).toEqual(
    numbers(50).map((n) => -n),
  );
  expect(transactions).toBe(1);
});

test('a group has room for a thousand, by weight', async () => {
  await Promise.all([9_000, 1, 2, 3].map((n) => groups.run(n)));
  expect(transactions).toBe(2);
  await Promise.all(numbers(2_500).map((n) => groups.run(10_000 + n)));
  expect(transactions).toBe(5);
});

test('the end stores what waits and refuses what comes later', async () => {
  const last = groups.run(50);
  await groups.close();
  expect(await last).toBe(-50);
  await expect(groups.run(51)).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(stored()).toEqual([{ n: 50 }]);
});

test('one bad write refuses only itself', async () => {
  fails = (n) => n === 2;
  expect(await statesOf(1, 2, 3)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(stored()).toEqual([{ n: 1 }, { n: 3 }]);
  expect(failures).toEqual([]);
});

test('a conflict is tried again, and given up after some tries', async () => {
  trouble = 'conflict';
  let left = 3;
  fails = () => {
    left -= 1;
    return left >= 0;
  };
  expect(await statesOf(1)).toEqual(['fulfilled']);
  fails = () => true;
  await expect(groups.run(2)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(transactions).toBe(9);
  expect(failures).toEqual([]);
});

test('when the database is gone the group is refused, and the next one is tried', async () => {
  trouble = 'gone';
  fails = (n) => n === 1;
  await expect(groups.run(1)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(await groups.run(2)).toBe(-2);
  expect(failures).toEqual([]);
});

test('a broken disk takes the whole group with it and is reported as final', async () => {
  trouble = 'broken';
  fails = (n) => n === 2;
  expect(await statesOf(1, 2, 3)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(failures).toHaveLength(1);
  expect(stored()).toEqual([]);
});
