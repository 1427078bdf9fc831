import { epochOf, genesisBlock, lastHeightOf } from '@aitbc/chain';
import {
  AppError,
  type BlockHeader,
  blockHashOf,
  devnetParams,
  type Genesis,
  type Hex,
  type LightBundle,
  networkFromGenesis,
  signVote,
  type Validator,
  validatorsHashOf,
  voteKinds,
} from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import type { Identity } from '../setup/key-file.ts';
import { actor } from '../testing/test-node.ts';
import { proveOffer, type TrustedBlock } from './trust.ts';
import { trustedBlockFromText } from './trusted-block.ts';

const nowMs = 1_800_000_000_000;
const dayMs = 24 * 3_600_000;
const epochBlocks = 10;
const epochs = 40;

/** Three of the keys hold an epoch; each epoch the oldest one leaves, so after three nobody of the old set is left. */
const membersOf = (epoch: number): Identity[] => [1, 2, 3].map((at) => actor(epoch + at));
const setOf = (members: readonly Identity[]): Validator[] =>
  members.map(({ publicKey }) => ({ publicKey, stake: 5n }));

const params = { ...devnetParams, epochBlocks, stakeUnbondingMs: 7 * dayMs };
const genesisAt = (timeMs: number): Genesis => ({
  ...{ network: 'test', timeMs, accounts: [], params },
  validators: setOf(membersOf(0)).map(({ publicKey }) => ({ publicKey, stake: '5' })),
});

/** Bundles of a chain whose blocks come at equal steps from genesis to now; `forger` signs in place of all sets. */
function chainOf(genesis: Genesis, forger?: Identity) {
  const network = networkFromGenesis(genesis);
  const first = genesisBlock(genesis);
  const stepMs = (nowMs - genesis.timeMs) / (epochs * epochBlocks);
  const sortedSet = (epoch: number): [Validator[], Identity[]] => {
    const members = forger ? [forger] : membersOf(epoch);
    const set = setOf(members);
    const genesisHash = first.header.nextValidatorsHash;
    if (epoch > 0 || forger || validatorsHashOf(network, set) === genesisHash)
      return [set, members];
    const order = [...members].sort((a, b) => (a.publicKey < b.publicKey ? -1 : 1));
    return [setOf(order), order];
  };
  const bundleAt = (height: number): LightBundle => {
    const epoch = epochOf(params, height);
    const [validators, members] = sortedSet(epoch);
    const next = height === lastHeightOf(params, epoch) ? sortedSet(epoch + 1)[0] : validators;
    const header: BlockHeader = {
      ...first.header,
      ...{ height, epoch, view: 1, timeMs: Math.floor(genesis.timeMs + height * stepMs) },
      validatorsHash: validatorsHashOf(network, validators),
      nextValidatorsHash: validatorsHashOf(network, next),
    };
    const blockHash = blockHashOf(network, header);
    const votes = members.map(({ keys }, validator) => {
      const vote = { kind: 'finalize', epoch, view: 1, blockHash, validator } as const;
      return { validator, signature: signVote(network, vote, keys.secretKey).signature };
    });
    const certificate = { kind: voteKinds.finalize, epoch, view: 1, blockHash, votes };
    return { header, certificate, validators };
  };
  return { network, bundleAt };
}

interface Scene {
  readonly genesis: Genesis;
  readonly trustedBlock?: TrustedBlock;
  /** What peers show, each with its snapshot at a height. */
  readonly peers: Readonly<Record<Hex, { chain: ReturnType<typeof chainOf>; at: number }>>;
}

/** Proves the offers of a scene; the height that is believed, and the heights that were asked for. */
async function prove({ genesis, trustedBlock, peers }: Scene) {
  const asked: number[] = [];
  const offers = new Map(
    Object.entries(peers).map(([peer, { chain, at }]) => {
      const cut = { size: 10, level: 2 };
      return [peer, { type: 'snapshot', bundle: chain.bundleAt(at), ...cut } as const];
    }),
  );
  const proven = await proveOffer(
    { genesis, network: networkFromGenesis(genesis), trustedBlock },
    {
      questions: {
        async bundleOf(peer, height) {
          asked.push(height);
          const bundle = peers[peer]?.chain.bundleAt(height);
          if (!bundle) throw new AppError('NOT_FOUND', { what: 'bundle' });
          return bundle;
        },
      },
      ...{ clock: { nowMs: () => nowMs }, peers: Object.keys(peers), offers },
    },
    new AbortController().signal,
  );
  return { proven, asked };
}

describe('trust in an offered snapshot', () => {
  const old = genesisAt(nowMs - 40 * dayMs);
  const chain = chainOf(old);

  it('goes from epoch to epoch while trust is old, and skips from there', async () => {
    const { proven, asked } = await prove({
      genesis: old,
      peers: { one: { chain, at: 395 }, two: { chain, at: 395 } },
    });
    expect(proven.header).toEqual(chain.bundleAt(395).header);
    expect(proven.hash).toBe(blockHashOf(chain.network, proven.header));
    const firstOnes = Array.from({ length: 36 }, (_, epoch) => lastHeightOf(params, epoch));
    expect(asked).toEqual(expect.arrayContaining(firstOnes));
  });

  it('needs few blocks when the genesis document is young', async () => {
    const young = genesisAt(nowMs - dayMs);
    const { proven, asked } = await prove({
      genesis: young,
      peers: { one: { chain: chainOf(young), at: 15 } },
    });
    expect([proven.header.height, asked]).toEqual([15, []]);
  });

  it('starts from the block that the operator trusts', async () => {
    const { header } = chain.bundleAt(385);
    const trustedBlock = { height: 385, hash: blockHashOf(chain.network, header) };
    const peers = { one: { chain, at: 395 } };
    const { proven, asked } = await prove({ genesis: old, trustedBlock, peers });
    expect(proven.header.height).toBe(395);
    expect(asked.filter((height) => height < 385)).toEqual([]);
    const wrong = { ...trustedBlock, hash: '22'.repeat(32) };
    await expect(prove({ genesis: old, trustedBlock: wrong, peers })).rejects.toMatchObject({
      code: 'LIGHT_HEADER_UNPROVEN',
    });
  });

  it('passes over a chain that others signed', async () => {
    const forged = chainOf(old, actor(99));
    const liar = { chain: forged, at: 399 };
    const [one, two] = [
      { chain, at: 395 },
      { chain, at: 385 },
    ];
    const { proven } = await prove({ genesis: old, peers: { liar, one, two } });
    expect(proven.header).toEqual(chain.bundleAt(395).header);
    await expect(prove({ genesis: old, peers: { liar, one } })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    await expect(prove({ genesis: old, peers: { liar } })).rejects.toMatchObject({
      code: 'LIGHT_HEADER_UNPROVEN',
    });
  });
});

describe('the setting of a trusted block', () => {
  it('is a height and a hash', () => {
    const hash = 'ab'.repeat(32);
    expect(trustedBlockFromText(`17:${hash}`)).toEqual({ height: 17, hash });
    expect(trustedBlockFromText(undefined)).toBeUndefined();
    for (const text of ['17', `0:${hash}`, `17:${hash}0`, 'x']) {
      expect(() => trustedBlockFromText(text)).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    }
  });
});
