import { unwrap, validatorsHashOf, voteKinds, zeroHash } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { clientOf, drifting, four, judged, refusalOf } from './testing/clients.ts';
import { blockMs, createFakeChain, genesisTimeMs, type Seat } from './testing/fake-chain.ts';

describe('a forged header', () => {
  const chain = createFakeChain({ sets: drifting(4), height: 35 });
  const single = createFakeChain({ sets: [four], height: 7 });
  const good = single.bundle(7);
  const unproven = (reason: string) => ['LIGHT_HEADER_UNPROVEN', expect.stringContaining(reason)];

  it('with changed fields is refused', async () => {
    const header = { ...good.header, stateRoot: zeroHash };
    expect(await judged(single, { ...good, header })).toStrictEqual(unproven('another block'));
  });

  it('with a set that is not in it is refused', async () => {
    const validators = good.validators.slice(1);
    expect(await judged(single, { ...good, validators })).toStrictEqual(unproven('set is another'));
    const twice = [...good.validators, ...good.validators];
    expect(await judged(single, { ...good, validators: twice })).toStrictEqual(unproven('twice'));
  });

  it('with a set of its own is refused, however it is certified', async () => {
    const seats: readonly Seat[] = [[9, 100]];
    const validators = createFakeChain({ sets: [seats], height: 1 }).setAt(1);
    const validatorsHash = validatorsHashOf(single.network, validators);
    const header = { ...good.header, validatorsHash };
    const bundle = { header, certificate: single.certify(header, seats), validators };
    expect(await judged(single, bundle)).toStrictEqual(unproven('its epoch has another set'));
  });

  it('with too few votes, or with one vote twice, is refused', async () => {
    const { certificate } = good;
    const [first, second] = certificate.votes as [
      (typeof certificate.votes)[0],
      (typeof certificate.votes)[0],
    ];
    const short = { ...certificate, votes: [first, second] };
    expect(await judged(single, { ...good, certificate: short })).toStrictEqual(unproven('quorum'));
    const doubled = { ...certificate, votes: [first, second, second] };
    expect(await judged(single, { ...good, certificate: doubled })).toStrictEqual(
      unproven('not in order'),
    );
    const swapped = { ...certificate, votes: [first, { ...second, signature: first.signature }] };
    expect(await judged(single, { ...good, certificate: swapped })).toStrictEqual(
      unproven('not signed'),
    );
  });

  it('with a certificate of another kind, block, epoch or view is refused', async () => {
    for (const kind of ['notarize', 'nullify'] as const) {
      const certificate = single.certify(good.header, four, { kind });
      expect(await judged(single, { ...good, certificate })).toStrictEqual(
        unproven('not one of finality'),
      );
    }
    const { certificate } = single.bundle(6);
    expect(await judged(single, { ...good, certificate })).toStrictEqual(unproven('another block'));
    const lied = { ...good.certificate, kind: voteKinds.notarize };
    expect(await judged(single, { ...good, certificate: lied })).toStrictEqual(
      unproven('not one of finality'),
    );
    for (const [change, reason] of [
      [{ epoch: 1 }, 'another epoch'],
      [{ view: 1 }, 'an earlier view'],
      [{ view: 8 }, 'not signed'],
    ] as const) {
      const changed = { ...good.certificate, ...change };
      expect(await judged(single, { ...good, certificate: changed })).toStrictEqual(
        unproven(reason),
      );
    }
  });

  it('of another network is refused', async () => {
    const other = createFakeChain({ sets: [four], height: 7, network: 'elsewhere' });
    expect(await judged(single, other.bundle(7))).toStrictEqual(unproven('another network'));
    const { header, validators } = other.bundle(7);
    const lied = { ...header, chain: single.network.chain };
    const bundle = { header: lied, validators, certificate: other.certify(lied, four) };
    expect((await judged(single, bundle))[0]).toBe('LIGHT_HEADER_UNPROVEN');
  });

  it('of the future, or against the order of times, is refused', async () => {
    const nowMs = genesisTimeMs + blockMs;
    expect(await judged(single, good, { nowMs })).toStrictEqual(unproven('future'));
    const early = single.resigned(7, { timeMs: genesisTimeMs - 1 });
    expect(await judged(single, early)).toStrictEqual(unproven('order of the heights'));
  });

  it('whose epoch is not that of its height is refused', async () => {
    const lied = single.resigned(7, { epoch: 1 });
    expect(await judged(single, lied)).toStrictEqual(unproven('not that of its height'));
  });

  it('is refused when its way leads over a set that nobody announced', async () => {
    const strangers = createFakeChain({
      sets: [four, four.map(([seed]): Seat => [seed + 50, 100])],
      height: 25,
    });
    const jump = strangers.bundle(25);
    expect(await judged(chain, jump)).toStrictEqual(unproven('announced another set'));
    const source = chain.source('a', {
      getBundle: async (at) => (at === 'latest' ? jump : chain.bundle(at)),
    });
    const { client } = clientOf(chain, [source, chain.source('b')]);
    expect(unwrap(await client.update()).header.height).toBe(35);
  });

  it('is refused when another block than the one asked for lies on its way', async () => {
    const moved = createFakeChain({ sets: drifting(3, 4), height: 25 });
    const source = moved.source('a', {
      getBundle: async (at) => moved.bundle(at === 'latest' ? 25 : Number(at) - 1),
    });
    const { client } = clientOf(moved, [source]);
    expect(refusalOf(await client.update())).toStrictEqual(unproven('another came'));
  });

  it('from a member with less than a third of the trusted stake is refused', async () => {
    // Member 4 stays, with a set of its own making in epoch 2; 100 of 400 is no third.
    const fake: readonly Seat[] = [
      [4, 100],
      [60, 10],
    ];
    const forged = createFakeChain({ sets: [four, four, fake], height: 25 });
    const honest = createFakeChain({ sets: [four], height: 20 });
    const source = honest.source('a', {
      getBundle: async (at) => (at === 'latest' ? forged.bundle(25) : honest.bundle(at)),
    });
    const { client } = clientOf(honest, [source], { nowMs: genesisTimeMs + 25 * blockMs });
    expect(refusalOf(await client.update())).toStrictEqual(unproven('announced another set'));
  });
});
