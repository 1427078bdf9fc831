/** Parallel calls of API keys over real books, in any order of promises, ends, departures, restarts and days. */
import { createManualClock } from '@aitbc/primitives';
import type { Hex, SignedOffer } from '@aitbc/protocol';
import { type BuyerChange, type BuyerState, type CallRow, createMemoryStore } from '@aitbc/sdk';
import { type Book, createBook } from '@aitbc/sdk/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessStore, ApiKey, RequestRow } from './access-store.ts';
import { type Account, createKeySpending, type KeySpending } from './key-spending.ts';

const dayMs = 86_400_000;
const windowTokens = 4;
const owners = 3; // two keys, and calls without one
const offer = {
  payload: {
    windowTokens,
    outputMax: 64,
    price: { inputPerMTok: '3000000', outputPerMTok: '7000000', perRequest: '5' },
  },
} as SignedOffer;
const hash = (number: number): Hex => number.toString(16).padStart(64, '0');
const callKeyOf = ({ jobId, channelId }: CallRow) => jobId + channelId;

function callOf(job: number, channel: number, startedAtMs: number): CallRow {
  return {
    ...{ jobId: hash(job), channelId: hash(1_000 + channel), provider: `ait${channel}` },
    ...{ model: 'm', offer, bodyDigest: hash(0), idempotencyKey: 'k', promptBound: 20 },
    ...{ from: 0, prefixHash: null, tokens: 0, reserved: 0n, status: 'running' as const },
    ...{ outcome: 'running' as const, promptTokens: 0, outputTokens: 0, charged: 0n, startedAtMs },
    ...{ firstTokenMs: null, durationMs: 0, tail: null },
  };
}

function memoryRequests() {
  const rows = new Map<Hex, RequestRow>();
  const store: Pick<AccessStore, 'begin' | 'end' | 'request' | 'requestsOf'> = {
    begin: (row) => void rows.set(row.jobId, { ...row, ...rows.get(row.jobId), charged: null }),
    end(jobId, charged) {
      const row = rows.get(jobId);
      if (row) rows.set(jobId, { ...row, charged });
    },
    request: (jobId) => rows.get(jobId),
    requestsOf: (key, sinceMs) =>
      [...rows.values()].filter((row) => row.key === key && row.startedAtMs >= sinceMs),
  };
  return { rows, store };
}

const kinds = [
  'start',
  'extend',
  'extend',
  'settle',
  'refuse',
  'leave',
  'restart',
  'pass',
] as const;
const step = fc.record({
  kind: fc.constantFrom(...kinds),
  job: fc.nat(11),
  channel: fc.nat(1),
  part: fc.nat(100),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Caps {
  readonly dayMax: number | null;
  readonly jobMax: number | null;
}

function createRun(caps: readonly Caps[]) {
  const clock = createManualClock(20_000 * dayMs);
  const calls = createMemoryStore();
  const requests = memoryRequests();
  const rowsOf = (jobId: Hex) => calls.find(jobId) as readonly CallRow[];
  const save = (change: BuyerChange) => void calls.save(change);
  const keys = caps.map(({ dayMax, jobMax }, index): ApiKey => {
    const amount = (value: number | null) => (value === null ? null : BigInt(value));
    const limits = { dayMax: amount(dayMax), jobMax: amount(jobMax), models: null };
    return { name: `key${index}`, secretHash: hash(index), createdAtMs: 0, ...limits };
  });
  const open = () => {
    const rich = { jobMax: 10n ** 12n, dayMax: 10n ** 12n };
    const stored = calls.load(clock.nowMs() - 600_000) as BuyerState;
    const book: Book = createBook(stored, rich, () => clock.nowMs());
    for (const channel of [0, 1]) {
      save(
        book.putChannel({
          ...{ channelId: hash(1_000 + channel), provider: `ait${channel}`, status: 'open' },
          ...{ receiverAuthorizer: hash(1), withdrawDelayMs: 1, salt: hash(2) },
          ...{ settled: 0n, signedMax: 0n },
          ...book.channel(hash(1_000 + channel)),
          balance: 10n ** 12n,
        }),
      );
    }
    const spending: KeySpending = createKeySpending({
      ...{ store: requests.store, clock },
      commitmentOf(jobId) {
        const known = book.commitment(jobId);
        if (known.isOpen) return known;
        const rows = rowsOf(jobId);
        if (rows.length === 0) return undefined;
        const nait = rows.reduce((sum, { charged, reserved }) => sum + charged + reserved, 0n);
        return { nait, isOpen: rows.some(({ status }) => status !== 'settled') };
      },
    });
    return { book, spending };
  };
  let { book, spending } = open();
  const accounts = new Map<number, Account>();

  const accountOf = (job: number): Account | undefined => {
    const known = accounts.get(job);
    if (known) return known;
    try {
      const account = spending.open(keys[job % owners], 'test');
      accounts.set(job, account);
      return account;
    } catch (error) {
      expect(error).toMatchObject({ code: 'BUDGET_EXCEEDED' });
      return undefined;
    }
  };
  const promise = (job: number, channel: number, tokens: number): void => {
    const account = accountOf(job);
    if (!account) return;
    const draft = callOf(job, channel, clock.nowMs());
    for (const row of rowsOf(draft.jobId)) if (row.status === 'settled') book.recall(row);
    const verdict = book.promise(draft, tokens, account.maxNait);
    if (!verdict.ok) return;
    account.begun(draft.jobId);
    save(verdict.value.change);
  };
  const act: Record<Step['kind'], (step: Step) => void> = {
    start: ({ job, channel }) => promise(job, channel, windowTokens),
    extend({ job, channel }) {
      const call = book.call(callKeyOf(callOf(job, channel, 0)));
      if (call && book.isOpen(callKeyOf(call))) promise(job, channel, call.tokens + windowTokens);
    },
    settle({ job, channel, part }) {
      const key = callKeyOf(callOf(job, channel, 0));
      const call = book.isOpen(key) ? book.call(key) : undefined;
      if (!call) return;
      const charged = (call.reserved * BigInt(part)) / 100n;
      const outcome = 'provider_error' as const;
      const counts = { promptTokens: 1, outputTokens: 1, firstTokenMs: 1, durationMs: 1 };
      save(book.settle(key, { outcome, charged, ...counts }));
    },
    refuse({ job, channel }) {
      const key = callKeyOf(callOf(job, channel, 0));
      if (book.isOpen(key)) save(book.release(key));
    },
    leave({ job }) {
      accounts.get(job)?.ended(0n);
      accounts.delete(job);
    },
    restart() {
      accounts.clear();
      ({ book, spending } = open());
    },
    pass: ({ part }) => clock.advance(part > 90 ? dayMs : part * 60_000),
  };
  const owedBy = (key: ApiKey) => {
    const days = new Map<number, bigint>();
    for (const { jobId, key: name, startedAtMs } of requests.rows.values()) {
      if (name !== key.name) continue;
      const owed = rowsOf(jobId).reduce((sum, row) => sum + row.charged + row.reserved, 0n);
      if (key.jobMax !== null) expect(owed).toBeLessThanOrEqual(key.jobMax);
      const day = Math.floor(startedAtMs / dayMs);
      days.set(day, (days.get(day) ?? 0n) + owed);
    }
    return days;
  };
  return (each: Step): void => {
    act[each.kind](each);
    for (const key of keys) {
      const days = owedBy(key);
      const today = days.get(Math.floor(clock.nowMs() / dayMs)) ?? 0n;
      expect(spending.today(key)).toBe(today);
      for (const owed of days.values()) {
        if (key.dayMax !== null) expect(owed).toBeLessThanOrEqual(key.dayMax);
      }
    }
  };
}

describe('the parallel calls of API keys', () => {
  it('never promise more than the limits of their key, and are counted to the nait', () => {
    const amount = (max: number) => fc.option(fc.integer({ min: 50, max }), { freq: 8 });
    const caps = fc.tuple(
      fc.record({ dayMax: amount(900), jobMax: amount(400) }),
      fc.record({ dayMax: amount(900), jobMax: amount(400) }),
    );
    fc.assert(
      fc.property(caps, fc.array(step, { maxLength: 150, size: 'max' }), (limits, steps) => {
        const run = createRun(limits);
        for (const each of steps) run(each);
      }),
      { numRuns: 300 },
    );
  });
});
