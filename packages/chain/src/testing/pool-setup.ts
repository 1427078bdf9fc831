/** A mempool above a small world, for its tests. */
import {
  limits,
  type SignedTx,
  senderSignatureOf,
  sponsorTx,
  type UnsignedTx,
} from '@aitbc/protocol';
import { accountKey, encodeEntry, type StateKey } from '../entries.ts';
import { createMempool, type MempoolLimits } from '../mempool/mempool.ts';
import type { StateReader } from '../state.ts';
import { type Actor, actorOf, createWorld, type World } from './world.ts';

export const [first, second, third] = [actorOf(1), actorOf(2), actorOf(3)];

/** A signed transfer of 5 nait with a changed envelope or body. */
export function transfer(world: World, from: Actor, changes: Partial<UnsignedTx> = {}): SignedTx {
  const body = { to: actorOf(9).id, amount: 5n, memo: '' };
  return world.sign(from, { ...world.tx('transfer', from, body), ...changes } as UnsignedTx);
}

/** The same, with a fee that another pays. */
export function sponsored(
  world: World,
  { from, payer }: { from: Actor; payer: Actor },
  changes: Partial<UnsignedTx> = {},
): SignedTx {
  const { network } = world;
  const { txId: _t, bytes: _b, ...plain } = transfer(world, from, changes);
  const tx = { ...plain, sponsored: true } as UnsignedTx;
  const signature = senderSignatureOf(network, tx, from.secretKey);
  return sponsorTx(network, { tx, signature }, payer.secretKey);
}

/** An empty mempool above a fresh world, and short ways to it. */
export function setup(bounds: Partial<MempoolLimits> = {}) {
  const world = createWorld(3);
  const { network, params, reader } = world;
  const mempool = createMempool({ network, params, limits: { ...limits, ...bounds } });
  const check = (tx: SignedTx, height = 1) => mempool.check(tx, reader, { height });
  const offer = (tx: SignedTx): SignedTx => {
    const verdict = check(tx);
    if (!verdict.ok) throw new RangeError(`it is refused with ${verdict.code}`);
    mempool.add(tx);
    return tx;
  };
  const all = (maxCount = 99, maxBytes = 99_999) => mempool.candidates({ maxCount, maxBytes });
  return { world, mempool, check, offer, all, reader };
}

/** The state of the world with one account changed. */
export function stateWith(
  reader: StateReader,
  actor: Actor,
  change: { nonce: number; balance: bigint },
): StateReader {
  const changed = encodeEntry('account', { ...change, vault: 0n });
  return {
    get: (key: StateKey) => (key === accountKey(actor.id) ? changed : reader.get(key)),
  };
}
