import { base64, hex, sign } from '@aitbc/primitives';
import {
  addressOf,
  channelConfigOf,
  channelIdOf,
  claimBytes,
  encodeUnsignedTx,
  limits,
  nodeRpc,
  signVoucher,
  startContext,
  type TxBody,
  type TxKind,
  type UnsignedTx,
} from '@aitbc/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChainNode } from '../app.ts';
import {
  actor,
  call,
  codeOf,
  fund,
  makeFolder,
  nodeIn,
  post,
  resultOf,
  sendParams,
  signed,
  type TestFolder,
  transfer,
} from '../testing/test-node.ts';

let at: TestFolder;
let node: ChainNode;
const url = () => node.url as string;
const payer = actor(1);
const provider = actor(2);
const nonces = new Map<string, number>();
const ait = 1_000_000_000n;

async function send<K extends TxKind>(from: typeof payer, kind: K, body: TxBody<K>) {
  const nonce = nonces.get(from.publicKey) ?? 0;
  const fee = 12_000n; // also enough for a claim of two rows
  const tx = signed(at.network, from, { kind, body, nonce, fee });
  const status = await resultOf(url(), 'tx_sendAndWait', sendParams(tx));
  nonces.set(from.publicKey, nonce + 1);
  return status;
}

const allocation = {
  receiver: provider.publicKey,
  payerAuthorizer: payer.publicKey,
  receiverAuthorizer: provider.publicKey,
  withdrawDelayMs: 60_000,
  salt: '05'.repeat(32),
  amount: 3n * ait,
};
const channelId = () => channelIdOf(at.network, channelConfigOf(payer.publicKey, allocation));
const addressOfPayer = addressOf(payer.publicKey);
const addressOfProvider = addressOf(provider.publicKey);

beforeAll(async () => {
  at = makeFolder();
  node = nodeIn(at);
  await node.start();
  await fund(url(), payer, 500n * ait);
  await fund(url(), provider, 500n * ait);
});
afterAll(async () => {
  await node.stop();
  at.remove();
});

describe('the chain methods', () => {
  it('tell the status of the network', async () => {
    expect(await resultOf(url(), 'chain_status')).toMatchObject({
      network: 'ait-devnet',
      genesisHash: at.network.genesisHash,
      caip2: at.network.caip2,
      waitingTxs: 0,
      validators: at.genesis.validators,
      params: at.genesis.params,
    });
  });

  it('give a block by height and by hash, the newest by default, genesis without certificate', async () => {
    const newest = await resultOf(url(), 'chain_getBlock');
    expect(newest.certificate.blockHash).toBe(newest.hash);
    expect(newest.receipts).toHaveLength(newest.txs.length);
    expect(await resultOf(url(), 'chain_getBlock', { hash: newest.hash })).toEqual(newest);
    const { height } = newest.header;
    expect(await resultOf(url(), 'chain_getBlock', { height })).toEqual(newest);
    const genesis = await resultOf(url(), 'chain_getBlock', { height: 0 });
    expect(genesis).toMatchObject({ certificate: null, txs: [] });
    expect(await codeOf(url(), 'chain_getBlock', { height: 1e6 })).toBe('NOT_FOUND');
    expect(await codeOf(url(), 'chain_getBlock', { hash: 'ab'.repeat(32) })).toBe('NOT_FOUND');
    expect(await codeOf(url(), 'chain_getBlock', { height: 0, hash: newest.hash })).toBe(
      'BAD_REQUEST',
    );
    expect(await codeOf(url(), 'chain_getBlock', { height: -1 })).toBe('BAD_REQUEST');
    expect(await codeOf(url(), 'chain_getBlock', { hash: 'AB' })).toBe('BAD_REQUEST');
  });

  it('list headers downwards, page by page, each the parent of the one before', async () => {
    const seen: { hash: string; header: { height: number; parent: string } }[] = [];
    for (let from: number | null | undefined; from !== null; ) {
      const page = await resultOf(url(), 'chain_listBlocks', {
        limit: 1,
        ...(from === undefined ? {} : { from }),
      });
      seen.push(...page.blocks);
      from = page.next;
    }
    expect(seen.at(-1)?.header.height).toBe(0);
    for (const [index, { header }] of seen.slice(0, -1).entries()) {
      expect(header.parent).toBe(seen[index + 1]?.hash);
    }
    expect(await codeOf(url(), 'chain_listBlocks', { limit: limits.pageSize + 1 })).toBe(
      'BAD_REQUEST',
    );
    expect(await codeOf(url(), 'chain_listBlocks', { limit: 0 })).toBe('BAD_REQUEST');
    expect(
      (await resultOf(url(), 'chain_listBlocks', { from: 1e9, limit: 100 })).blocks,
    ).toHaveLength(seen.length);
  });
});

describe('channels and registrations', () => {
  it('are opened, claimed and read back', async () => {
    await send(payer, 'agent_register', { name: 'payer', endpoint: '', cardHash: '01'.repeat(32) });
    await send(provider, 'agent_register', {
      name: 'gpu',
      endpoint: 'http://x',
      cardHash: '02'.repeat(32),
    });
    await send(provider, 'provider_register', {
      authorizer: provider.publicKey,
      endpoint: 'http://x',
      bond: 100n * ait,
    });
    await send(payer, 'vault_deposit', { amount: 10n * ait, allocations: [allocation] });
    expect(await resultOf(url(), 'state_getAccount', { address: addressOfPayer })).toMatchObject({
      vault: (7n * ait).toString(),
    });
    expect(await resultOf(url(), 'state_getAgent', { address: addressOfPayer })).toEqual({
      address: addressOfPayer,
      name: 'payer',
      endpoint: '',
      cardHash: '01'.repeat(32),
    });
    expect(
      await resultOf(url(), 'state_getProvider', { address: addressOfProvider }),
    ).toMatchObject({ bond: (100n * ait).toString(), authorizer: provider.publicKey });
    expect((await resultOf(url(), 'state_listProviders')).providers).toHaveLength(1);

    const terms = {
      offerId: '0a'.repeat(32),
      jobId: '0b'.repeat(32),
      bodyDigest: '0c'.repeat(32),
      tokens: 16,
    };
    const context = startContext(at.network, terms);
    const voucher = signVoucher(
      at.network,
      { channelId: channelId(), maxClaimable: ait, context },
      payer.keys.secretKey,
    );
    const row = {
      channelId: channelId(),
      maxClaimable: ait,
      context,
      voucherSignature: voucher.signature,
      totalClaimed: ait,
    };
    const rows = [row, { ...row, totalClaimed: 2n * ait }];
    const authorizerSignature = hex(sign(claimBytes(at.network, rows), provider.keys.secretKey));
    const body = { receiverAuthorizer: provider.publicKey, rows, authorizerSignature };
    const claimed = await send(provider, 'channel_claim', body);
    expect(claimed.receipt.rows).toEqual([
      { channelId: channelId(), paid: ait.toString(), code: null },
      { channelId: channelId(), paid: '0', code: 'CLAIM_BEYOND_CAP' },
    ]);
    expect(await resultOf(url(), 'state_getChannel', { channelId: channelId() })).toMatchObject({
      payer: addressOfPayer,
      receiver: addressOfProvider,
      balance: (3n * ait).toString(),
      totalClaimed: ait.toString(),
      closed: false,
    });
  });

  it('are listed for payer and receiver in pages', async () => {
    for (let salt = 10; salt < 10 + 104; salt += 13) {
      const allocations = Array.from({ length: 13 }, (_, more) => ({
        ...allocation,
        amount: 1n,
        salt: (salt + more).toString(16).padStart(64, '0'),
      }));
      await send(payer, 'vault_deposit', { amount: 13n, allocations });
    }
    for (const side of [{ payer: addressOfPayer }, { receiver: addressOfProvider }]) {
      const first = await resultOf(url(), 'state_listChannels', side);
      expect(first.channels).toHaveLength(limits.pageSize);
      const second = await resultOf(url(), 'state_listChannels', { ...side, after: first.next });
      expect(second.next).toBeNull();
      const ids = [...first.channels, ...second.channels].map(({ channelId: id }) => id);
      expect(new Set(ids).size).toBe(105);
      expect([...ids].sort()).toEqual(ids);
    }
    expect(await resultOf(url(), 'state_listChannels', { payer: addressOfProvider })).toEqual({
      channels: [],
      next: null,
    });
    expect(await codeOf(url(), 'state_listChannels', {})).toBe('BAD_REQUEST');
    expect(
      await codeOf(url(), 'state_listChannels', {
        payer: addressOfPayer,
        receiver: addressOfPayer,
      }),
    ).toBe('BAD_REQUEST');
  });

  it('are refused by name when they are not there', async () => {
    const address = addressOf(actor(9).publicKey);
    expect(await codeOf(url(), 'state_getChannel', { channelId: '00'.repeat(32) })).toBe(
      'CHANNEL_UNKNOWN',
    );
    expect(await codeOf(url(), 'state_getAgent', { address })).toBe('AGENT_UNKNOWN');
    expect(await codeOf(url(), 'state_getProvider', { address })).toBe('PROVIDER_UNKNOWN');
    expect(await codeOf(url(), 'tx_get', { txId: '00'.repeat(32) })).toBe('NOT_FOUND');
    expect(await codeOf(url(), 'state_getAccount', { address: `${address.slice(0, -1)}q` })).toBe(
      'BAD_REQUEST',
    );
    expect(await resultOf(url(), 'state_getAccount', { address })).toMatchObject({
      balance: '0',
      nonce: 0,
      vault: '0',
    });
  });
});

describe('the audit', () => {
  it('finds every coin of genesis', async () => {
    const audit = await resultOf(url(), 'state_audit');
    expect(audit.problems).toEqual([]);
    expect(audit.supply).toBe(audit.genesisSupply);
    expect(audit.bonds).toBe((100n * ait).toString());
  });
});

describe('a simulation', () => {
  const unsigned = (overrides: Partial<UnsignedTx> = {}) =>
    encodeUnsignedTx({
      kind: 'transfer',
      chain: at.network.chain,
      nonce: nonces.get(payer.publicKey) ?? 0,
      validUntil: 0,
      from: payer.publicKey,
      fee: 10_000n,
      body: { to: provider.publicKey, amount: ait, memo: '' },
      ...overrides,
    } as UnsignedTx);

  it('shows the effects of unsigned bytes and changes nothing', async () => {
    const before = await resultOf(url(), 'state_getAccount', { address: addressOfPayer });
    const simulated = await resultOf(url(), 'tx_simulate', { tx: base64(unsigned()) });
    expect(simulated).toMatchObject({
      ok: true,
      code: null,
      message: null,
      tx: { kind: 'transfer' },
    });
    expect(simulated.effects).toContainEqual({
      address: addressOfPayer,
      what: 'balance',
      id: addressOfPayer,
      before: before.balance,
      after: (BigInt(before.balance) - ait - 10_000n).toString(),
    });
    expect(await resultOf(url(), 'state_getAccount', { address: addressOfPayer })).toEqual(before);
  });

  it('tells the refusal the chain would give', async () => {
    const poor = unsigned({ nonce: 99 });
    expect(await resultOf(url(), 'tx_simulate', { tx: base64(poor) })).toMatchObject({
      ok: false,
      code: 'TX_NONCE_TOO_HIGH',
      message: expect.stringContaining('99'),
      effects: [],
    });
  });

  it('takes signed bytes only with a valid signature, and no malformed ones', async () => {
    const tx = transfer(at.network, payer, {
      to: provider.publicKey,
      nonce: nonces.get(payer.publicKey) ?? 0,
    });
    expect(await resultOf(url(), 'tx_simulate', { ...sendParams(tx), signed: true })).toMatchObject(
      { ok: true },
    );
    const forged = Uint8Array.from(tx.bytes);
    forged[100] = 0xee;
    expect(await codeOf(url(), 'tx_simulate', { tx: base64(forged), signed: true })).toBe(
      'TX_SIGNATURE_INVALID',
    );
    expect(await codeOf(url(), 'tx_simulate', { tx: base64(tx.bytes) })).toBe('TX_MALFORMED');
  });
});

describe('the HTTP surface', () => {
  it('says what it is, that it lives, and its numbers', async () => {
    const about = await (await fetch(url())).json();
    expect(about).toMatchObject({ name: 'aitbc-node', genesisHash: at.network.genesisHash });
    expect((await fetch(`${url()}/health/live`)).status).toBe(200);
    expect((await fetch(`${url()}/health/ready`)).status).toBe(200);
    expect(await (await fetch(`${url()}/metrics`)).text()).toContain('process_cpu_seconds_total');
    expect((await fetch(`${url()}/nowhere`)).status).toBe(404);
  });

  it('answers broken JSON, oversized bodies and other types in the language of JSON-RPC', async () => {
    expect(await post(url(), '{"jsonrpc":')).toMatchObject({
      status: 200,
      body: { id: null, error: { code: -32700 } },
    });
    expect(await post(url(), '')).toMatchObject({ body: { error: { code: -32700 } } });
    const large = `"${'x'.repeat(limits.bodyBytes)}"`;
    expect(await post(url(), large)).toMatchObject({
      status: 413,
      body: { error: { data: { code: 'PAYLOAD_TOO_LARGE' } } },
    });
    const form = await fetch(url(), {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: '{}',
    });
    expect(await form.json()).toMatchObject({ error: { data: { code: 'BAD_REQUEST' } } });
  });

  it('takes batches up to the limit, and answers nothing to notifications', async () => {
    const one = { jsonrpc: '2.0', id: 1, method: 'mempool_status' };
    const batch = Array.from({ length: limits.rpcBatch }, (_, id) => ({ ...one, id }));
    const { body } = await post(url(), JSON.stringify(batch));
    expect((body as { id: number }[]).map(({ id }) => id)).toEqual(batch.map(({ id }) => id));
    expect(await post(url(), JSON.stringify([...batch, one]))).toMatchObject({
      body: { error: { code: -32600 } },
    });
    const silent = { jsonrpc: '2.0', method: 'mempool_status' };
    expect(await post(url(), JSON.stringify(silent))).toEqual({ status: 204, body: undefined });
  });

  it('has exactly the methods of the table, and subscriptions only over WebSocket', async () => {
    for (const method of Object.keys(nodeRpc)) {
      expect((await call(url(), method, { no: 'such name' })).error?.code).toBe(-32602);
    }
    expect((await call(url(), 'subscribe', { topic: 'finalBlocks' })).error?.code).toBe(-32601);
  });
});
