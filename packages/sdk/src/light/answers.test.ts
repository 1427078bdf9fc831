import { hex } from '@aitbc/primitives';
import {
  type AbsenceProof,
  blockHashOf,
  lightBundleFromJson,
  lightBundleToJson,
  unwrap,
  zeroHash,
  zLightBundle,
  zStateProof,
} from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { clientOf, drifting, four, refusalOf } from './testing/clients.ts';
import {
  addressAt,
  createFakeChain,
  epochBlocks,
  type FakeChain,
  idOf,
} from './testing/fake-chain.ts';
import type { LightSource } from './types.ts';

describe('answers', () => {
  const chain = createFakeChain({ sets: drifting(3), height: 25 });
  const withState = (change: (good: ReturnType<FakeChain['state']>) => object) =>
    chain.source('a', {
      getState: async (key) => {
        const good = chain.state(key);
        return { bundle: chain.bundle(25), ...good, ...change(good) };
      },
    });
  const askState = async (source: LightSource, seed = 2) =>
    refusalOf(await clientOf(chain, [source]).client.verifyAccount(addressAt(seed)))[0];

  it('about an account that is there, and one that is not', async () => {
    const { client } = clientOf(chain, [chain.source('a'), chain.source('b')]);
    const known = unwrap(await client.verifyAccount(addressAt(2)));
    expect(known).toMatchObject({ exists: true, balance: 2_000n, nonce: 0, vault: 0n });
    expect(known.at.header.height).toBe(25);
    expect(unwrap(await client.verifyAccount(addressAt(9)))).toMatchObject({
      exists: false,
      balance: 0n,
    });
    expect(refusalOf(await client.verifyAccount('ait1nonsense'))[0]).toBe('ADDRESS_INVALID');
  });

  it('with a wrong value, sibling, place or next key are refused', async () => {
    const changed = (part: object) => withState(({ proof }) => ({ proof: { ...proof, ...part } }));
    expect(await askState(withState(() => ({})))).toBe('OK');
    const forged = [
      withState(() => ({ value: new Uint8Array(24).fill(9) })),
      withState(() => ({ value: undefined })),
      withState(({ proof }) => ({ proof: { ...proof, siblings: proof.siblings.toReversed() } })),
      changed({ index: 1 }),
      changed({ count: 5 }),
      changed({ nextKey: 'ff'.repeat(33) }),
      withState(() => chain.state(`a${idOf(1)}`)),
    ];
    for (const source of forged) expect(await askState(source)).toBe('LIGHT_PROOF_INVALID');
  });

  it('that deny an entry with wrong neighbours are refused', async () => {
    const absent = chain.state(`a${idOf(9)}`);
    const proof = absent.proof as AbsenceProof;
    expect(
      await askState(
        withState(() => absent),
        9,
      ),
    ).toBe('OK');
    expect(
      await askState(
        withState(() => absent),
        2,
      ),
    ).toBe('LIGHT_PROOF_INVALID');
    for (const part of [
      { nextKey: 'ff'.repeat(33), key: '00'.repeat(33) },
      { valueHash: zeroHash },
      { siblings: proof.siblings.slice(1) },
    ]) {
      const source = withState(() => ({ value: undefined, proof: { ...proof, ...part } }));
      expect(await askState(source, 9)).toBe('LIGHT_PROOF_INVALID');
    }
  });

  it('from a block below the newest known one are refused', async () => {
    const old = chain.source('old', {
      getState: async (key) => ({ bundle: chain.bundle(24), ...chain.state(key) }),
    });
    const { client } = clientOf(chain, [old]);
    expect((await client.verifyAccount(addressAt(2))).ok).toBe(true);
    unwrap(await client.update());
    const refused = refusalOf(await client.verifyAccount(addressAt(2)));
    expect(refused).toStrictEqual(['LIGHT_HEADER_UNPROVEN', 'block 25 is known already']);
  });

  it('about a transaction of a past block, and its receipt', async () => {
    const { client } = clientOf(chain, [chain.source('a'), chain.source('b')]);
    unwrap(await client.update());
    for (const height of [3, 14, 25]) {
      const found = unwrap(await client.verifyTx(chain.txId(height)));
      expect(found.at.header.height).toBe(height);
      expect(hex(found.receipt).startsWith(chain.txId(height))).toBe(true);
    }
    expect(refusalOf(await client.verifyTx(zeroHash))[0]).toBe('NOT_FOUND');
  });

  it('about a block that is older than all that is trusted are refused', async () => {
    const hash = blockHashOf(chain.network, chain.bundle(21).header);
    const trust = { network: chain.network, epochBlocks, height: 21, hash };
    const { client } = clientOf(chain, [chain.source('a')], { trust });
    const refused = refusalOf(await client.verifyTx(chain.txId(3)));
    expect(refused).toStrictEqual(['LIGHT_HEADER_UNPROVEN', expect.stringContaining('older')]);
  });

  it('about a transaction that is another, or with another receipt, are refused', async () => {
    const good = chain.source('a');
    const [wanted, other] = [chain.txId(14), chain.txId(15)];
    const forge = (change: (answer: Awaited<ReturnType<LightSource['getTx']>>) => object) => {
      const getTx: LightSource['getTx'] = async (txId) => {
        const answer = await good.getTx(txId);
        return { ...answer, ...change(answer) };
      };
      return { ...good, getTx };
    };
    const foreign = await good.getTx(other);
    for (const source of [
      forge(() => foreign),
      forge(() => ({ receipt: foreign.receipt })),
      forge(() => ({ receipt: foreign.receipt, bundle: foreign.bundle })),
      forge(({ txProof }) => ({ txProof: { ...txProof, index: 1 } })),
      forge(({ receiptProof }) => ({ receiptProof: { ...receiptProof, count: 2 } })),
    ]) {
      const refused = refusalOf(await clientOf(chain, [source]).client.verifyTx(wanted));
      expect(refused[0]).toBe('LIGHT_PROOF_INVALID');
    }
  });
});

describe('the JSON form', () => {
  it('of bundles and proofs comes back as it was', () => {
    const chain = createFakeChain({ sets: [four], height: 3 });
    const bundle = chain.bundle(3);
    const json = zLightBundle.parse(JSON.parse(JSON.stringify(lightBundleToJson(bundle))));
    expect(unwrap(lightBundleFromJson(json))).toStrictEqual(bundle);
    const lied = { ...json, header: { ...json.header, version: 999 } };
    expect(lightBundleFromJson(lied)).toMatchObject({ ok: false, code: 'ANSWER_INVALID' });
    for (const seed of [1, 9]) {
      const { proof } = chain.state(`a${idOf(seed)}`);
      expect(zStateProof.parse(JSON.parse(JSON.stringify(proof)))).toStrictEqual(proof);
    }
  });
});
