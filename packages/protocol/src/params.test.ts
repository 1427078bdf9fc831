import { describe, expect, it } from 'vitest';
import { genesisFromJson } from './endpoints/genesis-json.ts';
import { unwrap } from './errors.ts';
import { networkFromGenesis } from './network.ts';
import {
  auditDefaults,
  auditParamsOf,
  type ChainParams,
  changeParams,
  devnetParams,
  feeOf,
  paramsFaultOf,
} from './params.ts';
import { type LateKind, lateKinds } from './tx-kinds.ts';

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
    [{ auditDepositMin: '-1' }, 'auditDepositMin is no amount'],
    [{ auditSlashBps: 10_001 }, 'auditSlashBps is no whole number'],
    [{ auditVoteMs: 0 }, 'auditVoteMs is no whole number'],
    [{ fees: { ...devnetParams.fees, audit_open: 'x' } }, 'fees.audit_open is no amount'],
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

describe('parameters of audits', () => {
  it('have values in documents that are older than they are', () => {
    for (const name of Object.keys(auditDefaults)) expect(devnetParams).not.toHaveProperty(name);
    expect(auditParamsOf(devnetParams)).toEqual({
      ...{ depositMinNait: 1_000_000_000n, slashBps: 2_000, voteMs: 600_000 },
      receiptAgeMs: devnetParams.unbondingMs / 2,
    });
    expect(auditParamsOf(devnetParams).voteMs * 6).toBeLessThanOrEqual(devnetParams.unbondingMs);
    for (const kind of Object.keys(lateKinds)) {
      expect(devnetParams.fees).not.toHaveProperty(kind);
      expect(feeOf(devnetParams, kind as LateKind)).toBe('1000');
    }
  });

  it('can be voted for like the others, their fees too', () => {
    const changes = [
      { name: 'auditDepositMin', value: '7' },
      { name: 'auditVoteMs', value: '9000' },
      { name: 'fees.audit_open', value: '5' },
    ];
    const changed = unwrap(changeParams(devnetParams, changes));
    expect(auditParamsOf(changed)).toMatchObject({ depositMinNait: 7n, voteMs: 9_000 });
    expect(feeOf(changed, 'audit_open')).toBe('5');
    const unknown = { name: 'fees.audit', value: '5' };
    expect(changeParams(devnetParams, [unknown])).toMatchObject({ code: 'PARAM_INVALID' });
  });

  it('come with the genesis document or do not, and its hash follows', () => {
    const genesis = { network: 'x', timeMs: 1, accounts: [], validators: [], params: devnetParams };
    const validators = [{ publicKey: 'ab'.repeat(32), stake: '1' }];
    const plain = genesisFromJson({ ...genesis, validators });
    expect(plain.params).toEqual(devnetParams);
    const params = { ...devnetParams, auditVoteMs: 600_000 };
    const named = genesisFromJson({ ...genesis, validators, params });
    expect(networkFromGenesis(named).genesisHash).not.toBe(networkFromGenesis(plain).genesisHash);
    const { transfer: _transfer, ...fees } = devnetParams.fees;
    const broken = { ...genesis, validators, params: { ...devnetParams, fees } };
    expect(() => genesisFromJson(broken)).toThrow('fees.transfer');
  });
});
