import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { refuse } from '@aitbc/protocol';
import { createLog, until } from '@aitbc/service';
import { describe, expect, it } from 'vitest';
import { actor } from '../testing/test-node.ts';
import { provenKeyOf, tlsIdentityOf } from './certificate.ts';
import { createDialer, type DialOutcome } from './dialer.ts';
import type { Link } from './link/link.ts';
import { createRoster } from './roster.ts';

const socketWith = (publicKey: () => KeyObject | undefined) =>
  ({
    getPeerX509Certificate: () => ({
      get publicKey() {
        return publicKey();
      },
    }),
  }) as unknown as TLSSocket;

describe('the certificate of a node', () => {
  const { publicKey, keys } = actor(1);
  const certificate = new X509Certificate(tlsIdentityOf(keys).cert);

  it('holds the identity key, signs itself and does not expire', () => {
    expect(provenKeyOf(socketWith(() => certificate.publicKey))).toBe(publicKey);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(new Date(certificate.validTo).getUTCFullYear()).toBe(9999);
    expect(tlsIdentityOf(keys)).toEqual(tlsIdentityOf(keys));
  });

  it.each<[string, () => KeyObject | undefined]>([
    ['no certificate', () => undefined],
    ['a key of another kind', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey],
    [
      'a key that OpenSSL cannot read',
      () => {
        throw new Error('unsupported');
      },
    ],
    [
      'a key of low order, under which anybody may sign',
      () => {
        const head = Buffer.from('302a300506032b6570032100', 'hex');
        const key = Buffer.concat([head, new Uint8Array(32)]);
        return createPublicKey({ key, format: 'der', type: 'spki' });
      },
    ],
  ])('proves nothing with %s', (_, key) => {
    expect(provenKeyOf(socketWith(key))).toBeUndefined();
  });
});

const link = (publicKey: string, direction: 'in' | 'out') => ({ publicKey, direction }) as Link;

/** A roster of the node `m`, on a clock that a test moves. */
function rosterOf(expected: readonly string[] = []) {
  const clock = { nowMs: 0 };
  const roster = createRoster(
    { self: 'm', followers: 2, banMs: 100 },
    { isExpected: (key) => expected.includes(key), nowMs: () => clock.nowMs },
  );
  return { roster, clock };
}

describe('the roster', () => {
  it.each<[string, 'in' | 'out', 'in' | 'out', 'duplicate' | undefined]>([
    ['a', 'in', 'out', 'duplicate'], // a is smaller than m: what a dialled stays
    ['a', 'out', 'in', undefined],
    ['z', 'in', 'out', undefined],
    ['z', 'out', 'in', 'duplicate'],
    ['a', 'in', 'in', undefined],
    ['z', 'in', 'in', undefined],
    ['a', 'out', 'out', 'duplicate'],
    ['z', 'out', 'out', 'duplicate'],
  ])('to %s: open is one %s, new is one %s', (...row) => {
    const [key, older, newer, expected] = row;
    const { roster } = rosterOf();
    roster.put(link(key, older));
    expect(roster.refusalOf(link(key, newer))).toBe(expected);
  });

  it('of both sides never disagree: exactly one of two crossing connections stays', () => {
    const sides = (['m', 'z'] as const).map((self) =>
      createRoster({ self, followers: 2, banMs: 100 }, { isExpected: () => true, nowMs: () => 0 }),
    );
    const [m, z] = sides as [(typeof sides)[0], (typeof sides)[0]];
    m.put(link('z', 'in'));
    z.put(link('m', 'out'));
    expect(m.refusalOf(link('z', 'out'))).toBeUndefined();
    expect(z.refusalOf(link('m', 'in'))).toBeUndefined();
  });

  it('has few places for strangers, and always one for who is expected', () => {
    const { roster } = rosterOf(['v']);
    roster.put(link('a', 'in'));
    roster.put(link('b', 'in'));
    expect(roster.refusalOf(link('c', 'in'))).toBe('full');
    expect(roster.refusalOf(link('c', 'out'))).toBeUndefined();
    expect(roster.refusalOf(link('v', 'in'))).toBeUndefined();
    expect(roster.remove(link('b', 'in'))).toBe(false);
    expect(roster.remove(roster.get('b') as Link)).toBe(true);
    expect(roster.refusalOf(link('c', 'in'))).toBeUndefined();
  });

  it('forgets a ban when it is over, and the oldest when there are too many', () => {
    const { roster, clock } = rosterOf();
    roster.ban('a');
    expect(roster.refusalOf(link('a', 'in'))).toBe('banned');
    clock.nowMs = 100;
    expect(roster.refusalOf(link('a', 'in'))).toBeUndefined();
    roster.ban('a');
    for (let count = 0; count < 1_024; count += 1) roster.ban(`n${count}`);
    expect([roster.isBanned('a'), roster.isBanned('n0')]).toEqual([false, true]);
  });
});

describe('a dialer', () => {
  const fault = refuse('UNAVAILABLE', { what: 'x', reason: 'y' });
  const options = { address: { host: 'h', port: 1 }, self: 'm', redialMsMin: 1, redialMsMax: 4 };
  const log = createLog({ name: 'dialer', level: 'silent' });

  it('counts its failures and begins anew after a success', async () => {
    const outcomes: boolean[] = [false, false, false, false, true, false];
    const tries: number[] = [];
    const dialer = createDialer(options, {
      ...{ log, random: () => 0.5, isUp: () => false },
      dial: () => {
        tries.push(dialer.about().failedTries);
        const isSuccess = outcomes[tries.length - 1] ?? false;
        if (tries.length > outcomes.length) dialer.stop();
        return Promise.resolve<DialOutcome>({ fault, isSuccess });
      },
    });
    dialer.start();
    await until(() => tries.length === 7);
    expect(tries).toEqual([0, 1, 2, 3, 4, 0, 1]);
  });

  it('waits while its node is connected, and is woken when it is gone', async () => {
    let isUp = true;
    let tries = 0;
    const address = { ...options.address, publicKey: 'k' };
    const dialer = createDialer(
      { ...options, address },
      {
        ...{ log, random: () => 0.5, isUp: () => isUp },
        dial: () => {
          tries += 1;
          return new Promise(() => {});
        },
      },
    );
    dialer.start();
    dialer.wake();
    expect(dialer.about()).toMatchObject({ isConnected: true, publicKey: 'k' });
    expect(tries).toBe(0);
    isUp = false;
    dialer.wake();
    await until(() => tries === 1);
    dialer.stop();
  });
});
