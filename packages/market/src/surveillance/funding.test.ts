import { describe, expect, it } from 'vitest';
import { createBounded } from './bounded.ts';
import { createFunding, type Funding } from './funding.ts';

const rules = { hubAccounts: 3, fundingMinNait: 1_000 };

function graph(...transfers: [from: string, to: string, amount: number][]): Funding {
  const funding = createFunding(rules);
  for (const [at, [from, to, amount]] of transfers.entries()) {
    const facts = { kind: 'transfer' as const, from, to, amount: `${amount}` };
    funding.add({ seq: at, atMs: at, txId: `tx${at}`, facts });
  }
  return funding;
}

describe('two accounts', () => {
  it('are tied when one funded the other, or one owner both, at some distance', () => {
    const funding = graph(['owner', 'a', 5_000], ['owner', 'x', 5_000], ['x', 'b', 4_000]);
    expect(funding.tieOf('owner', 'b')).toEqual({
      kind: 'direct',
      owner: 'owner',
      txs: ['tx1', 'tx2'],
    });
    expect(funding.tieOf('a', 'b')).toMatchObject({ kind: 'common', owner: 'owner' });
    expect(funding.tieOf('a', 'stranger')).toBeUndefined();
    const again = createFunding(rules, JSON.parse(JSON.stringify(funding.save())));
    expect(again.tieOf('a', 'b')).toEqual(funding.tieOf('a', 'b'));
  });

  it('are not tied by a faucet, by change, or by dust', () => {
    const faucet = graph(['f', 'a', 5_000], ['f', 'b', 5_000], ['f', 'c', 5_000]);
    expect(faucet.tieOf('a', 'b')).toBeUndefined();
    const named = createFunding({ ...rules, publicSources: ['owner'] });
    for (const to of ['a', 'b']) {
      const facts = { kind: 'transfer' as const, from: 'owner', to, amount: '5000' };
      named.add({ seq: 1, atMs: 1, txId: to, facts });
    }
    expect(named.tieOf('a', 'b')).toBeUndefined();
    const change = graph(['mine', 'b', 100_000], ['a', 'b', 5_000]);
    expect(change.tieOf('a', 'b')).toBeUndefined();
    expect(graph(['a', 'b', 999]).tieOf('a', 'b')).toBeUndefined();
  });

  it('are not tied beyond three steps', () => {
    const chain = graph(['a', 'b', 9_000], ['b', 'c', 9_000], ['c', 'd', 9_000], ['d', 'e', 9_000]);
    expect(chain.tieOf('a', 'd')).toMatchObject({ kind: 'direct' });
    expect(chain.tieOf('a', 'e')).toBeUndefined();
  });
});

describe('what is remembered', () => {
  it('has a bound: the entry used longest ago goes first', () => {
    const map = createBounded<number>(2);
    map.set('a', 1);
    map.set('b', 2);
    expect(map.get('a')).toBe(1);
    map.set('c', 3);
    expect([...map.entries()]).toEqual([
      ['a', 1],
      ['c', 3],
    ]);
    expect(map.size).toBe(2);
  });
});
