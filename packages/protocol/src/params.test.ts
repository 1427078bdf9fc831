import { describe, expect, it } from 'vitest';
import { type ChainParams, changeParams, devnetParams, paramsFaultOf } from './params.ts';

const faultWith = (changes: Partial<ChainParams>) => paramsFaultOf({ ...devnetParams, ...changes });

describe('parameters', () => {
  it('of a devnet are sound', () => {
    expect(paramsFaultOf(devnetParams)).toBeUndefined();
  });

  it.each([
    [{ fees: { ...devnetParams.fees, transfer: 'x' } }, 'fees.transfer is no amount'],
    [{ validatorStakeMin: '1.5' }, 'validatorStakeMin is no amount'],
    [{ epochBlocks: 0 }, 'epochBlocks is no whole number'],
    [{ jailMs: 0.5 }, 'jailMs is no whole number'],
    [{ jailMs: 2 ** 52 }, 'jailMs is no whole number'],
    [{ evidenceRewardBps: 10_001 }, 'evidenceRewardBps is no whole number'],
    [{ missedViewsMax: 0 }, 'missedViewsMax is no whole number'],
    [{ hopMinMs: 200, hopMaxMs: 100 }, 'hopMaxMs is below hopMinMs'],
  ] as [Partial<ChainParams>, string][])('with %o are not sound', (changes, fault) => {
    expect(faultWith(changes)).toMatch(fault);
  });

  it('change one by one and are judged as a whole', () => {
    const crossed = [
      { name: 'hopMinMs', value: '9000' },
      { name: 'hopMaxMs', value: '10000' },
      { name: 'fees.transfer', value: '5' },
    ];
    expect(changeParams(devnetParams, crossed)).toStrictEqual({
      ok: true,
      value: {
        ...devnetParams,
        hopMinMs: 9_000,
        hopMaxMs: 10_000,
        fees: { ...devnetParams.fees, transfer: '5' },
      },
    });
    expect(changeParams(devnetParams, crossed.slice(0, 1))).toMatchObject({
      code: 'PARAM_INVALID',
      facts: { name: 'hopMinMs', value: '9000' },
    });
    expect(changeParams(devnetParams, [])).toStrictEqual({ ok: true, value: devnetParams });
  });
});
