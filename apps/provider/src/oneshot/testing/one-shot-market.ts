/** A provider whose chain really moves coins, and buyers who pay it by single transfers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64, bytesFromBase64, utf8 } from '@aitbc/primitives';
import {
  AppError,
  bodyDigestOf,
  decodeTx,
  encodePaymentHeader,
  expiringLane,
  type Hex,
  jobIdOf,
  type Network,
  offerIdOf,
  oneShotScheme,
  type PaymentRequirements,
  paymentReferenceOf,
  type SignedTx,
  signTx,
  signTxIdProof,
  txToJson,
  unwrap,
} from '@aitbc/protocol';
import { createLocalSigner, type TxSender } from '@aitbc/sdk';
import { createMemoryChain, keyOf, type MemoryChain } from '@aitbc/x402/testing';
import { loadKey } from '../../account/key-file.ts';
import type { ChainClient } from '../../chain/chain-client.ts';
import { createFakeChain } from '../../testing/fake-chain.ts';
import { startProvider, type TestProvider, type TestWishes } from '../../testing/start-provider.ts';

/** Wishes for one transfer; what is left out pays for the call. */
export interface TransferWishes {
  readonly amount?: bigint;
  readonly to?: Hex;
  readonly memo?: Hex;
  readonly validUntil?: number;
  readonly ordinaryLane?: boolean;
  readonly nonce?: number;
}

/** A payer. */
export interface Payer {
  readonly account: Hex;
  readonly address: string;
  transfer(body: string, wishes?: TransferWishes): SignedTx;
  /** Header that names a transfer that was sent. */
  txIdHeader(body: string, txid: Hex, as?: Payer): string;
  /** Header that hands a transfer over. */
  transferHeader(tx: SignedTx): string;
  readonly secretKey: Uint8Array;
}

/** The market. */
export interface OneShotMarket extends TestProvider {
  readonly coins: MemoryChain;
  readonly calls: { sends: number };
  payer(seed: number): Payer;
  post(body: string, payment?: string): Promise<Response>;
  /** Puts a transfer on chain, final at once. */
  send(tx: SignedTx): Promise<Hex>;
  jobIdOf(payer: Payer, txId: Hex, body: string): Hex;
}

/** What a test may choose besides. */
export interface MarketWishes extends TestWishes {
  /** Called before a transaction of the provider is sent. */
  readonly onSend?: (tx: SignedTx) => Promise<void> | void;
}

/** Starts a provider over a chain in memory. */
export async function startOneShots(wishes: MarketWishes = {}): Promise<OneShotMarket> {
  const chain = wishes.chain ?? createFakeChain();
  const { network } = chain;
  const coins = createMemoryChain(network);
  coins.height = chain.state.height;
  const dataDir = wishes.dataDir ?? mkdtempSync(join(tmpdir(), 'aitbc-one-shot-'));
  const account = loadKey(join(dataDir, 'account.key'));
  coins.give(account.publicKey, 1_000_000n);
  const calls = { sends: 0 };
  const onSend = async (tx: SignedTx): Promise<void> => {
    calls.sends += 1;
    await wishes.onSend?.(tx);
  };
  const rpc = { ...chain.client.rpc, ...txRpc(coins, onSend) } as ChainClient['rpc'];
  const signer = createLocalSigner(network, account.secretKey);
  const sender: TxSender = { ...chain.sender, signer };
  const test = await startProvider({
    ...wishes,
    chain,
    dataDir,
    deps: { chain: { ...chain.client, rpc }, sender, ...wishes.deps },
  });
  const offerId = offerIdOf(network, test.offer.payload);
  const payer = createPayers({ network, coins, offerId, provider: account.publicKey });
  return {
    ...test,
    dataDir,
    coins,
    calls,
    payer,
    post: (body, payment) =>
      fetch(`${test.url}/v1/chat/completions`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(payment === undefined ? {} : { 'payment-signature': payment }),
        },
        body,
      }),
    send: async (tx) => (await coins.submit(tx)).txId,
    jobIdOf: ({ account: from }, txId, body) =>
      jobIdOf(network, { payer: from, idempotencyKey: txId, bodyDigest: digestOf(body) }),
    async stop() {
      await test.stop();
      if (!wishes.dataDir) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Calls of a node for transactions, over the coins in memory. */
function txRpc(coins: MemoryChain, onSend: (tx: SignedTx) => Promise<void>) {
  const { network } = coins;
  return {
    async tx_get({ txId }: { txId: Hex }) {
      const tx = coins.sent.find((sent) => sent.txId === txId);
      if (!tx) throw new AppError('NOT_FOUND', { what: `transaction ${txId}` });
      return { status: 'final', tx: txToJson(tx), receipt: null, blockHash: null };
    },
    async tx_sendAndWait({ tx: text }: { tx: string }) {
      const tx = unwrap(decodeTx(network, bytesFromBase64(text) ?? new Uint8Array(0)));
      await onSend(tx);
      await coins.submit(tx);
      return { status: 'final', tx: txToJson(tx), receipt: null, blockHash: null };
    },
  };
}

function digestOf(body: string): Hex {
  return bodyDigestOf(utf8(body));
}

interface PayerDeps {
  readonly network: Network;
  readonly coins: MemoryChain;
  readonly offerId: Hex;
  /** Account id of the provider. */
  readonly provider: Hex;
}

function createPayers({ network, coins, offerId, provider }: PayerDeps): (seed: number) => Payer {
  const accepted = { scheme: oneShotScheme, network: network.caip2 } as PaymentRequirements;
  const header = (payload: Record<string, unknown>): string =>
    encodePaymentHeader({ x402Version: 2, accepted, payload: { ...payload, offerId } });
  return (seed) => {
    const { publicKey: from, secretKey, address } = keyOf(seed);
    coins.give(from, 10_000_000n);
    return {
      account: from,
      address,
      secretKey,
      transfer(body, { amount = 1_000n, to, memo, validUntil, ordinaryLane, nonce = 1 } = {}) {
        const reference = paymentReferenceOf(network, { offerId, bodyDigest: digestOf(body) });
        const tx = {
          kind: 'transfer',
          chain: network.chain,
          ...(ordinaryLane ? {} : { lane: expiringLane }),
          nonce,
          validUntil: validUntil ?? coins.height + 100,
          from,
          fee: 1_000n,
          body: { to: to ?? provider, amount, memo: memo ?? reference },
        } as const;
        return signTx(network, tx, secretKey);
      },
      txIdHeader(body, txid, as) {
        const proof = { txid, bodyDigest: digestOf(body) };
        const signature = signTxIdProof(network, proof, as?.secretKey ?? secretKey);
        return header({ type: 'txid', txid, payer: as?.address ?? address, signature });
      },
      transferHeader: ({ bytes }) => header({ type: 'transfer', transaction: base64(bytes) }),
    };
  };
}
