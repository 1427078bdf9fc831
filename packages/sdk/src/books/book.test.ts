import { createManualClock } from '@aitbc/primitives';
import { fullCharge, type Hex, priceOf, type SignedOffer, unwrap } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Book, type Budget, type CallEnd, createBook } from './book.ts';
import {
  type BuyerChange,
  type BuyerState,
  type CallRow,
  callKey,
  createMemoryStore,
} from './store.ts';

const windowTokens = 4;
const promptBound = 20;
const offer = {
  payload: {
    windowTokens,
    outputMax: 64,
    price: { inputPerMTok: '3000000', outputPerMTok: '7000000', perRequest: '5' },
  },
} as SignedOffer;
const price = priceOf(offer.payload);
const priceOfTokens = (outputTokens: number): bigint =>
  fullCharge(price, { promptTokens: promptBound, outputTokens });
const hash = (number: number): Hex => number.toString(16).padStart(64, '0');

function callOf(job: number, channel: number): CallRow {
  return {
    jobId: hash(job),
    channelId: hash(channel),
    provider: 'ait1',
    model: 'm',
    offer,
    bodyDigest: hash(0),
    idempotencyKey: 'k',
    promptBound,
    from: 0,
    prefixHash: null,
    tokens: 0,
    reserved: 0n,
    status: 'running',
    outcome: 'running',
    promptTokens: 0,
    outputTokens: 0,
    charged: 0n,
    startedAtMs: 1,
    firstTokenMs: null,
    durationMs: 0,
    tail: null,
  };
}

function channelOf(channel: number, balance: bigint) {
  return {
    channelId: hash(channel),
    provider: 'ait1',
    receiverAuthorizer: hash(1),
    withdrawDelayMs: 1_000,
    salt: hash(2),
    status: 'open' as const,
    balance,
    settled: 0n,
    signedMax: 0n,
  };
}

const endOf = (charged: bigint): CallEnd => ({
  outcome: 'complete',
  promptTokens: 1,
  outputTokens: 1,
  charged,
  firstTokenMs: 1,
  durationMs: 1,
});

const empty: BuyerState = { channels: [], calls: [], spend: undefined };
const rich: Budget = { jobMax: 1_000_000n, dayMax: 1_000_000n };

describe('the books of a buyer', () => {
  it('makes each cap the sum of what is due and of all that is open', () => {
    const book = createBook(empty, rich, () => 0);
    book.putChannel(channelOf(1, 1_000n));
    const first = unwrap(book.promise(callOf(1, 1), 4));
    const need = fullCharge(price, { promptTokens: promptBound, outputTokens: 4 });
    expect(first.maxClaimable).toBe(need);
    expect(unwrap(book.promise(callOf(2, 1), 4)).maxClaimable).toBe(2n * need);
    book.settle(callKey(callOf(1, 1)), endOf(10n));
    expect(unwrap(book.promise(callOf(3, 1), 4)).maxClaimable).toBe(10n + 2n * need);
    expect(book.channel(hash(1))).toMatchObject({ settled: 10n, signedMax: 10n + 2n * need });
  });

  it('enters a settled call once, and a call that never ran not at all', () => {
    const book = createBook(empty, rich, () => 0);
    book.putChannel(channelOf(1, 1_000n));
    const key = callKey(callOf(1, 1));
    unwrap(book.promise(callOf(1, 1), 4));
    book.settle(key, endOf(10n));
    expect(book.settle(key, endOf(10n))).toEqual({});
    expect(book.promise(callOf(1, 1), 4)).toMatchObject({ code: 'JOB_STATE_WRONG' });
    expect(book.call(key)).toMatchObject({ status: 'settled', charged: 10n });
    unwrap(book.promise(callOf(2, 1), 4));
    expect(book.release(callKey(callOf(2, 1)))).toMatchObject({ call: { status: 'refused' } });
    expect(book.channel(hash(1))?.settled).toBe(10n);
    expect(book.spentToday()).toBe(10n);
    expect(book.openCalls()).toEqual([]);
  });

  it('begins a new day with nothing spent, but keeps what is open', () => {
    const clock = createManualClock(0);
    const need = fullCharge(price, { promptTokens: promptBound, outputTokens: 4 });
    const book = createBook(empty, { jobMax: 1_000n, dayMax: 2n * need }, () => clock.nowMs());
    book.putChannel(channelOf(1, 10_000n));
    unwrap(book.promise(callOf(1, 1), 4));
    unwrap(book.promise(callOf(2, 1), 4));
    book.settle(callKey(callOf(1, 1)), endOf(need));
    expect(book.promise(callOf(3, 1), 4)).toMatchObject({ ok: false, code: 'BUDGET_EXCEEDED' });
    clock.advance(86_400_000);
    expect(book.spentToday()).toBe(0n);
    unwrap(book.promise(callOf(3, 1), 4));
    expect(book.promise(callOf(4, 1), 4)).toMatchObject({ ok: false, code: 'BUDGET_EXCEEDED' });
  });

  it('prices what a call adds to what others gave, and bounds a job at all its providers', () => {
    const need = fullCharge(price, { promptTokens: promptBound, outputTokens: 4 });
    const book = createBook(empty, { jobMax: 2n * need - 1n, dayMax: 10_000n }, () => 0);
    book.putChannel(channelOf(1, 1_000n));
    book.putChannel(channelOf(2, 1_000n));
    unwrap(book.promise(callOf(1, 1), 4));
    const second = { ...callOf(1, 2), from: 3, prefixHash: hash(9), tokens: 3 };
    expect(book.promise(second, 7)).toMatchObject({ code: 'BUDGET_EXCEEDED' });
    expect(book.checkBudget(hash(1), need)).toMatchObject({ code: 'BUDGET_EXCEEDED' });
    expect(book.checkBudget(hash(2), need)).toMatchObject({ ok: true });
    book.settle(callKey(callOf(1, 1)), endOf(need - 1n));
    expect(unwrap(book.promise(second, 7)).call).toMatchObject({ reserved: need, tokens: 7 });
    expect(book.promise(second, 8)).toMatchObject({ code: 'BUDGET_EXCEEDED' });
    book.release(callKey(second));
    expect(unwrap(book.promise(second, 7)).maxClaimable).toBe(need);
  });

  it('asks the caller of a job for its limit before every promise, and tells what is promised', () => {
    const need = fullCharge(price, { promptTokens: promptBound, outputTokens: 4 });
    const book = createBook(empty, rich, () => 0);
    book.putChannel(channelOf(1, 10_000n));
    let most = need;
    const asked: Hex[] = [];
    const maxNait = (jobId: Hex) => {
      asked.push(jobId);
      return most;
    };
    expect(book.commitment(hash(1))).toEqual({ nait: 0n, isOpen: false });
    unwrap(book.promise(callOf(1, 1), 4, maxNait));
    const refusal = { code: 'BUDGET_EXCEEDED', facts: { scope: 'this call', available: need } };
    expect(book.promise(callOf(1, 1), 8, maxNait)).toMatchObject(refusal);
    expect(book.checkBudget(hash(1), 1n, maxNait)).toMatchObject(refusal);
    expect(book.commitment(hash(1))).toEqual({ nait: need, isOpen: true });
    most = priceOfTokens(8);
    unwrap(book.promise(callOf(1, 1), 8, maxNait));
    expect(asked).toEqual([hash(1), hash(1), hash(1), hash(1)]);
    book.settle(callKey(callOf(1, 1)), endOf(10n));
    expect(book.commitment(hash(1))).toEqual({ nait: 10n, isOpen: false });
  });

  it('does not forget what a job owes at one provider while another one is open, however long', () => {
    const clock = createManualClock(0);
    const book = createBook(empty, rich, () => clock.nowMs());
    for (const channel of [1, 2, 3]) book.putChannel(channelOf(channel, 10_000n));
    const need = fullCharge(price, { promptTokens: promptBound, outputTokens: 4 });
    unwrap(book.promise(callOf(1, 1), 4));
    unwrap(book.promise({ ...callOf(1, 2), from: 3, prefixHash: hash(9), tokens: 3 }, 7));
    clock.advance(3_600_000);
    book.settle(callKey(callOf(1, 1)), endOf(10n));
    const another = (job: number) => {
      clock.advance(3_600_000);
      unwrap(book.promise(callOf(job, 3), 4));
      book.settle(callKey(callOf(job, 3)), endOf(1n));
    };
    another(2);
    expect(book.commitment(hash(1))).toEqual({ nait: need + 10n, isOpen: true });
    const first = book.call(callKey(callOf(1, 1)));
    book.release(callKey(callOf(1, 2)));
    another(3);
    expect(book.commitment(hash(1))).toEqual({ nait: 0n, isOpen: false });
    for (const _again of [1, 2]) book.recall(first as CallRow);
    expect(book.commitment(hash(1))).toEqual({ nait: 10n, isOpen: false });
  });

  it('promises nothing on a channel that is closed, opening or distrusted', () => {
    for (const status of ['closed', 'opening', 'distrusted'] as const) {
      const book = createBook(empty, rich, () => 0);
      book.putChannel({ ...channelOf(1, 1_000n), status });
      expect(book.promise(callOf(1, 1), 4)).toMatchObject({ code: 'VOUCHER_BEYOND_BALANCE' });
    }
  });

  it('believes the seller as far as it can prove a forgotten voucher, and no further', () => {
    const need = fullCharge(price, { promptTokens: promptBound, outputTokens: 4 });
    const begin = (): Book => {
      const book = createBook(empty, rich, () => 0);
      book.putChannel(channelOf(1, 10_000n));
      unwrap(book.promise(callOf(1, 1), 4));
      return book;
    };
    const key = callKey(callOf(1, 1));
    const books = { charged: 300n, reserved: 0n, needed: 300n + need, bestMaxClaimable: 500n };
    const book = begin();
    unwrap(book.adopt(key, books));
    expect(unwrap(book.promise(callOf(1, 1), 4)).maxClaimable).toBe(300n + need);
    expect(book.channel(hash(1))).toMatchObject({ settled: 300n, signedMax: 500n });
    for (const lie of [
      { ...books, bestMaxClaimable: 299n },
      { ...books, bestMaxClaimable: need },
      { ...books, needed: 301n + need },
    ]) {
      expect(begin().adopt(key, lie)).toMatchObject({ ok: false, code: 'RECEIPT_INVALID' });
    }
  });
});

type Step =
  | { readonly kind: 'fund'; readonly channel: number; readonly amount: number }
  | { readonly kind: 'start' | 'extend' | 'refuse' | 'crash'; readonly job: number }
  | { readonly kind: 'receive' | 'settle'; readonly job: number; readonly part: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('fund'), channel: fc.nat(1), amount: fc.nat(400) }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom('start', 'extend', 'extend', 'refuse', 'crash'),
        job: fc.nat(11),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom('receive', 'receive', 'settle'),
        job: fc.nat(11),
        part: fc.nat(100),
      }),
    },
  ) as fc.Arbitrary<Step>,
  { maxLength: 120 },
);

/** Runs steps against the books, with an honest seller's sums and everything ever signed kept beside them. */
function createRun(budget: Budget) {
  const store = createMemoryStore();
  const nowMs = () => 0;
  const save = (change: BuyerChange) => void store.save(change);
  const balances = [0n, 0n];
  const signed = [0n, 0n];
  const charges = [0n, 0n];
  const received = new Map<string, number>();
  const isOver = new Set<string>();
  let book = createBook(store.load(0) as BuyerState, budget, nowMs);

  const callFor = (job: number): CallRow => callOf(job + 1, job % 2);
  const promise = (job: number, tokens: number): void => {
    const channel = job % 2;
    const verdict = book.promise(callFor(job), tokens);
    if (!verdict.ok) return;
    save(verdict.value.change);
    const { maxClaimable, call } = verdict.value;
    signed[channel] =
      maxClaimable > (signed[channel] ?? 0n) ? maxClaimable : (signed[channel] ?? 0n);
    expect(maxClaimable).toBeLessThanOrEqual(balances[channel] ?? 0n);
    expect(priceOfTokens(call.tokens)).toBeLessThanOrEqual(budget.jobMax);
    expect(call.reserved).toBe(priceOfTokens(call.tokens));
    expect(call.tokens - (received.get(callKey(call)) ?? 0)).toBeLessThanOrEqual(windowTokens);
    const open = book.openCalls();
    const openSum = open.reduce((sum, { tokens }) => sum + priceOfTokens(tokens), 0n);
    expect(openSum + (charges[0] ?? 0n) + (charges[1] ?? 0n)).toBeLessThanOrEqual(budget.dayMax);
    const seller = open
      .filter(({ channelId }) => channelId === hash(channel))
      .reduce((sum, { tokens }) => sum + priceOfTokens(tokens), charges[channel] ?? 0n);
    expect(seller).toBeLessThanOrEqual(maxClaimable);
  };

  const act: Record<Step['kind'], (step: never) => void> = {
    fund({ channel, amount }: Extract<Step, { kind: 'fund' }>) {
      balances[channel] = (balances[channel] ?? 0n) + BigInt(amount);
      const known = book.channel(hash(channel)) ?? channelOf(channel, 0n);
      save(book.putChannel({ ...known, balance: balances[channel] ?? 0n }));
    },
    start({ job }: { job: number }) {
      const key = callKey(callFor(job));
      if (book.channel(hash(job % 2)) && !book.isOpen(key) && !isOver.has(key)) {
        promise(job, windowTokens);
      }
    },
    extend({ job }: { job: number }) {
      const key = callKey(callFor(job));
      const call = book.call(key);
      if (call?.status === 'running') promise(job, (received.get(key) ?? 0) + windowTokens);
    },
    receive({ job, part }: { job: number; part: number }) {
      const key = callKey(callFor(job));
      if (!book.isOpen(key)) return;
      const got = received.get(key) ?? 0;
      const covered = book.call(key)?.tokens ?? 0;
      received.set(key, got + Math.floor(((covered - got) * part) / 100));
    },
    settle({ job, part }: { job: number; part: number }) {
      const key = callKey(callFor(job));
      const call = book.call(key);
      if (!call || !book.isOpen(key)) return;
      const charged = (call.reserved * BigInt(part)) / 100n;
      save(book.settle(key, endOf(charged)));
      charges[job % 2] = (charges[job % 2] ?? 0n) + charged;
      isOver.add(key);
    },
    refuse({ job }: { job: number }) {
      const key = callKey(callFor(job));
      if (book.isOpen(key) && (received.get(key) ?? 0) === 0) save(book.release(key));
    },
    crash() {
      book = createBook(store.load(0) as BuyerState, budget, nowMs);
    },
  };
  return (step: Step): void => {
    act[step.kind](step as never);
    for (const channel of [0, 1]) {
      const row = book.channel(hash(channel));
      if (!row) continue;
      expect(row.signedMax).toBe(signed[channel]);
      expect(row.settled).toBe(charges[channel]);
      expect(row.signedMax).toBeLessThanOrEqual(row.balance);
    }
    expect(book.spentToday()).toBe((charges[0] ?? 0n) + (charges[1] ?? 0n));
  };
}

describe('the books of a buyer, in any order of jobs, vouchers, receipts and crashes', () => {
  it('never promise beyond balance or budget, never forget what was signed, and keep k tokens at risk', () => {
    const amounts = fc.record({ jobMax: fc.integer({ min: 50, max: 400 }), dayMax: fc.nat(2_000) });
    fc.assert(
      fc.property(steps, amounts, (all, { jobMax, dayMax }) => {
        const run = createRun({ jobMax: BigInt(jobMax), dayMax: BigInt(dayMax) });
        run({ kind: 'fund', channel: 0, amount: 300 });
        for (const step of all) run(step);
      }),
      { numRuns: 300 },
    );
  });
});
