/**
 * What a side can lose when the other one vanishes, as a property of the two books alone: the buyer's (sdk) and the seller's
 * (market), joined by nothing but signed vouchers, receipts and tokens that take their time. Thousands of random
 * courses: any window, any price, any order of deliveries, and an end at any step.
 *
 *   a buyer never owes more than what arrived and k tokens, and has signed no more than that
 *   a seller has never delivered more than k tokens, and the prompt, without a receipt; nothing without a voucher
 */
import {
  admitJob,
  type ChannelRecord,
  claimRowOf,
  deliverTokens,
  endJob,
  extendJob,
  type JobRecord,
  recordOf,
} from '@aitbc/market';
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  addressOf,
  type ChannelState,
  channelIdOf,
  fullCharge,
  type Hex,
  jobIdOf,
  networkFromHash,
  type Price,
  type SignedOffer,
  signVoucher,
  startContext,
  topUpContext,
  unwrap,
} from '@aitbc/protocol';
import type { CallRow } from '@aitbc/sdk';
import { createBook } from '@aitbc/sdk/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';

const runs = 10_000;
const balance = 10n ** 15n;
const network = networkFromHash('loss-bound', 'ab'.repeat(32));
const buyerKey = keyPairFromSeed(new Uint8Array(32).fill(1));
const sellerKey = keyPairFromSeed(new Uint8Array(32).fill(2));
const hash = (byte: number): Hex => hex(new Uint8Array(32).fill(byte));
const config = {
  payer: hash(3),
  payerAuthorizer: hex(buyerKey.publicKey),
  receiver: hash(4),
  receiverAuthorizer: hex(sellerKey.publicKey),
  withdrawDelayMs: 3_600_000,
  salt: hash(5),
};
const channelId = channelIdOf(network, config);
const seller = { network, provider: hash(4), authorizer: config.receiverAuthorizer };
const provider = addressOf(hash(4));
const bodyDigest = hash(6);
const offerId = hash(7);

const amount = (max: bigint) => fc.bigInt({ min: 0n, max });
const price = fc.record({
  inputPerMTok: amount(10n ** 10n),
  outputPerMTok: amount(10n ** 10n),
  perRequest: amount(10n ** 6n),
});

/** What may happen next; numbers are tokens. */
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('deliver'), most: fc.integer({ min: 1, max: 70 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('arrive'), most: fc.integer({ min: 1, max: 70 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ type: 'pay', most: 0 }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const course = fc.record({
  price,
  windowTokens: fc.integer({ min: 4, max: 64 }),
  maxTokens: fc.integer({ min: 1, max: 300 }),
  promptTokens: fc.integer({ min: 0, max: 500 }),
  promptSlack: fc.integer({ min: 0, max: 500 }),
  /** Jobs before this one on the same channel, each complete after so many tokens. */
  earlier: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 2 }),
  steps: fc.array(step, { maxLength: 60 }),
  vanishes: fc.constantFrom('buyer', 'seller', 'line'),
});
type Course = typeof course extends fc.Arbitrary<infer T> ? T : never;

/** Both sides of one job. */
interface World {
  readonly course: Course;
  readonly book: ReturnType<typeof createBook>;
  readonly call: CallRow;
  readonly jobId: Hex;
  record: ChannelRecord;
  /** Tokens that left the seller, and of those that a receipt has; tokens that arrived. */
  sent: number;
  received: number;
}

function bookOf(): ReturnType<typeof createBook> {
  const channel = {
    ...{ channelId, provider, receiverAuthorizer: config.receiverAuthorizer },
    ...{ withdrawDelayMs: config.withdrawDelayMs, salt: config.salt, status: 'open' as const },
    ...{ balance, settled: 0n, signedMax: 0n },
  };
  const budget = { jobMax: balance, dayMax: balance };
  return createBook({ channels: [channel], calls: [], spend: undefined }, budget, () => 0);
}

function callOf({ price, promptTokens, promptSlack }: Course, jobId: Hex): CallRow {
  const sums = Object.entries(price).map(([name, value]) => [name, `${value}`]);
  const payload = { price: Object.fromEntries(sums) };
  return {
    ...{ jobId, channelId, provider, model: 'm', bodyDigest, from: 0, prefixHash: null, tokens: 0 },
    ...{ offer: { payload } as unknown as SignedOffer, promptBound: promptTokens + promptSlack },
    ...{ reserved: 0n, status: 'running', outcome: 'running', promptTokens: 0, outputTokens: 0 },
    ...{
      idempotencyKey: 'k',
      charged: 0n,
      startedAtMs: 0,
      firstTokenMs: null,
      durationMs: 0,
      tail: null,
    },
  };
}

const channelState: ChannelState = {
  ...{ ...config, channelId, balance, totalClaimed: 0n, withdrawAmount: 0n, withdrawDueMs: 0 },
  ...{ refundNonce: 0, closed: false },
};

/** Begins a job: the buyer promises a window, the seller admits. */
function begin(course: Course, base: Pick<World, 'book' | 'record'>, key: string): World {
  const { windowTokens, maxTokens, price } = course;
  const jobId = jobIdOf(network, { payer: config.payer, idempotencyKey: key, bodyDigest });
  const call = callOf(course, jobId);
  const tokens = Math.min(windowTokens, maxTokens);
  const { maxClaimable } = unwrap(base.book.promise(call, tokens));
  const context = startContext(network, { offerId, jobId, bodyDigest, tokens });
  const { signature } = signVoucher(
    network,
    { channelId, maxClaimable, context },
    buyerKey.secretKey,
  );
  const offer = { offerId, price, withdrawDelayMsMin: 1_000, jobMax: balance };
  const { promptBound } = call;
  const voucher = { offerId, channelId, tokens, maxClaimable, signature };
  const asked = {
    jobId,
    offer,
    known: undefined,
    bodyDigest,
    promptBound,
    mirrorAgeMs: 0,
    voucher,
  };
  const admission = unwrap(admitJob(seller, base.record, asked));
  if (admission.kind !== 'admitted') throw new Error('the job is known');
  return { course, call, jobId, book: base.book, record: admission.record, sent: 0, received: 0 };
}

const jobOf = ({ record, jobId }: World): JobRecord => {
  const job = record.jobs.get(jobId);
  if (!job) throw new Error('the job is gone');
  return job;
};

/** The seller sends what is covered and signs at every window. */
function deliver(world: World, most: number): void {
  const { windowTokens, maxTokens, promptTokens } = world.course;
  const { tokensCovered } = jobOf(world);
  for (let at = 0; at < most && world.sent < Math.min(tokensCovered, maxTokens); at += 1) {
    world.sent += 1;
    const unsigned = world.sent - jobOf(world).delivered;
    if (unsigned < windowTokens) continue;
    const delivery = { outputTokens: unsigned, promptTokens };
    world.record = deliverTokens(world.record, world.jobId, delivery).record;
  }
}

/** The buyer pays for the next window when fewer than half of one is left. */
function pay(world: World): void {
  const { windowTokens, maxTokens } = world.course;
  const { book, call, jobId, received } = world;
  const covered = book.call(jobId + channelId)?.tokens ?? 0;
  const tokens = Math.min(maxTokens, received + windowTokens);
  if (tokens <= covered || received < covered - windowTokens / 2) return;
  const { maxClaimable } = unwrap(book.promise(call, tokens));
  const context = topUpContext(network, jobId, tokens);
  const { signature } = signVoucher(
    network,
    { channelId, maxClaimable, context },
    buyerKey.secretKey,
  );
  const topUp = { jobId, channelId, tokens, maxClaimable, signature, jobMax: balance };
  world.record = unwrap(extendJob(seller, world.record, topUp)).record;
}

function play(world: World, steps: readonly Step[]): void {
  for (const { type, most } of steps) {
    if (type === 'deliver') deliver(world, most);
    else if (type === 'arrive') world.received = Math.min(world.sent, world.received + most);
    else pay(world);
    expectSmallExposure(world);
  }
}

/** Holds at every step, whoever vanishes now. */
function expectSmallExposure({ course, book, record, sent, received, ...world }: World): void {
  const { windowTokens, price, promptTokens, promptSlack } = course;
  const promptBound = promptTokens + promptSlack;
  const most = fullCharge(price, {
    promptTokens: promptBound,
    outputTokens: received + windowTokens,
  });
  const row = book.channel(channelId);
  const signed = (row?.signedMax ?? 0n) - (row?.settled ?? 0n);
  expect(signed <= most, 'the buyer signed for what arrived and a window').toBe(true);
  const job = jobOf({ course, book, record, sent, received, ...world });
  expect(sent - job.delivered, 'the seller delivered without a receipt').toBeLessThan(windowTokens);
  expect(sent, 'nothing goes out uncovered').toBeLessThanOrEqual(job.tokensCovered);
}

const outcomes = { buyer: 'client_abort', line: 'client_abort', seller: 'provider_error' } as const;

/** The end of the job at the seller, who finds out; a seller that vanished comes back with its receipts alone. */
function vanish(world: World): { readonly charged: bigint; readonly signedTokens: number } {
  const { vanishes, promptTokens } = world.course;
  const outcome = outcomes[vanishes];
  const outputTokens = vanishes === 'seller' ? 0 : world.sent - jobOf(world).delivered;
  const end = { outcome, outputTokens, promptTokens, isLate: false };
  const { record, job } = endJob(world.record, world.jobId, end);
  world.record = record;
  return { charged: job.charged, signedTokens: job.delivered };
}

function expectSmallLoss(world: World): void {
  const { price, windowTokens, promptTokens, vanishes } = world.course;
  const { charged, signedTokens } = vanish(world);
  const tokenPrice = (count: number) => priceOfTokens(price, count);
  const asked = vanishes === 'seller' ? 0n : priceOfPrompt(price, promptTokens);
  const most = tokenPrice(world.received + windowTokens) + asked;
  expect(charged <= most, 'the buyer owes what arrived and a window').toBe(true);
  expect(world.sent - signedTokens).toBeLessThan(windowTokens);
  const least = tokenPrice(Math.max(world.sent - windowTokens, 0));
  expect(charged >= least, 'the seller is paid for all but a window').toBe(true);
  const row = claimRowOf(world.record);
  const due = world.record.charged;
  expect(
    row === undefined ? due === 0n : row.totalClaimed === due,
    'all of it can be claimed',
  ).toBe(true);
}

const priceOfTokens = (price: Price, outputTokens: number): bigint =>
  fullCharge({ ...price, perRequest: 0n }, { promptTokens: 0, outputTokens });
const priceOfPrompt = (price: Price, promptTokens: number): bigint =>
  fullCharge(price, { promptTokens, outputTokens: 0 });

/** A small job that completes, with its bill in both books. */
function complete(course: Course, base: Pick<World, 'book' | 'record'>, at: number) {
  const tokens = course.earlier[at] ?? 1;
  const { promptTokens } = course;
  const small = { ...course, maxTokens: tokens, windowTokens: tokens };
  const world = begin(small, base, `earlier-${at}`);
  const end = { outcome: 'complete' as const, outputTokens: tokens, promptTokens };
  const ended = endJob(world.record, world.jobId, { ...end, isLate: false });
  const { charged } = ended.job;
  base.book.settle(world.jobId + channelId, { ...end, charged, firstTokenMs: 0, durationMs: 0 });
  return { book: base.book, record: ended.record };
}

it('is a window of tokens at most, wherever in a job the other side vanishes', () => {
  const property = fc.property(course, (all) => {
    let base = { book: bookOf(), record: recordOf(channelState) };
    for (const at of all.earlier.keys()) base = complete(all, base, at);
    const before = base.record.charged;
    const world = begin(all, base, 'the job');
    expectSmallExposure(world);
    play(world, all.steps);
    expect(world.record.charged >= before).toBe(true);
    expectSmallLoss(world);
  });
  fc.assert(property, { numRuns: runs });
});
