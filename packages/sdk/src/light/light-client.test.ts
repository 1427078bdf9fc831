import { AppError, blockHashOf, unwrap, verifyEvidence, zeroHash } from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { clientOf, counting, drifting, four, periodMs, refusalOf } from './testing/clients.ts';
import { addressAt, createFakeChain, epochBlocks, genesisTimeMs } from './testing/fake-chain.ts';

describe('a light client', () => {
  it('follows the chain within an epoch from the genesis document', async () => {
    const chain = createFakeChain({ sets: [four], height: 7 });
    const { client } = clientOf(chain, [chain.source('a')]);
    const newest = unwrap(await client.update());
    expect(newest.header.height).toBe(7);
    expect(newest.hash).toBe(blockHashOf(chain.network, newest.header));
    expect(unwrap(await client.update()).hash).toBe(newest.hash);
  });

  it('skips epochs while a third of the stake that it trusts still signs', async () => {
    const chain = createFakeChain({ sets: drifting(3), height: 25 });
    const { asked, source } = counting(chain.source('a'));
    const { client } = clientOf(chain, [source]);
    expect(unwrap(await client.update()).header.epoch).toBe(2);
    expect(asked).toStrictEqual(['latest']);
  });

  it('halves the way over last blocks of epochs when the sets have moved on', async () => {
    const chain = createFakeChain({ sets: drifting(41), height: 405 });
    const { asked, source } = counting(chain.source('a'));
    const { client } = clientOf(chain, [source]);
    expect(unwrap(await client.update()).header.height).toBe(405);
    expect(asked.length).toBeLessThan(41);
    expect(asked.slice(1).every((at) => Number(at) % epochBlocks === 0)).toBe(true);
  });

  it('goes from set to set where whole sets are exchanged', async () => {
    const chain = createFakeChain({ sets: drifting(5, 4), height: 48 });
    const { asked, source } = counting(chain.source('a'));
    const { client } = clientOf(chain, [source]);
    expect(unwrap(await client.update()).header.height).toBe(48);
    expect(new Set(asked)).toStrictEqual(new Set(['latest', 10, 20, 30, 40]));
  });

  it('starts from a block hash that it is told', async () => {
    const chain = createFakeChain({ sets: drifting(5, 4), height: 48 });
    const { network } = chain;
    const hash = blockHashOf(network, chain.bundle(35).header);
    const trust = { network, epochBlocks, height: 35, hash };
    const { client } = clientOf(chain, [chain.source('a')], { trust });
    expect(unwrap(await client.update()).header.height).toBe(48);
    const wrong = clientOf(chain, [chain.source('a')], { trust: { ...trust, hash: zeroHash } });
    expect(refusalOf(await wrong.client.update())[0]).toBe('LIGHT_HEADER_UNPROVEN');
  });

  it('accepts the last block of an epoch that was proposed again in a later view', async () => {
    const chain = createFakeChain({ sets: [four], height: 10 });
    const { header, validators } = chain.bundle(10);
    const certificate = chain.certify(header, four, { view: 15 });
    const bundle = { header, validators, certificate };
    const source = chain.source('a', { getBundle: async () => bundle });
    expect(unwrap(await clientOf(chain, [source]).client.update()).header.view).toBe(10);
  });
});

describe('the trusting period', () => {
  it('ends trust in old sets, whoever signs', async () => {
    const chain = createFakeChain({ sets: drifting(4), height: 35 });
    const nowMs = genesisTimeMs + periodMs;
    const { client } = clientOf(chain, [chain.source('a')], { nowMs });
    expect(refusalOf(await client.update())[0]).toBe('LIGHT_TRUST_EXPIRED');
    const inTime = clientOf(chain, [chain.source('a')], { nowMs: nowMs - 1 });
    expect(unwrap(await inTime.client.update()).header.height).toBe(35);
  });

  it('counts from the newest header that was proven', async () => {
    const chain = createFakeChain({ sets: drifting(4), height: 35 });
    const { client, clock } = clientOf(chain, [chain.source('a')]);
    unwrap(await client.update());
    clock.advance(periodMs - 1);
    expect((await client.update()).ok).toBe(true);
    clock.advance(1);
    expect(refusalOf(await client.update())[0]).toBe('LIGHT_TRUST_EXPIRED');
  });
});

describe('several sources', () => {
  const chain = createFakeChain({ sets: [four], height: 7 });
  const fork = createFakeChain({ sets: [four], height: 7, salt: 1, forkHeight: 4 });

  it('show an attack: it is refused for good, with evidence against all who signed both', async () => {
    const { client } = clientOf(chain, [chain.source('a'), fork.source('b')]);
    const refused = await client.update();
    if (refused.ok || !refused.attack) throw new RangeError('no attack was seen');
    expect(refused.code).toBe('LIGHT_FORK');
    const { first, second, evidence } = refused.attack;
    expect(first.header.height).toBe(second.header.height);
    expect(evidence.map(({ validator }) => validator).sort()).toStrictEqual(
      chain
        .setAt(7)
        .map(({ publicKey }) => publicKey)
        .sort(),
    );
    for (const one of evidence) expect(verifyEvidence(chain.network, one).ok).toBe(true);
    expect(refusalOf(await client.verifyAccount(addressAt(1)))[0]).toBe('LIGHT_FORK');
  });

  it('show an attack without evidence when the certificates are of two views', async () => {
    const { header, validators } = fork.bundle(7);
    const certificate = fork.certify(header, four, { view: 9 });
    const later = fork.source('b', {
      getBundle: async () => ({ header, validators, certificate }),
    });
    const refused = await clientOf(chain, [chain.source('a'), later]).client.update();
    expect(refused).toMatchObject({ code: 'LIGHT_FORK', attack: { evidence: [] } });
  });

  it('show an attack against a height that was trusted before', async () => {
    let now = chain;
    const source = chain.source('a', { getBundle: async () => now.bundle(7) });
    const { client } = clientOf(chain, [source]);
    unwrap(await client.update());
    now = fork;
    expect(refusalOf(await client.update())[0]).toBe('LIGHT_FORK');
  });

  it('are not disturbed by one that lies without proof, or is silent', async () => {
    const lie = chain.resigned(7, { stateRoot: zeroHash });
    const certificate = { ...lie.certificate, votes: lie.certificate.votes.slice(2) };
    const liar = chain.source('liar', { getBundle: async () => ({ ...lie, certificate }) });
    const dead = chain.source('dead', {
      getBundle: async () => {
        throw new AppError('UNAVAILABLE', { what: 'dead', reason: 'off' });
      },
    });
    const sources = [liar, dead, chain.source('a'), chain.source('b')];
    const { client } = clientOf(chain, sources);
    expect(unwrap(await client.update()).header.height).toBe(7);
    const alone = clientOf(chain, [chain.source('a'), liar]);
    expect(refusalOf(await alone.client.update())[0]).not.toBe('OK');
  });

  it('wait for one that is a moment behind', async () => {
    let behind = 3;
    const slow = chain.source('slow', {
      getBundle: async (at) => {
        behind -= 1;
        if (behind > 0) throw new AppError('NOT_FOUND', { what: 'block 7' });
        return chain.bundle(at === 'latest' ? 7 : at);
      },
    });
    const { client, waits } = clientOf(chain, [chain.source('a'), slow]);
    expect(unwrap(await client.update()).header.height).toBe(7);
    expect(waits).toStrictEqual([200, 200]);
  });

  it('end with the caller, and pass bugs on', async () => {
    const stop = new AbortController();
    const source = chain.source('a', {
      getBundle: async () => {
        stop.abort();
        throw new AppError('CANCELLED');
      },
    });
    const { client } = clientOf(chain, [source]);
    await expect(client.update(stop.signal)).rejects.toMatchObject({ code: 'CANCELLED' });
    const broken = chain.source('b', { getBundle: () => Promise.reject(new TypeError('bug')) });
    await expect(clientOf(chain, [broken]).client.update()).rejects.toThrow('bug');
    expect(() => clientOf(chain, [])).toThrow('needs a source');
  });
});
