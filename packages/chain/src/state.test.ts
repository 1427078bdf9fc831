import { AppError, accept, refuse } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { accountKey, emptyAccount, encodeEntry } from './entries.ts';
import {
  accountOf,
  agentOf,
  channelOf,
  createOverlay,
  genesisWrites,
  providerOf,
  supplyOf,
} from './state.ts';
import { actorOf, genesisOf } from './testing/world.ts';

const id = actorOf(1).id;
const bytesWith = (balance: bigint) => encodeEntry('account', { ...emptyAccount, balance });
const base = new Map([[accountKey(id), bytesWith(7n)]]);

describe('an overlay', () => {
  it('reads through, keeps its writes to itself and lists them', () => {
    const overlay = createOverlay(base);
    expect(accountOf(overlay, id).balance).toBe(7n);
    expect(overlay.writes().size).toBe(0);
    overlay.put('account', id, { ...emptyAccount, balance: 9n });
    expect(accountOf(overlay, id).balance).toBe(9n);
    expect(overlay.get(accountKey(id))).toStrictEqual(bytesWith(9n));
    expect(accountOf(base, id).balance).toBe(7n);
    const before = overlay.writes();
    overlay.set(accountKey(id), bytesWith(11n));
    expect(accountOf(overlay, id).balance).toBe(11n);
    expect([...before]).toStrictEqual([[accountKey(id), bytesWith(9n)]]);
    expect([...overlay.writes()]).toStrictEqual([[accountKey(id), bytesWith(11n)]]);
  });

  it('undoes the writes of a refused run and of a run that throws, and keeps those of another', () => {
    const overlay = createOverlay(base);
    const other = actorOf(2).id;
    const run = () => {
      overlay.put('account', id, { ...emptyAccount, balance: 1n });
      overlay.put('account', id, { ...emptyAccount, balance: 2n });
      overlay.put('account', other, { ...emptyAccount, balance: 3n });
    };
    const refused = overlay.attempt(() => {
      run();
      return refuse('TX_SELF');
    });
    expect(refused).toMatchObject({ ok: false, code: 'TX_SELF' });
    expect(overlay.writes().size).toBe(0);
    expect(accountOf(overlay, id).balance).toBe(7n);
    expect(() =>
      overlay.attempt(() => {
        run();
        throw new RangeError('a bug');
      }),
    ).toThrow('a bug');
    expect(overlay.writes().size).toBe(0);
    overlay.attempt(() => {
      run();
      return accept(true);
    });
    expect(accountOf(overlay, id).balance).toBe(2n);
    expect(accountOf(overlay, other).balance).toBe(3n);
  });

  it('answers with zeros for an unknown account and with nothing for anything else', () => {
    expect(accountOf(new Map(), id)).toStrictEqual(emptyAccount);
    expect(channelOf(new Map(), id)).toBeUndefined();
    expect(agentOf(new Map(), id)).toBeUndefined();
    expect(providerOf(new Map(), id)).toBeUndefined();
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

  it('becomes account entries in key order whose sum is the supply', () => {
    const genesis = genesisOf(5);
    const keys = [...genesisWrites(genesis).keys()];
    expect(keys).toStrictEqual(keys.toSorted());
    expect(keys).toHaveLength(5);
    expect(supplyOf(genesis)).toBe(5_000_000_000_000n);
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
  });
});
