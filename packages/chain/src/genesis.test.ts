import {
  AppError,
  devnetParams,
  type Genesis,
  type GenesisValidator,
  networkFromGenesis,
} from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { validatorsOfState } from './epoch/validator-set.ts';
import { genesisBlock, genesisWrites, supplyOf } from './genesis.ts';
import { validatorOf } from './state.ts';
import { actorOf, genesisOf } from './testing/world.ts';

const genesis = genesisOf(3);

function reasonOf(changes: Partial<Genesis>): unknown {
  try {
    genesisBlock({ ...genesis, ...changes });
    return 'none';
  } catch (error) {
    if (error instanceof AppError && error.code === 'CONFIG_INVALID') return error.facts.reason;
    return error;
  }
}

describe('the genesis block', () => {
  it('has height 0, the state of the document, and a hash that binds the document', () => {
    const { header, hash, writes, tree } = genesisBlock(genesis);
    expect(header).toMatchObject({ height: 0, view: 0, timeMs: genesis.timeMs });
    expect(header.stateRoot).toBe(tree.root());
    expect(tree.size()).toBe(7);
    expect([...writes.keys()].map((key) => tree.indexOf(key))).toStrictEqual([1, 2, 3, 4, 5, 6]);
    const later = genesisBlock({ ...genesis, timeMs: genesis.timeMs + 1 });
    expect(later.hash).not.toBe(hash);
    expect(header.chain).toBe(networkFromGenesis(genesis).chain);
  });

  it('is refused with parameters that are no amounts or no times', () => {
    const fees = { ...devnetParams.fees, transfer: '-1' };
    expect(reasonOf({ params: { ...devnetParams, fees } })).toMatch('transfer is no amount');
    expect(reasonOf({ params: { ...devnetParams, feePerRow: '1.5' } })).toMatch('feePerRow');
    expect(reasonOf({ params: { ...devnetParams, providerBondMin: 'x' } })).toMatch('BondMin');
    expect(reasonOf({ params: { ...devnetParams, unbondingMs: -1 } })).toMatch('unbondingMs');
    expect(reasonOf({ timeMs: 0.5 })).toMatch('timeMs is no time');
    expect(reasonOf({ timeMs: 2 ** 52 })).toMatch('timeMs is no time');
  });

  it('is refused with no validator, a double one, a key that cannot sign or no stake', () => {
    const one = { publicKey: actorOf(200).id, stake: '5' };
    expect(reasonOf({ validators: [] })).toMatch('0 validators');
    expect(reasonOf({ validators: [one, one] })).toMatch('twice');
    expect(reasonOf({ validators: [{ ...one, publicKey: '00'.repeat(32) }] })).toMatch(
      'cannot sign',
    );
    expect(reasonOf({ validators: [{ ...one, publicKey: 'zz' }] })).toMatch('cannot sign');
    expect(reasonOf({ validators: [{ ...one, stake: '0' }] })).toMatch('no amount');
  });
});

describe('a genesis document', () => {
  const codeOf = (run: () => unknown): unknown => {
    try {
      run();
      return 'none';
    } catch (error) {
      return error instanceof AppError ? error.code : error;
    }
  };

  it('gives each validator an owner: the one it names, or the account with its key', () => {
    const owner = { publicKey: actorOf(200).id, stake: '7', owner: genesis.accounts[0]?.address };
    const alone = { publicKey: actorOf(201).id, stake: '9' };
    const writes = genesisWrites({ ...genesis, validators: [owner, alone] as GenesisValidator[] });
    const ownerOf = (id: string) => validatorOf(writes, id)?.owner;
    expect([ownerOf(owner.publicKey), ownerOf(alone.publicKey)]).toStrictEqual([
      actorOf(1).id,
      alone.publicKey,
    ]);
    expect(validatorsOfState(writes)).toStrictEqual([
      { publicKey: alone.publicKey, stake: 9n },
      { publicKey: owner.publicKey, stake: 7n },
    ]);
    const wrong = { ...alone, owner: 'ait1x' };
    expect(codeOf(() => genesisWrites({ ...genesis, validators: [wrong] }))).toBe(
      'ADDRESS_INVALID',
    );
  });

  it('becomes entries in key order; balances and stakes are the supply', () => {
    const genesis = genesisOf(5);
    const keys = [...genesisWrites(genesis).keys()];
    expect(keys).toStrictEqual(keys.toSorted());
    expect(keys).toHaveLength(8);
    expect(supplyOf(genesis)).toBe(6_000_000_000_000n);
  });

  it('is refused with a double account, a bad amount, a bad address or too many coins', () => {
    const genesis = genesisOf(2);
    const [first] = genesis.accounts;
    if (!first) throw new RangeError('no account');
    const withAccounts = (...accounts: { address: string; balance: string }[]) => {
      return codeOf(() => genesisWrites({ ...genesis, accounts }));
    };
    expect(withAccounts(first, first)).toBe('CONFIG_INVALID');
    expect(withAccounts({ ...first, balance: '1.5' })).toBe('CONFIG_INVALID');
    expect(withAccounts({ ...first, address: 'ait1x' })).toBe('ADDRESS_INVALID');
    const half = { balance: (2n ** 63n).toString() };
    const second = genesis.accounts[1] ?? first;
    expect(withAccounts({ ...first, ...half }, { ...second, ...half })).toBe('CONFIG_INVALID');
    const most = { balance: (2n ** 64n - 1n).toString() }; // with the stakes it is too much
    expect(withAccounts({ ...first, ...most })).toBe('CONFIG_INVALID');
  });
});
