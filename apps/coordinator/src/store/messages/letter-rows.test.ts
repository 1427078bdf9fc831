import { createManualClock } from '@aitbc/primitives';
import { limits } from '@aitbc/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LetterRow } from '../schema.ts';
import type { Store } from '../store.ts';
import { idOf, openTestStore, type StoreServer, storeKinds } from '../testing/stores.ts';

const nowMs = 1_700_000_000_000;
const clock = createManualClock(nowMs);

const letter = (name: string, changes: Partial<LetterRow> = {}): Omit<LetterRow, 'seq'> => ({
  ...{ letter_id: idOf(name), sender: idOf('alice'), receiver: idOf('bob') },
  ...{ expires_at_ms: nowMs + 1_000, size_bytes: 10, letter: name },
  ...changes,
});

describe.each(storeKinds)('letters on $name', ({ canRun, start }) => {
  let server: StoreServer;
  let store: Store;
  beforeAll(async () => {
    if (!canRun) return;
    server = await start();
    store = (await openTestStore(await server.createDatabase(), clock)).store;
  });
  afterAll(async () => {
    await store?.close();
    await server?.close();
  });

  test.runIf(canRun)('are stored once, read in order, and deleted by their receiver', async () => {
    const { letters } = store;
    const page = async (receiver = idOf('bob')) => {
      const rows = await letters.page({ receiver, after: 0, nowMs, limit: 10 });
      return rows.map((row) => row.letter);
    };
    expect(await letters.insert(letter('one'))).toBe('stored');
    expect(await letters.insert(letter('two'))).toBe('stored');
    expect(await letters.insert(letter('one'))).toBe('known');
    await letters.insert(letter('old', { expires_at_ms: nowMs - 1 }));
    expect(await page()).toEqual(['one', 'two']);
    expect(await letters.remove(idOf('eve'), [idOf('one')])).toBe(0);
    expect(await letters.remove(idOf('bob'), [idOf('one'), idOf('three')])).toBe(1);
    expect(await page()).toEqual(['two']);
    await letters.prune(nowMs, { readBeforeMs: nowMs, limit: 10 });
    expect(await letters.insert(letter('old', { expires_at_ms: nowMs + 1 }))).toBe('stored');
    expect(await page()).toEqual(['two', 'old']);
  });

  test.runIf(canRun)('have so much room, for all senders and for each', async () => {
    const receiver = idOf('carol');
    const { letters } = store;
    const large = { receiver, size_bytes: limits.mailboxBytes };
    expect(await letters.insert(letter('large', large))).toBe('stored');
    expect(await letters.insert(letter('more', { receiver }))).toMatchObject({
      full: expect.stringContaining('bytes'),
    });
    const names = Array.from({ length: limits.mailboxPerSender }, (_, at) => `${at}`);
    const daves = { receiver: idOf('dave') };
    await Promise.all(names.map((name) => letters.insert(letter(name, daves))));
    expect(await letters.insert(letter('too many', daves))).toMatchObject({
      full: expect.stringContaining('of this sender'),
    });
    const other = { ...daves, sender: idOf('eve') };
    expect(await letters.insert(letter('of another', other))).toBe('stored');
  });

  test.runIf(canRun)('know who reads here, for a while', async () => {
    const { letters } = store;
    const bob = idOf('bob');
    expect(await letters.isReadSince(bob, nowMs)).toBe(false);
    await letters.markRead(bob);
    await letters.markRead(bob);
    expect(await letters.isReadSince(bob, nowMs)).toBe(true);
    expect(await letters.isReadSince(bob, nowMs + 1)).toBe(false);
    await letters.prune(nowMs, { readBeforeMs: nowMs + 1, limit: 10 });
    expect(await letters.isReadSince(bob, nowMs)).toBe(false);
  });
});
