/**
 * A thief with a sub-key tries everything it can. The owner grants anew, takes money out and, in the end, revokes.
 */
import type { ErrorCode } from '@aitbc/protocol';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  allocationTo,
  begin,
  buy,
  claim,
  collude,
  colluder,
  end,
  extend,
  give,
  type Heist,
  honest,
  type LiveJob,
  mandateOf,
  owner,
  promisedAtHonest,
  refund,
  type Terms,
  thief,
  vaultNait,
  windowMaxNait,
  windowMs,
  withdraw,
} from './testing/heist.ts';

/** What happened over all sequences: a test whose thief never gets anything shows nothing. */
const seen = new Map<string, number>();
const note = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);

const terms: fc.Arbitrary<Terms> = fc.record({
  totalMaxNait: fc.oneof(fc.bigInt(0n, 600n), fc.bigInt(2_000n, 6_000n)),
  jobMaxNait: fc.constantFrom(0n, 30n, 60n, 200n),
  models: fc.constantFrom([], [{ model: 'sold' }]),
  receivers: fc.constantFrom([], [], [], [{ receiver: honest.id }], [{ receiver: colluder.id }]),
  allows: fc.constantFrom(1, 3, 3),
  blocks: fc.constantFrom(1_000, 1_000, 10),
});

const place = fc.record({ toHonest: fc.boolean(), salt: fc.nat({ max: 2 }) });
const job = fc.nat({ max: 3 });
const tokens = fc.integer({ min: 1, max: 90 });
const amount = fc.bigInt(1n, 500n);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('fund'), place, amount }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('transfer'), toColluder: fc.boolean(), amount }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      type: fc.constant('buy'),
      ...{ job, tokens, salt: fc.nat({ max: 2 }), model: fc.constantFrom('sold', 'other') },
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('extend'), job, tokens }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('end'), job, tokens }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('claim') }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('collude'), salt: fc.nat({ max: 2 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('refund'), place, amount }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('withdraw'), place, amount }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('thiefWithdraws'), place, amount }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('grant'), terms }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('blocks'), count: fc.nat({ max: 12 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('wait'),
      ms: fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 2_500 })),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
/** What an honest provider must have asked the mandate, looked up on the chain itself. */
function expectAllowed(heist: Heist, job: LiveJob | undefined): void {
  if (!job) return;
  const { jobId, channelId, model } = job;
  const mandate = mandateOf(heist);
  const record = heist.books.get(channelId)?.jobs.get(jobId);
  const promised = (record?.charged ?? 0n) + (record?.reserved ?? 0n);
  expect(promised).toBeGreaterThan(0n);
  expect(mandate.revoked).toBe(false);
  expect(heist.chain.height()).toBeLessThanOrEqual(mandate.expiresAtHeight);
  if (mandate.jobMaxNait > 0n) expect(promised).toBeLessThanOrEqual(mandate.jobMaxNait);
  const names = mandate.models.map((row) => row.model);
  if (names.length > 0) expect(names).toContain(model);
  const receivers = mandate.receivers.map(({ receiver }) => receiver);
  if (receivers.length > 0) expect(receivers).toContain(honest.id);
}

async function take(heist: Heist, one: Step): Promise<void> {
  const { chain } = heist;
  switch (one.type) {
    case 'fund': {
      const allocation = allocationTo(one.place.toHonest, one.place.salt, one.amount);
      return noteSent(
        'fund',
        chain.send('mandate_fund', thief, { owner: owner.id, ...allocation }),
      );
    }
    case 'transfer': {
      const to = one.toColluder ? colluder.id : thief.id;
      const body = { owner: owner.id, to, amount: one.amount };
      return noteSent('transfer', chain.send('mandate_transfer', thief, body));
    }
    case 'buy':
      return expectAllowed(heist, await buy(heist, one));
    case 'extend':
      return expectAllowed(heist, extend(heist, one.job, one.tokens));
    case 'end':
      return end(heist, one.job, one.tokens);
    case 'claim':
      return claim(heist);
    case 'collude':
      return collude(heist, one.salt);
    case 'refund':
      return refund(heist, one.place, one.amount);
    case 'withdraw':
      return withdraw(heist, owner, [one.place, one.amount]);
    case 'thiefWithdraws':
      return withdraw(heist, thief, [one.place, one.amount]);
    case 'grant':
      if (!heist.isRevoked) give(heist, one.terms);
      return;
    case 'blocks':
      for (let more = one.count; more > 0; more -= 1) {
        chain.send('transfer', honest, { to: colluder.id, amount: 1n, memo: '' });
      }
      return;
    case 'wait':
      chain.advance(one.ms);
  }
}

function noteSent(what: string, code: ErrorCode | undefined): void {
  note(code === undefined ? `${what} done` : `${what} ${code}`);
}

/** What a thief tries first when it hears of the revocation. */
const hasty: readonly Step[] = [
  ...[0, 1, 2, 3].map((at) => ({ type: 'extend' as const, job: at, tokens: 1 })),
  ...[0, 1].map((salt) => ({
    ...{ type: 'buy' as const, job: 9, tokens: 1, salt, model: 'sold' as const },
  })),
  { type: 'fund', place: { toHonest: true, salt: 0 }, amount: 1n },
  { type: 'transfer', toColluder: true, amount: 1n },
];

describe('a stolen sub-key', () => {
  afterAll(() => {
    for (const what of expected) expect(seen.get(what) ?? 0, what).toBeGreaterThan(0);
  });
  const expected = [
    ...['admitted', 'extended', 'fund done', 'transfer done', 'claim done', 'colluded', 'refunded'],
    ...['admit MANDATE_EXCEEDED', 'extend MANDATE_EXCEEDED', 'admit MANDATE_FORBIDDEN'],
    ...['admit MANDATE_REVOKED', 'extend MANDATE_REVOKED', 'fund MANDATE_REVOKED'],
    ...[
      'admit MANDATE_EXPIRED',
      'fund MANDATE_EXPIRED',
      'fund MANDATE_EXCEEDED',
      'fund MANDATE_FORBIDDEN',
      'transfer MANDATE_REVOKED',
      'withdrawing',
    ],
  ];

  it('costs no more than its limits, no job more than its bound, and buys nothing once it is revoked', async () => {
    const before = fc.array(step, { minLength: 30, maxLength: 90, size: 'max' });
    const after = fc.array(step, { minLength: 5, maxLength: 30, size: 'max' });
    await fc.assert(
      fc.asyncProperty(terms, before, after, async (granted, earlier, later) => {
        const heist = await begin(granted, note);
        const { chain } = heist;
        const stolenAtMs = chain.timeMs();
        const lost = () => vaultNait - chain.vaultOf(owner.id);
        for (const one of earlier) {
          await take(heist, one);
          const windows = BigInt(Math.floor((chain.timeMs() - stolenAtMs) / windowMs) + 1);
          expect(lost()).toBeLessThanOrEqual(heist.totalMaxNait);
          expect(lost()).toBeLessThanOrEqual(windowMaxNait * windows);
        }
        expect(chain.send('mandate_revoke', owner, { subKey: thief.id })).toBeUndefined();
        heist.isRevoked = true;
        const { spentNait } = mandateOf(heist);
        const admitted = [seen.get('admitted'), seen.get('extended')];
        const lostAtRevocation = lost();
        const atHonest = promisedAtHonest(heist);
        for (const one of [...hasty, ...later]) {
          await take(heist, one);
          expect(lost()).toBeLessThanOrEqual(lostAtRevocation);
          expect(mandateOf(heist).spentNait).toBe(spentNait);
          expect([seen.get('admitted'), seen.get('extended')]).toEqual(admitted);
          expect(promisedAtHonest(heist)).toBeLessThanOrEqual(atHonest);
        }
        heist.mirror.stop();
      }),
      { numRuns: 150 },
    );
  });
});
