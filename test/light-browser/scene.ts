/**
 * A chain with a past worth proving: four validators; then one with most of the stake comes in and one of the first
 * leaves; transfers before and after. Epochs are ten blocks long, so the set of the end is some epochs away from genesis.
 */
import { type Identity, identityFromSeed } from '@aitbc/node/testing';
import { base64, randomBytes } from '@aitbc/primitives';
import {
  addressOf,
  feeOf,
  type Hex,
  type SignedTx,
  signStakeProof,
  signTx,
  type TxBody,
  type TxKind,
  type Validator,
} from '@aitbc/protocol';
import { call, until } from '../net/rpc.ts';
import { startValidators, type ValidatorNet } from '../net/validator-net.ts';

const validators = 4;
/** The node that is no validator at the start. */
const newcomer = 4;
/** The validator that leaves; its node goes on as a follower. */
export const leaver = 1;
/** Ten times what each of the others has: more than two thirds of all, so its vote alone is a quorum. */
const bigStakeNait = 10_000_000_000_000_000n;
const fundingNait = 5_000_000_000n;
const twinsMax = 12;
/** So far that a way can lead over epochs in between. */
const epochMin = 4;

/** The chain and what is asked about it. */
export interface Scene {
  readonly net: ValidatorNet;
  /** Address with coins. */
  readonly known: string;
  /** Address that the state does not know. */
  readonly unknown: string;
  /** A transfer of the first epochs, two of one block of theirs, and one under the present set. */
  readonly earlyTx: Hex;
  readonly twins: readonly [Hex, Hex];
  readonly lateTx: Hex;
  /** Public key of the validator whose vote alone is a quorum now. */
  readonly bigKey: Hex;
  /** The first set. */
  readonly firstSet: readonly Validator[];
  /** Answer about the known address from before the sets changed. */
  readonly oldAnswer: unknown;
}

/** Starts the chain and lives through its past. */
export async function createScene(): Promise<Scene> {
  const net = await startValidators({
    ...{ validators, followers: 1 },
    params: { epochBlocks: 10, heartbeatMs: 200 },
  });
  try {
    return await liveThrough(net);
  } catch (error) {
    await net.end();
    throw error;
  }
}

async function liveThrough(net: ValidatorNet): Promise<Scene> {
  const sender = identityFromSeed(randomBytes(32));
  const known = addressOf(sender.publicKey);
  await net.fund(known, fundingNait);
  const firstSet = await presentSet(net);
  const earlyTx = await send(net, sender, transfer());
  const twins = await twinsOf(net, sender);
  const oldAnswer = await call(net.url(0), 'state_getProof', { kind: 'account', address: known });
  const bigKey = await changeSet(net);
  const lateTx = await send(net, sender, transfer());
  await until('some epochs have passed', async () => {
    return (await call(net.url(0), 'chain_getHeader')).header.epoch >= epochMin;
  });
  const unknown = addressOf(identityFromSeed(randomBytes(32)).publicKey);
  return { net, known, unknown, earlyTx, twins, lateTx, bigKey, firstSet, oldAnswer };
}

/** One with most of the stake joins, one of the first leaves. Key of the newcomer. */
async function changeSet(net: ValidatorNet): Promise<Hex> {
  const joining = net.identity(newcomer);
  const { publicKey: validator, keys } = joining;
  await net.fund(addressOf(validator), bigStakeNait + fundingNait);
  const keySignature = signStakeProof(net.network, validator, keys.secretKey);
  const bond = { validator, stake: bigStakeNait, keySignature };
  await send(net, joining, { kind: 'validator_bond', body: bond });
  const leaving = net.identity(leaver);
  const amount = firstStake(net, leaving.publicKey);
  await net.fund(addressOf(leaving.publicKey), fundingNait);
  const unbond = { validator: leaving.publicKey, amount };
  await send(net, leaving, { kind: 'validator_unbond', body: unbond });
  await until('the set has changed', async () => {
    const keys = (await presentSet(net)).map(({ publicKey }) => publicKey);
    return keys.includes(validator) && !keys.includes(leaving.publicKey);
  });
  return validator;
}

function firstStake({ genesis }: ValidatorNet, publicKey: Hex): bigint {
  return BigInt(genesis.validators.find((one) => one.publicKey === publicKey)?.stake ?? '0');
}

async function presentSet(net: ValidatorNet): Promise<Validator[]> {
  const { validators: set } = await call(net.url(0), 'chain_getLightBundle');
  return set.map((one: { publicKey: Hex; stake: string }) => ({
    publicKey: one.publicKey,
    stake: BigInt(one.stake),
  }));
}

interface Order<K extends TxKind> {
  readonly kind: K;
  readonly body: TxBody<K>;
}

function transfer(): Order<'transfer'> {
  const to = identityFromSeed(randomBytes(32)).publicKey;
  return { kind: 'transfer', body: { to, amount: 1_000_000n, memo: '' } };
}

function sign<K extends TxKind>(
  { network, genesis }: ValidatorNet,
  { publicKey, keys }: Identity,
  { kind, body, nonce }: Order<K> & { readonly nonce: number },
): SignedTx {
  const head = { chain: network.chain, nonce, validUntil: 0, from: publicKey };
  const fee = BigInt(feeOf(genesis.params, kind));
  return signTx(network, { kind, ...head, fee, body } as never, keys.secretKey);
}

async function nonceOf(net: ValidatorNet, { publicKey }: Identity): Promise<number> {
  const address = addressOf(publicKey);
  return (await call(net.url(0), 'state_getAccount', { address })).pendingNonce;
}

/** Id of a transaction that is final. */
async function send<K extends TxKind>(
  net: ValidatorNet,
  from: Identity,
  order: Order<K>,
): Promise<Hex> {
  const { txId, bytes } = sign(net, from, { ...order, nonce: await nonceOf(net, from) });
  const { status } = await call(net.url(0), 'tx_sendAndWait', { tx: base64(bytes) });
  if (status !== 'final') throw new Error(`${order.kind} is ${status}`);
  return txId;
}

/** Two transfers that stand in one block. */
async function twinsOf(net: ValidatorNet, from: Identity): Promise<readonly [Hex, Hex]> {
  const first = await nonceOf(net, from);
  const orders = Array.from({ length: twinsMax }, (_, at) =>
    sign(net, from, { ...transfer(), nonce: first + at }),
  );
  const txs = orders.map(({ bytes }) => base64(bytes));
  await call(net.url(0), 'tx_sendBatch', { txs });
  const heights = new Map<number, Hex>();
  for (const { txId } of orders) {
    const height: number = await until('a transfer is final', async () => {
      const { status, receipt } = await call(net.url(0), 'tx_get', { txId });
      return status === 'final' && receipt.height;
    });
    const twin = heights.get(height);
    if (twin) return [twin, txId];
    heights.set(height, txId);
  }
  throw new Error('no two transfers stand in one block');
}
