import { addressOf, type Mandate } from '@aitbc/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkMandate } from './check-mandate.ts';

const id = (byte: number) => byte.toString(16).padStart(2, '0').repeat(32);
const [owner, subKey, provider, stranger] = [id(1), id(2), id(3), id(4)];

const wide: Mandate = {
  owner,
  subKey,
  channelMaxNait: 1n,
  windowMaxNait: 1n,
  windowMs: 1,
  totalMaxNait: 1n,
  jobMaxNait: 0n,
  receivers: [],
  models: [],
  allowsChannels: true,
  allowsTransfers: false,
  expiresAtHeight: 100,
  revoked: false,
  spentNait: 1n,
  windowStartMs: 0,
  windowSpentNait: 1n,
};
const use = { height: 100, model: 'qwen3:8b', provider, promised: 10n ** 18n };

describe('a mandate at a provider', () => {
  it('allows all that it does not limit, whatever was spent from the vault', () => {
    expect(checkMandate(wide, use)).toBeUndefined();
  });

  it('ends by a revocation and after its last height', () => {
    expect(checkMandate({ ...wide, revoked: true }, use)).toMatchObject({
      code: 'MANDATE_REVOKED',
      facts: { owner: addressOf(owner), subKey: addressOf(subKey) },
    });
    expect(checkMandate(wide, { ...use, height: 101 })).toMatchObject({
      code: 'MANDATE_EXPIRED',
      facts: { expiresAtHeight: 100, height: 101 },
    });
  });

  it('names its models and providers', () => {
    const narrow = { ...wide, models: ['a', 'qwen3:8b'], receivers: [provider] };
    expect(checkMandate(narrow, use)).toBeUndefined();
    const forbidden = { code: 'MANDATE_FORBIDDEN' };
    expect(checkMandate(narrow, { ...use, model: 'qwen3:8' })).toMatchObject(forbidden);
    expect(checkMandate(narrow, { ...use, provider: stranger })).toMatchObject(forbidden);
  });

  it('bounds what one job may promise, to the nait', () => {
    const bounded = { ...wide, jobMaxNait: 50n };
    expect(checkMandate(bounded, { ...use, promised: 50n })).toBeUndefined();
    expect(checkMandate(bounded, { ...use, promised: 51n })).toMatchObject({
      code: 'MANDATE_EXCEEDED',
      facts: { scope: 'job', available: 50n, needed: 51n },
    });
  });

  it('never allows more when it is made narrower', () => {
    const change = fc.record(
      {
        revoked: fc.constant(true),
        expiresAtHeight: fc.nat({ max: 100 }),
        models: fc.subarray(['a', 'b', 'qwen3:8b'], { minLength: 1 }),
        receivers: fc.subarray([provider, stranger], { minLength: 1 }),
        jobMaxNait: fc.bigInt(1n, 60n),
      },
      { requiredKeys: [] },
    );
    const wish = fc.record({
      height: fc.nat({ max: 110 }),
      model: fc.constantFrom('a', 'c', 'qwen3:8b'),
      provider: fc.constantFrom(provider, stranger),
      promised: fc.bigInt(0n, 60n),
    });
    fc.assert(
      fc.property(change, wish, (changes, wanted) => {
        const narrow = { ...wide, ...changes };
        if (checkMandate(narrow, wanted) === undefined) {
          expect(checkMandate(wide, wanted)).toBeUndefined();
        }
        const isAllowed =
          !narrow.revoked &&
          wanted.height <= narrow.expiresAtHeight &&
          (narrow.models.length === 0 || narrow.models.includes(wanted.model)) &&
          (narrow.receivers.length === 0 || narrow.receivers.includes(wanted.provider)) &&
          (narrow.jobMaxNait === 0n || wanted.promised <= narrow.jobMaxNait);
        expect(checkMandate(narrow, wanted) === undefined).toBe(isAllowed);
      }),
    );
  });
});
