import { fullCharge, type Hex } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acknowledgeTokens } from './acknowledge-tokens.ts';
import { admitJob } from './admit-job.ts';
import { type ChannelRecord, type JobRecord, observeChannel, recordOf } from './channel-record.ts';
import { extendJob, type TopUp } from './extend-job.ts';
import { deliverTokens, endJob } from './meter-job.ts';
import {
  acknowledgement,
  channel,
  offer,
  request,
  seller,
  topUp,
} from './testing/channel-fixture.ts';

type Step =
  | { type: 'admit'; job: number; from: number; tokens: number; cap: number }
  | { type: 'extend'; job: number; tokens: number; cap: number }
  | { type: 'deliver'; job: number; tokens: number }
  | { type: 'end'; job: number; outcome: 'complete' | 'limit' | 'client_abort' | 'provider_error' }
  | { type: 'acknowledge'; job: number; tokens: number }
  | { type: 'claim' }
  | { type: 'withdraw'; amount: number };

const job = fc.nat(3);
const tokens = fc.integer({ min: 1, max: 40 });
const cap = fc.integer({ min: 0, max: 400 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      type: fc.constant('admit' as const),
      job,
      from: fc.constantFrom(0, 0, 25),
      tokens,
      cap,
    }),
    fc.record({ type: fc.constant('extend' as const), job, tokens, cap }),
    fc.record({ type: fc.constant('deliver' as const), job, tokens }),
    fc.record({
      type: fc.constant('end' as const),
      job,
      outcome: fc.constantFrom('complete', 'limit', 'client_abort', 'provider_error'),
    }),
    fc.record({
      type: fc.constant('acknowledge' as const),
      job,
      tokens: fc.integer({ min: -1, max: 20 }),
    }),
    fc.record({ type: fc.constant('claim' as const) }),
    fc.record({ type: fc.constant('withdraw' as const), amount: fc.nat(60) }),
  ),
  { maxLength: 30 },
);

const jobIdAt = (index: number): Hex => request({ key: `job-${index}` }).jobId;

/** What happened besides the books: every cap the buyer ever signed, and the jobs that ended. */
interface History {
  readonly signed: bigint[];
  readonly ended: Map<Hex, JobRecord>;
}

const prefixHash = 'ab'.repeat(32);

/** One step of the world. */
function advance(record: ChannelRecord, step: Step, { signed, ended }: History): ChannelRecord {
  if (step.type === 'claim') {
    return observeChannel(record, { ...record.channel, totalClaimed: record.charged }).record;
  }
  if (step.type === 'withdraw') {
    const { balance, totalClaimed } = record.channel;
    const left = balance - BigInt(step.amount);
    const lowered = left < totalClaimed ? totalClaimed : left;
    return observeChannel(record, { ...record.channel, balance: lowered }).record;
  }
  const jobId = jobIdAt(step.job);
  const live = record.jobs.get(jobId);
  if (step.type === 'admit') {
    if (live) return record;
    const key = `job-${step.job}`;
    const cap = BigInt(step.cap);
    const resume = step.from > 0 ? { resume: { from: step.from, prefixHash } } : {};
    signed.push(cap);
    const asked = request({ key, cap, tokens: step.from + step.tokens, ...resume });
    const verdict = admitJob(seller, record, asked);
    return verdict.ok && verdict.value.kind === 'admitted' ? verdict.value.record : record;
  }
  if (step.type === 'extend') {
    signed.push(BigInt(step.cap));
    const verdict = extendJob(seller, record, topUp(jobId, step.tokens, BigInt(step.cap)));
    return verdict.ok ? verdict.value.record : record;
  }
  if (step.type === 'acknowledge') {
    const dead = ended.get(jobId);
    if (!dead) return record;
    const asked = acknowledgement(dead, dead.delivered + step.tokens);
    const verdict = acknowledgeTokens(seller, record, asked);
    if (!verdict.ok) return record;
    ended.set(jobId, verdict.value.job);
    expect(dead.outcome).toBe('provider_error');
    expect(verdict.value.record.charged - record.charged).toBe(BigInt(step.tokens));
    return verdict.value.record;
  }
  if (!live) return record;
  if (step.type === 'end') {
    const end = { outcome: step.outcome, promptTokens: 9, isLate: false };
    const settled = endJob(record, jobId, end);
    ended.set(jobId, settled.job);
    return settled.record;
  }
  const outputTokens = Math.min(step.tokens, live.tokensCovered - live.delivered);
  return deliverTokens(record, jobId, { outputTokens, promptTokens: 9 }).record;
}

describe('admission over any sequence of events', () => {
  it('keeps its books and never charges above what was signed', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const signed: bigint[] = [0n];
        const history = { signed, ended: new Map<Hex, JobRecord>() };
        let record = recordOf(channel({ balance: 300n }));
        for (const step of sequence) {
          const before = record.charged;
          record = advance(record, step, history); // every transition asserts the invariant
          const most = signed.reduce((a, b) => (a > b ? a : b));
          expect(record.charged + record.reserved <= most).toBe(true);
          expect(record.charged + record.reserved <= record.channel.balance).toBe(true);
          if (step.type !== 'withdraw') expect(record.charged >= before).toBe(true);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('gives the same books for parallel top-ups in any order, and nothing for replays', () => {
    const widths = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 3, maxLength: 3 });
    const order = fc.shuffledSubarray([0, 1, 2, 0, 1, 2], { minLength: 6, maxLength: 6 });
    fc.assert(
      fc.property(widths, order, (extra, arrival) => {
        const { start, vouchers } = parallelJobs(extra);
        const expected = applyAll(start, vouchers);
        const shuffled = arrival.map((index) => vouchers[index]).filter((row) => row !== undefined);
        expect(applyAll(start, shuffled)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});

/** Three jobs on one channel, and a top-up for each in the order the buyer signed them. */
function parallelJobs(extra: readonly number[]): { start: ChannelRecord; vouchers: TopUp[] } {
  let start = recordOf(channel());
  let signed = 0n;
  for (const index of [0, 1, 2]) {
    signed += 33n;
    const verdict = admitJob(seller, start, request({ key: `job-${index}`, cap: signed }));
    if (!verdict.ok || verdict.value.kind !== 'admitted') throw new Error('not admitted');
    start = verdict.value.record;
  }
  const vouchers = extra.map((more, index) => {
    const usage = { promptTokens: 10, outputTokens: 16 };
    const wider = { ...usage, outputTokens: 16 + more };
    signed += fullCharge(offer.price, wider) - fullCharge(offer.price, usage);
    return topUp(jobIdAt(index), 16 + more, signed);
  });
  return { start, vouchers };
}

function applyAll(start: ChannelRecord, vouchers: readonly TopUp[]): ChannelRecord {
  return vouchers.reduce((record, voucher) => {
    const verdict = extendJob(seller, record, voucher);
    if (!verdict.ok) throw new Error(verdict.code);
    return verdict.value.record;
  }, start);
}
