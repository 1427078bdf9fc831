import { createManualClock } from '@aitbc/primitives';
import {
  type ChainProof,
  decodeJobProof,
  encodeJobProof,
  type JobProof,
  lightBundleToJson,
  networkFromHash,
  type ProofPart,
} from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import { collectChainProof } from './collect-chain-proof.ts';
import { drifting, four } from './testing/clients.ts';
import {
  blockMs,
  createFakeChain,
  epochBlocks,
  type FakeChain,
  type FakeEntry,
  genesisTimeMs,
  type Seat,
} from './testing/fake-chain.ts';
import { type MadeJob, makeJob, makeProvider } from './testing/made-job.ts';
import type { LightTrust } from './types.ts';
import { type ProofTrust, verifyProofOffline } from './verify-chain-proof.ts';

interface Scene {
  readonly chain: FakeChain;
  readonly job: MadeJob;
  readonly trust: ProofTrust;
  readonly file: JobProof;
}

/** No divisor of eight, so each place in a byte comes up; test/offline-receipt.test.ts tries all bits. */
const bitStep = 7;
const providers = [makeProvider(41), makeProvider(42)];
const registered = providers.map(({ entry }) => entry);
const clockOf = ({ height }: { height: number }) =>
  createManualClock(genesisTimeMs + height * blockMs);

const chainOf = (height: number, sets: readonly (readonly Seat[])[] = [four]) =>
  createFakeChain({ sets, height, entries: registered });

/** The job with its way to a chain. */
async function sceneOf(chain: FakeChain, trust: LightTrust = { genesis: chain.genesis }) {
  const job = makeJob(chain.network);
  const wish = { providers: job.providers.map(({ address }) => address), trust };
  const link = { source: chain.source('a'), clock: clockOf(chain) };
  const file: JobProof = { ...job.proof, chain: await collectChainProof(wish, link) };
  return { chain, job, trust, file } satisfies Scene;
}

function judge({ chain, trust }: Pick<Scene, 'chain' | 'trust'>, file: JobProof): string {
  const read = decodeJobProof(encodeJobProof(file));
  if (!read.ok) return `unread: ${read.facts.reason}`;
  const verdict = verifyProofOffline(read.value, trust, clockOf(chain));
  return verdict.ok ? 'ok' : String(verdict.facts.reason);
}

const withChain = (file: JobProof, change: Partial<ChainProof>): JobProof => ({
  ...file,
  chain: { ...(file.chain as ChainProof), ...change },
});

describe('a proof of a job with its way to the chain', () => {
  it('shows the job and the registered keys of all providers, without asking anybody', async () => {
    const { chain, file, trust, job } = await sceneOf(chainOf(7));
    const verdict = verifyProofOffline(file, trust, clockOf(chain));
    expect(verdict.ok && verdict.value).toMatchObject({
      job: { outputTokens: 25, unsignedTokens: 4, charged: 12n * 150n + 9n * 150n + 1_450n },
      chain: {
        isRooted: true,
        trustedMs: genesisTimeMs,
        path: [{ height: 7, validators: 4, votes: 4 }],
        registrations: job.providers.map(({ address, authorizer }) => ({
          ...{ provider: address, authorizer, bond: 200_000_000_000n, at: { height: 7 } },
        })),
      },
    });
  });

  it('shows what did not arrive when only the line broke', async () => {
    const scene = await sceneOf(chainOf(7));
    const { proof } = makeJob(scene.chain.network, 'line');
    const file = { ...proof, chain: scene.file.chain };
    const verdict = verifyProofOffline(file, scene.trust, clockOf(scene.chain));
    expect(verdict.ok && verdict.value.job).toMatchObject({
      ...{ outputTokens: 25, unsignedTokens: 0, surplusTokens: 6, prompts: 2 },
      charged: 22n * 150n + 9n * 150n + 2n * 1_450n,
    });
    const [gone, next] = file.parts as [ProofPart, ProofPart];
    const bare = { ...file, parts: [{ ...gone, surplus: [] }, next] };
    expect(judge(scene, bare)).toBe('ok'); // less is claimed: its tail is shown as unpaid
    const moved = { ...gone, receipts: [...gone.receipts, ...gone.surplus], surplus: [] };
    expect(judge(scene, { ...file, parts: [moved, next] })).toMatch(/does not join/);
  });

  it('crosses epochs whose members change, over the last blocks of those in between', async () => {
    const scene = await sceneOf(chainOf(55, drifting(6, 3)));
    expect(judge(scene, scene.file)).toBe('ok');
    const heights = scene.file.chain?.path.map(({ header }) => header.height) ?? [];
    expect(heights.length).toBeGreaterThan(2);
    expect(heights.at(-1)).toBe(55);
    for (const height of heights.slice(0, -1)) expect(height % epochBlocks).toBe(0);
  });

  it('names each block once when registrations are of several', async () => {
    const chain = chainOf(9);
    const job = makeJob(chain.network);
    let height = 5;
    const source = chain.source('a', {
      getState: async (key) => {
        height += 2;
        return { bundle: chain.bundle(height), ...chain.state(key) };
      },
    });
    const trust = { genesis: chain.genesis };
    const addresses = job.providers.map(({ address }) => address).toReversed();
    const part = await collectChainProof(
      { providers: addresses, trust },
      { source, clock: clockOf(chain) },
    );
    expect(part.path.map(({ header }) => header.height)).toEqual([7, 9]);
    expect(part.registrations.map((row) => row.height)).toEqual([9, 9]); // the state is the same
  });

  it('begins with a block that the reader trusts, if that is one of its blocks', async () => {
    const chain = chainOf(55, drifting(6, 3));
    const hash = chain.bundle(40).certificate.blockHash;
    const { network } = chain;
    const from = { network, epochBlocks, height: 40, hash };
    const scene = await sceneOf(chain, from);
    expect(scene.file.chain?.path[0]?.header.height).toBe(40);
    expect(judge(scene, scene.file)).toBe('ok');
    expect(judge({ chain, trust: { genesis: chain.genesis } }, scene.file)).toMatch(
      /block 40 is not proven/,
    );
    const later = {
      network,
      epochBlocks,
      height: 50,
      hash: chain.bundle(50).certificate.blockHash,
    };
    expect(judge({ chain, trust: later }, scene.file)).toBe('ok');
    const other = { ...from, hash: '00'.repeat(32) };
    expect(judge({ chain, trust: other }, scene.file)).toMatch(/none of its blocks/);
  });

  it('needs no length of epochs when the trusted block is the one with the registrations', async () => {
    const scene = await sceneOf(chainOf(55, drifting(6, 3)));
    const { network } = scene.chain;
    const last = { network, height: 55, hash: scene.chain.bundle(55).certificate.blockHash };
    const genesisPath = scene.file.chain?.path ?? [];
    const alone = withChain(scene.file, { path: genesisPath.slice(-1) });
    expect(judge({ ...scene, trust: last }, alone)).toBe('ok');
    const first = { network, height: 10, hash: scene.chain.bundle(10).certificate.blockHash };
    expect(judge({ ...scene, trust: first }, scene.file)).toMatch(/does not carry it/);
  });

  it('says when nothing was trusted that it could begin with', async () => {
    const { chain, file } = await sceneOf(chainOf(12, drifting(2)));
    const { network } = chain;
    const verdict = verifyProofOffline(file, { network }, clockOf(chain));
    expect(verdict).toMatchObject({ ok: true, value: { chain: { isRooted: false } } });
  });
});

describe('a proof of a job is refused', () => {
  it('when the registration is missing, of another, of an unknown block, or another key', async () => {
    const scene = await sceneOf(chainOf(7));
    const { file } = scene;
    const [a, b] = file.chain?.registrations ?? [];
    if (!a || !b) throw new Error('two registrations');
    const wrong = (registrations: ChainProof['registrations']) =>
      judge(scene, withChain(file, { registrations }));
    expect(judge(scene, { ...file, chain: null })).toMatch(/leads to the chain/);
    expect(wrong([a])).toMatch(/not those of its providers/);
    expect(wrong([b, a])).toMatch(/not those of its providers/);
    expect(wrong([a, b, b])).toMatch(/not those of its providers/);
    expect(wrong([a, { ...b, provider: a.provider }])).toMatch(/does not stand/);
    expect(wrong([{ ...a, height: 6 }, b])).toMatch(/no proven block/);
    expect(wrong([{ ...a, value: b.value }, b])).toMatch(/does not stand/);
    const rotated = makeProvider(99).entry[1];
    const entries: FakeEntry[] = [
      [providers[0]?.entry[0] ?? '', rotated],
      registered[1] ?? ['', rotated],
    ];
    const foreign = createFakeChain({ sets: [four], height: 7, entries });
    const stolen = await sceneOf(foreign);
    expect(judge(stolen, stolen.file)).toMatch(/has registered another key/);
  });

  it('when the state has no such provider', async () => {
    const chain = createFakeChain({ sets: [four], height: 7 });
    await expect(sceneOf(chain)).rejects.toMatchObject({ code: 'PROVIDER_UNKNOWN' });
  });

  it('when its blocks are another chain’s, out of order, or signed by a third of the stake', async () => {
    const scene = await sceneOf(chainOf(25, drifting(3)));
    const { chain, file } = scene;
    const own = createFakeChain({
      ...{ sets: [[[61, 100]]], height: 25, entries: registered, network: 'light-test' },
    });
    expect(judge({ chain, trust: { genesis: own.genesis } }, file)).toMatch(/another network/);
    const path = file.chain?.path ?? [];
    expect(judge(scene, withChain(file, { path: [...path, ...path] }))).toMatch(/not in order/);
    const weak = createFakeChain({
      ...{ sets: drifting(3), height: 25, entries: registered, signers: [3, 4] },
    });
    const last = lightBundleToJson(weak.bundle(25));
    expect(judge(scene, withChain(file, { path: [last] }))).toMatch(/no quorum/);
    const made = createFakeChain({
      ...{ sets: [four, [[61, 100]]], height: 25, entries: registered, salt: 1 },
    });
    const forged = withChain(file, { path: [lightBundleToJson(made.bundle(25))] });
    expect(judge(scene, forged)).toMatch(/does not carry it/);
  });

  it('when a block is from the future or the file is of another network', async () => {
    const { chain, file, trust } = await sceneOf(chainOf(7));
    const early = createManualClock(genesisTimeMs - 1_000_000);
    expect(verifyProofOffline(file, trust, early)).toMatchObject({ ok: false });
    const network = networkFromHash('other', 'cd'.repeat(32));
    expect(judge({ chain, trust: { network } }, file)).toMatch(/another network/);
  });

  it.each(['genesis', 'block', 'nothing'] as const)(
    'for each bit of the file that is another (one of seven is tried), when trust begins with %s',
    async (kind) => {
      const chain = chainOf(12, [
        [[1, 100]],
        [
          [1, 100],
          [2, 1],
        ],
      ]);
      const { file, trust } = await sceneOf(chain);
      const { network } = chain;
      const hash = chain.bundle(12).certificate.blockHash;
      const roots = { genesis: trust, block: { network, height: 12, hash }, nothing: { network } };
      const bytes = encodeJobProof(file);
      expect(passes(bytes, roots[kind], chain)).toBe(true);
      const kept = bytes.slice();
      const passed: number[] = [];
      for (let bit = 0; bit < bytes.length * 8; bit += bitStep) {
        kept[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        if (passes(kept, roots[kind], chain)) passed.push(bit);
        kept[bit >> 3] = bytes[bit >> 3] as number;
      }
      expect(passed).toEqual([]);
      expect(bytes.length).toBeGreaterThan(5_000);
    },
    120_000,
  );
});

function passes(bytes: Uint8Array, trust: ProofTrust, chain: FakeChain): boolean {
  const read = decodeJobProof(bytes);
  return read.ok && verifyProofOffline(read.value, trust, clockOf(chain)).ok;
}
