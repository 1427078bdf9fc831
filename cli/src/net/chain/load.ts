/**
 * Load: some accounts, each sending one transfer after the other, to whichever node answers. What a node
 * called final is written down and must be true for ever. A transaction that got no answer is sent again
 * as it is, so nothing is ever paid twice.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Identity } from '@aitbc/node/testing';
import { base64 } from '@aitbc/primitives';
import { addressOf, type SignedTx, signTx } from '@aitbc/protocol';
import type { NodesView } from './nodes-view.ts';
import { call, RpcRefusal } from './rpc.ts';

/** A transaction that a node reported as final. */
export interface Acknowledged {
  readonly txId: string;
  readonly blockHash: string;
  readonly height: number;
  readonly atMs: number;
}

/** Running senders. */
export interface Load {
  /** All that was acknowledged since the start. */
  readonly acknowledged: readonly Acknowledged[];
  /** Refusals that no honest sender should get. */
  readonly surprises: readonly string[];
  stop(): Promise<void>;
}

const waitMs = 2_000;
const againMs = 50;
/** What a repeated transaction is told when it came in the first time. */
const knownCodes = ['TX_DUPLICATE', 'TX_NONCE_PENDING', 'TX_NONCE_TOO_LOW'];
/** A node that lags behind, or is about to stop, may say so; the next one is asked. */
const passingCodes = ['TX_NONCE_TOO_HIGH', 'NOT_FOUND', 'CANCELLED', 'UNAVAILABLE', 'MEMPOOL_FULL'];

/** Starts a sender for each account; `everyMs` is the pause of each behind a transfer. */
export function startLoad(net: NodesView, senders: readonly Identity[], everyMs = 0): Load {
  const acknowledged: Acknowledged[] = [];
  const surprises: string[] = [];
  let isStopped = false;
  /** Sends one transfer until a node says how it ended; gives the number of the node to ask first next time. */
  const settle = async (tx: SignedTx, first: number): Promise<number> => {
    for (let at = first; !isStopped; at += 1) {
      const nodes = net.awake();
      const node = nodes[at % nodes.length];
      const told = node === undefined ? undefined : await attempt(net, node, tx);
      if (told instanceof RpcRefusal) surprises.push(told.message);
      else if (told) acknowledged.push(told);
      if (told) return at;
      await sleep(againMs);
    }
    return first;
  };
  const drive = async (from: Identity, number: number): Promise<void> => {
    let nonce = await firstNonce(net, from);
    for (let at = number; !isStopped; nonce += 1) {
      at = await settle(transferOf(net, from, nonce), at);
      if (everyMs > 0) await sleep(everyMs);
    }
  };
  const running = senders.map(drive);
  return {
    acknowledged,
    surprises,
    async stop() {
      isStopped = true;
      await Promise.all(running);
    },
  };
}

/** Next nonce as the furthest node knows it. */
async function firstNonce(net: NodesView, { publicKey }: Identity): Promise<number> {
  const address = addressOf(publicKey);
  const known = await Promise.all(
    net.awake().map((at) => call(net.url(at), 'state_getAccount', { address })),
  );
  return Math.max(...known.map(({ pendingNonce }) => pendingNonce));
}

/** An account of nobody, never the sender's own. */
function strangerTo(publicKey: string): string {
  return publicKey.replace(/^../, (byte) => (byte === '77' ? '78' : '77'));
}

function transferOf({ network, genesis }: NodesView, from: Identity, nonce: number): SignedTx {
  const tx = {
    kind: 'transfer',
    chain: network.chain,
    nonce,
    validUntil: 0,
    from: from.publicKey,
    fee: BigInt(genesis.params.fees.transfer),
    body: { to: strangerTo(from.publicKey), amount: 3n, memo: '' },
  } as const;
  return signTx(network, tx, from.keys.secretKey);
}

/** What one node says; undefined when it said nothing that settles it. */
async function attempt(
  net: NodesView,
  at: number,
  tx: SignedTx,
): Promise<Acknowledged | RpcRefusal | undefined> {
  try {
    const url = net.url(at);
    const answer = await send(url, tx);
    if (answer?.status !== 'final') return undefined;
    const { blockHash, receipt } = answer;
    return { txId: tx.txId, blockHash, height: receipt.height, atMs: performance.now() };
  } catch (error) {
    if (!(error instanceof RpcRefusal)) return undefined; // it is gone, or was stopped under the call
    return passingCodes.includes(error.code) ? undefined : error;
  }
}

async function send(url: string, { txId, bytes }: SignedTx) {
  try {
    return await call(url, 'tx_sendAndWait', { tx: base64(bytes), timeoutMs: waitMs });
  } catch (error) {
    const isKnown = error instanceof RpcRefusal && knownCodes.includes(error.code);
    if (!isKnown) throw error;
    return call(url, 'tx_get', { txId });
  }
}
