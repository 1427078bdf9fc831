import { base64, bytesFromBase64, keyPairFromSeed } from '@aitbc/primitives';
import {
  AppError,
  decodeTx,
  devnetParams,
  type Network,
  networkFromHash,
  type SignedTx,
  txToJson,
  unwrap,
  verifyTx,
} from '@aitbc/protocol';
import { describe, expect, it } from 'vitest';
import type { NodeClient } from './node-client.ts';
import { createLocalSigner, createWalletSigner, type WalletSigning } from './signer.ts';
import { createTxSender, feeOf, type TxStatus } from './tx-sender.ts';

const network: Network = networkFromHash('ait-test', 'cd'.repeat(32));
const { secretKey } = keyPairFromSeed(new Uint8Array(32).fill(7));
const other = createLocalSigner(network, keyPairFromSeed(new Uint8Array(32).fill(8)).secretKey);

/** A chain of one account: takes the next nonce only, like a mempool. */
function createFakeNode() {
  const taken: SignedTx[] = [];
  const faults: (() => void)[] = [];
  const finalOf = (tx: SignedTx): TxStatus => ({
    status: 'final',
    tx: txToJson(tx) as TxStatus['tx'],
    receipt: null,
    blockHash: null,
  });
  const rpc = {
    state_getAccount: async ({ address }: { address: string }) => ({
      address,
      balance: '0',
      nonce: 0,
      vault: '0',
      pendingNonce: taken.length,
    }),
    tx_sendAndWait: async ({ tx }: { tx: string }) => {
      const signed = unwrap(decodeTx(network, bytesFromBase64(tx) ?? new Uint8Array()));
      const expected = taken.length;
      const facts = { got: signed.nonce, expected, from: signed.from };
      if (signed.nonce > expected) throw new AppError('TX_NONCE_TOO_HIGH', facts);
      if (signed.nonce < expected) throw new AppError('TX_NONCE_TOO_LOW', facts);
      taken.push(signed);
      faults.shift()?.();
      return finalOf(signed);
    },
    tx_get: async ({ txId }: { txId: string }) => {
      const found = taken.find((tx) => tx.txId === txId);
      if (!found) throw new AppError('NOT_FOUND', { what: 'transaction' });
      return finalOf(found);
    },
  };
  const node = { rpc, network: async () => ({ network, params: devnetParams }) };
  return { taken, faults, node: node as unknown as NodeClient };
}

const transfer = { to: other.accountId, amount: 5n, memo: '' };

describe('transaction sender', () => {
  it('fills in chain, nonce and fee and signs for the network', async () => {
    const { node, taken } = createFakeNode();
    const sender = createTxSender({ node, signer: createLocalSigner(network, secretKey) });
    const status = await sender.send('transfer', transfer);
    expect(status.status).toBe('final');
    expect(taken[0]).toMatchObject({
      nonce: 0,
      fee: BigInt(devnetParams.fees.transfer),
      chain: network.chain,
    });
    expect(verifyTx(network, taken[0] as SignedTx)).toBe(true);
  });

  it('numbers sends that run at once', async () => {
    const { node, taken } = createFakeNode();
    const sender = createTxSender({ node, signer: createLocalSigner(network, secretKey) });
    await Promise.all(Array.from({ length: 10 }, () => sender.send('transfer', transfer)));
    expect(taken.map(({ nonce }) => nonce)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('reads the nonce anew when another program used it', async () => {
    const { node, taken } = createFakeNode();
    const signer = createLocalSigner(network, secretKey);
    const sender = createTxSender({ node, signer });
    await sender.send('transfer', transfer);
    await createTxSender({ node, signer }).send('transfer', transfer);
    await sender.send('transfer', transfer);
    expect(taken).toHaveLength(3);
  });

  it('does not send twice when the answer is lost after the node took it', async () => {
    const { node, taken, faults } = createFakeNode();
    faults.push(() => {
      throw new AppError('UNAVAILABLE', { what: 'node', reason: 'reset' });
    });
    const sender = createTxSender({ node, signer: createLocalSigner(network, secretKey) });
    expect((await sender.send('transfer', transfer)).status).toBe('final');
    expect(taken).toHaveLength(1);
  });

  it('hands the same transaction in again to a node that was away, which did not take it', async () => {
    const { node, taken } = createFakeNode();
    const handedIn: string[] = [];
    const { tx_sendAndWait: take } = node.rpc;
    Object.assign(node.rpc, {
      tx_sendAndWait(input: { tx: string; timeoutMs: number }) {
        handedIn.push(input.tx);
        if (handedIn.length > 2) return take(input);
        throw new AppError('UNAVAILABLE', { what: 'The node', reason: 'it is stopping' });
      },
    });
    const sender = createTxSender({ node, signer: createLocalSigner(network, secretKey) });
    expect((await sender.send('transfer', transfer)).status).toBe('final');
    expect([new Set(handedIn).size, handedIn.length, taken.length]).toEqual([1, 3, 1]);
  });

  it('says that a node stays away', async () => {
    const { node } = createFakeNode();
    const away = new AppError('UNAVAILABLE', { what: 'node', reason: 'ECONNREFUSED' });
    Object.assign(node.rpc, { tx_sendAndWait: () => Promise.reject(away) });
    const sender = createTxSender({ node, signer: createLocalSigner(network, secretKey) });
    await expect(sender.send('transfer', transfer)).rejects.toBe(away);
  });

  it('hands on a refusal that has nothing to do with the nonce', async () => {
    const { node } = createFakeNode();
    const refusal = new AppError('TX_FUNDS_INSUFFICIENT', {
      account: 'a',
      available: 0,
      needed: 1,
    });
    Object.assign(node.rpc, { tx_sendAndWait: () => Promise.reject(refusal) });
    const sender = createTxSender({ node, signer: createLocalSigner(network, secretKey) });
    await expect(sender.send('transfer', transfer)).rejects.toMatchObject({
      code: 'TX_FUNDS_INSUFFICIENT',
    });
  });

  it('pays the fee of each row of a claim', async () => {
    const { node, taken } = createFakeNode();
    const sender = createTxSender({ node, signer: createLocalSigner(network, secretKey) });
    const row = {
      channelId: '00'.repeat(32),
      maxClaimable: 1n,
      context: '00'.repeat(32),
      voucherSignature: '00'.repeat(64),
      totalClaimed: 1n,
    };
    await sender.send('channel_claim', {
      receiverAuthorizer: '00'.repeat(32),
      rows: [row, row],
      authorizerSignature: '00'.repeat(64),
    });
    const { fees, feePerRow } = devnetParams;
    expect(taken[0]?.fee).toBe(BigInt(fees.channel_claim) + 2n * BigInt(feePerRow));
  });
});

describe('wallet signer', () => {
  const local = createLocalSigner(network, secretKey);
  const unsigned = {
    kind: 'transfer' as const,
    chain: network.chain,
    nonce: 3,
    validUntil: 0,
    from: local.accountId,
    fee: 1n,
    body: transfer,
  };
  const walletOf = (answer: () => Promise<string>): WalletSigning => ({
    sign: async () => ({ tx: await answer() }),
  });

  it('returns what the wallet signed when it is the same transaction', async () => {
    const wallet = walletOf(async () => base64((await local.signTx(unsigned)).bytes));
    const signer = createWalletSigner({ wallet, address: local.address, network });
    expect((await signer.signTx(unsigned)).nonce).toBe(3);
  });

  it('refuses another transaction, another key and nonsense', async () => {
    const answers = [
      async () => base64((await local.signTx({ ...unsigned, fee: 2n })).bytes),
      async () => {
        const bytes = (await local.signTx(unsigned)).bytes;
        bytes.fill(1, -64);
        return base64(bytes);
      },
      async () => 'AAAA',
      async () => '*',
    ];
    for (const answer of answers) {
      const options = { wallet: walletOf(answer), address: local.address, network };
      await expect(createWalletSigner(options).signTx(unsigned)).rejects.toMatchObject({
        code: 'ANSWER_INVALID',
      });
    }
  });
});

describe('the fee of a transaction', () => {
  it('is flat, and grows with the rows of a claim and the operations of a batch', () => {
    const params = { ...devnetParams, feePerRow: '7', feePerOperation: '3' };
    const flat = BigInt(devnetParams.fees.transfer);
    expect(feeOf(params, 'transfer', transfer)).toBe(flat);
    expect(feeOf(params, 'channel_claim', { rows: [{}, {}] })).toBe(flat + 14n);
    const operations = [1, 2, 3].map(() => ({ kind: 'transfer', body: transfer }));
    expect(feeOf(params, 'batch', { operations })).toBe(flat + 9n);
    expect(feeOf(params, 'multisig_propose', { operations })).toBe(flat + 9n);
  });
});
