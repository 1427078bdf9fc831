import { AppError, devnetParams, type Genesis, networkFromGenesis } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { genesisBlock } from './genesis.ts';
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
    expect(tree.size()).toBe(3);
    expect([...writes.keys()].map((key) => tree.indexOf(key))).toStrictEqual([0, 1, 2]);
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
