/** People and validators with fixed keys, and the genesis document that funds them. */
import { hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  addressOf,
  type ChainParams,
  devnetParams,
  type FeeTable,
  type Genesis,
  type Hex,
  type Network,
  type SignedTx,
  signTx,
  type TxBody,
  type TxKind,
  txKinds,
  type UnsignedTx,
} from '@aitbc/protocol';

/** Someone with a key. */
export interface Actor {
  readonly id: Hex;
  readonly secretKey: Uint8Array;
}

/** Actor number `seed`, 1 to 255. */
export function actorOf(seed: number): Actor {
  const pair = keyPairFromSeed(new Uint8Array(32).fill(seed));
  return { id: hex(pair.publicKey), secretKey: pair.secretKey };
}

/** Key of validator number `at`. */
export function validatorActor(at: number): Actor {
  return actorOf(200 + at);
}

export const genesisTimeMs = 1_800_000_000_000;
export const balanceNait = 1_000_000_000_000_000n;
export const stakeNait = BigInt(devnetParams.validatorStakeMin);

const feeNait = 10_000n;

/** Rules of the test network: one price for everything. */
export const testParams: ChainParams = {
  ...devnetParams,
  fees: Object.fromEntries(Object.keys(txKinds).map((kind) => [kind, `${feeNait}`])) as FeeTable,
};

/** A genesis document with eight funded actors and some validators of equal stake, owned by the actors in turn. */
export function genesisOf(validators: number, params: Partial<ChainParams> = {}): Genesis {
  const people = Array.from({ length: 8 }, (_, at) => addressOf(actorOf(at + 1).id));
  return {
    network: 'replica-test',
    timeMs: genesisTimeMs,
    accounts: people.map((address) => ({ address, balance: `${balanceNait}` })),
    validators: Array.from({ length: validators }, (_, at) => ({
      publicKey: validatorActor(at).id,
      stake: `${stakeNait}`,
      owner: people[at % people.length] as string,
    })),
    params: { ...testParams, ...params },
  };
}

/** A signed transaction on lane 0. */
export function txOf<K extends TxKind>(
  network: Network,
  { from, nonce, kind, body }: { from: Actor; nonce: number; kind: K; body: TxBody<K> },
): SignedTx {
  const envelope = { kind, chain: network.chain, nonce, validUntil: 0, from: from.id };
  return signTx(network, { ...envelope, fee: feeNait, body } as UnsignedTx, from.secretKey);
}
