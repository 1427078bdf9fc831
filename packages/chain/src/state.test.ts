import { accept, refuse } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { accountKey, emptyAccount, encodeEntry } from './entries.ts';
import { accountOf, agentOf, channelOf, createOverlay, providerOf } from './state.ts';
import { actorOf } from './testing/world.ts';

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
