/**
 * What a liar between page and node has: all that the chain shows, keys of its own, and, where a forgery says so, the
 * keys of all validators. So what is refused is refused by the rule that it breaks, not for want of a signature.
 */
import { type KeyPair, keyPairFromSeed } from '@aitbc/primitives';
import {
  type BlockHeader,
  blockHashOf,
  type Certificate,
  type Hex,
  type LightBundle,
  lightBundleFromJson,
  lightBundleToJson,
  type Network,
  type nodeRpc,
  type OutputOf,
  signVote,
  unwrap,
  type Validator,
  type VoteKind,
  voteKinds,
  zLightBundle,
} from '@aitbc/protocol';
import { call } from '../net/rpc.ts';
import type { Scene } from './scene.ts';

/** Answer of `state_getProof`. */
export type StateJson = OutputOf<(typeof nodeRpc)['state_getProof']>;
/** Answer of `chain_getTxProof`. */
export type TxJson = OutputOf<(typeof nodeRpc)['chain_getTxProof']>;

/** A liar. */
export interface Forger {
  readonly scene: Scene;
  readonly network: Network;
  /** A set of its own: one key with all the stake. */
  readonly ownSet: readonly Validator[];
  bundleAt(height: number): Promise<LightBundle>;
  stateOf(address: string): Promise<StateJson>;
  txOf(txId: Hex): Promise<TxJson>;
  /** The bundle with changes in its header, certified anew by its set. */
  recertified(bundle: LightBundle, change: Partial<BlockHeader>, round?: Round): LightBundle;
}

/** What the votes of a new certificate are; of finality, in the round of the old one, for this network when left out. */
export interface Round {
  readonly kind?: VoteKind;
  readonly view?: number;
  readonly network?: Network;
}

/** A liar with stolen keys. */
export function createForger(scene: Scene): Forger {
  const { net } = scene;
  const ask = (method: string, params: unknown) => call(net.url(0), method, params);
  const own = keyPairFromSeed(new Uint8Array(32).fill(66));
  const ownKey = Buffer.from(own.publicKey).toString('hex');
  const keys = new Map<Hex, KeyPair>([
    [ownKey, own],
    ...Array.from({ length: net.size }, (_, at): [Hex, KeyPair] => {
      const { publicKey, keys: stolen } = net.identity(at);
      return [publicKey, stolen];
    }),
  ]);
  return {
    ...{ scene, network: net.network, ownSet: [{ publicKey: ownKey, stake: 1_000_000n }] },
    bundleAt: async (height) => bundleFrom(await ask('chain_getLightBundle', { height })),
    stateOf: (address) => ask('state_getProof', { kind: 'account', address }),
    txOf: (txId) => ask('chain_getTxProof', { txId }),
    recertified(bundle, change, round = {}) {
      const header = { ...bundle.header, ...change };
      const { kind = 'finalize', view = bundle.certificate.view, network = net.network } = round;
      const vote = { kind, epoch: header.epoch, view, blockHash: blockHashOf(network, header) };
      const votes = bundle.validators.map(({ publicKey }, validator) => {
        const { secretKey } = keys.get(publicKey) as KeyPair;
        return {
          validator,
          signature: signVote(network, { ...vote, validator }, secretKey).signature,
        };
      });
      const certificate: Certificate = { ...vote, kind: voteKinds[kind], votes };
      return { header, certificate, validators: bundle.validators };
    },
  };
}

/** Bundle of an answer of the node. */
export function bundleFrom(json: unknown): LightBundle {
  return unwrap(lightBundleFromJson(zLightBundle.parse(json)));
}

/** The answer with another bundle. */
export function withBundle<T extends StateJson | TxJson>(answer: T, bundle: LightBundle): T {
  return { ...answer, bundle: lightBundleToJson(bundle) };
}
