import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createManualClock } from '@aitbc/primitives';
import { migrate, openSqlite } from '@aitbc/service';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createJobBook } from '../../jobs/job-book.ts';
import { idOf, openTestStore } from '../testing/stores.ts';
import { first } from './0001-first.ts';

const nowMs = 1_700_000_000_000;
const states = ['queued', 'dispatched', 'running', 'completed', 'failed'];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aitbc-migration-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A file as the version before wrote it, with a job in each of some states. */
async function oldFile(): Promise<string> {
  const path = join(folder, 'old.sqlite');
  const sqlite = await openSqlite(path, { durability: 'full' });
  migrate(sqlite, [first]);
  sqlite.prepare("insert into offers values (?, 'seller', '{}', 1)").run(idOf('offer'));
  const insert = sqlite.prepare(
    `insert into jobs values (?, 'buyer', 'seller', ?, 'tiny', ?, 'paid', ?, 1, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for (const state of states) {
    const isOpen = state === 'dispatched' || state === 'running';
    const isEnded = state === 'completed' || state === 'failed';
    const [answer, receipt] =
      state === 'completed' ? ['{"text":"hi"}', '{"payload":{}}'] : [null, null];
    const error = state === 'failed' ? ['X', 'it broke'] : [null, null];
    insert.run(
      ...[idOf(state), idOf('offer'), `body of ${state}`, state, isOpen ? 1 : 0],
      ...[nowMs, nowMs + 900_000, nowMs, state === 'dispatched' ? nowMs + 15_000 : null],
      ...[state === 'running' ? nowMs : null, isEnded ? nowMs : null, ...error, answer, receipt],
    );
  }
  await sqlite.close();
  return path;
}

test('jobs of the version before are all there, and what was in hand goes back to the queue', async () => {
  const path = await oldFile();
  const clock = createManualClock(nowMs);
  const { store } = await openTestStore(path, clock);
  expect(Object.fromEntries(await store.jobs.counts())).toEqual(
    Object.fromEntries(states.map((state) => [state, 1])),
  );
  const book = createJobBook({ store, clock });
  await book.load();
  expect(await book.counts()).toMatchObject({ queued: 3, completed: 1, failed: 1, running: 0 });
  expect(await store.jobs.output(idOf('completed'))).toEqual({
    answer: { text: 'hi' },
    receipt: { payload: {} },
  });
  expect((await store.jobs.get(idOf('failed')))?.job.error).toEqual({
    code: 'X',
    message: 'it broke',
  });
  const [leased] = await book.lease('seller', 10);
  expect(leased).toMatchObject({ papers: { body: 'body of queued', payment: 'paid' } });
  clock.advance(1_000);
  expect(await book.lease('seller', 10)).toHaveLength(2);
  await store.close();
});
