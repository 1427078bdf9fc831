/**
 * Strangers with stock packages on a real network: `openai` pays a provider through `@x402/fetch`, by single transfers and
 * by vouchers, and a shop of somebody else is paid with the coordinator as its facilitator.
 */
import { hex, keyPairFromSeed, randomBytes } from '@aitbc/primitives';
import {
  accountIdOf,
  addressOf,
  channelConfigOf,
  channelIdOf,
  type Hex,
  unwrap,
} from '@aitbc/protocol';
import { type ChainInfo, createLocalSigner, createTxSender, type TxSender } from '@aitbc/sdk';
import {
  createChannelClient,
  createChannelServer,
  createTransferClient,
  createTransferServer,
  type GuardedScheme,
  type PayingChannel,
} from '@aitbc/x402';
import { HTTPFacilitatorClient, x402ResourceServer } from '@x402/core/server';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNetwork, type TestNetwork, until } from './harness.ts';

type Keys = ReturnType<typeof keyPairFromSeed>;

let network: TestNetwork;
let info: ChainInfo;
let providerUrl: string;
let coordinatorUrl: string;
let model: string;
let buyer: { keys: Keys; account: Hex; address: string; sender: TxSender };

async function createAccount() {
  const { node } = network.devnet.clients;
  const keys = keyPairFromSeed(randomBytes(32));
  const account = hex(keys.publicKey);
  const address = addressOf(account);
  const { txId } = await node.rpc.dev_faucet({ address });
  await until('the account has coins', async () => {
    return (await node.rpc.tx_get({ txId })).status === 'final';
  });
  const signer = createLocalSigner(info.network, keys.secretKey);
  return { keys, account, address, sender: createTxSender({ node, signer }) };
}

async function balanceOf(address: string): Promise<bigint> {
  return BigInt((await network.devnet.clients.node.rpc.state_getAccount({ address })).balance);
}

/** A channel of the buyer on the real chain. */
async function openChannel(receiver: Hex, receiverAuthorizer: Hex): Promise<PayingChannel> {
  const hot = keyPairFromSeed(randomBytes(32));
  const amount = 1_000_000_000n;
  const allocation = {
    receiver,
    payerAuthorizer: hex(hot.publicKey),
    receiverAuthorizer,
    withdrawDelayMs: 3_600_000,
    salt: hex(randomBytes(32)),
    amount,
  };
  await buyer.sender.send('vault_deposit', { amount, allocations: [allocation] });
  const config = channelConfigOf(buyer.account, allocation);
  return { config, balanceNait: amount, secretKey: hot.secretKey };
}

function payingFetch(scheme: GuardedScheme): typeof fetch {
  const caip2 = info.network.caip2 as `aitbc:${string}`;
  const client = new x402Client()
    .register('aitbc:*', scheme)
    .setSpendControls({ allowedAssets: [{ network: caip2, asset: 'native' }] });
  return wrapFetchWithPayment(scheme.guard(fetch), client);
}

async function ask(fetching: typeof fetch): Promise<string> {
  const client = new OpenAI({ baseURL: `${providerUrl}/v1`, apiKey: 'none', fetch: fetching });
  const messages = [{ role: 'user' as const, content: 'Say hello.' }];
  const request = { model, messages, max_tokens: 12, stream: true } as const;
  let text = '';
  for await (const chunk of await client.chat.completions.create(request)) {
    text += chunk.choices[0]?.delta.content ?? '';
  }
  return text;
}

beforeAll(async () => {
  network = await startNetwork({ validators: 1 });
  const { clients, daemon } = network.devnet;
  info = await clients.node.network();
  providerUrl = daemon('provider').url;
  coordinatorUrl = daemon('coordinator').url;
  buyer = await createAccount();
  const { offers } = await until('the provider has offers', async () => {
    const list = await clients.provider.offers({});
    return list.offers.length > 0 && list;
  });
  model = offers[0]?.payload.model ?? '';
});
afterAll(() => network?.end());

describe('a stock client at a provider', () => {
  it('pays a call by a transfer that the provider sends', async () => {
    const before = await balanceOf(buyer.address);
    const { secretKey } = buyer.keys;
    const scheme = createTransferClient({ network: info.network, secretKey });
    expect(await ask(payingFetch(scheme))).not.toBe('');
    expect(before - (await balanceOf(buyer.address))).toBeGreaterThan(1_000n);
  });

  it('pays a call by a transfer of its own and gets back what it did not use', async () => {
    const stranger = await createAccount();
    const before = await balanceOf(stranger.address);
    let txId = '';
    const scheme = createTransferClient({
      network: info.network,
      secretKey: stranger.keys.secretKey,
      async send({ to, amountNait, memo }) {
        const body = { to, amount: amountNait + 50_000n, memo };
        txId = (await stranger.sender.send('transfer', body)).tx.txId ?? '';
        return txId;
      },
    });
    expect(await ask(payingFetch(scheme))).not.toBe('');
    const { charged, credit } = await until('the refund is final', async () => {
      const answer = await fetch(`${providerUrl}/v1/payments/one-shot/${txId}`);
      const shown = (await answer.json()) as Record<string, string> & { refundIsFinal: boolean };
      return shown.refundIsFinal && shown;
    });
    expect(BigInt(credit ?? '')).toBeGreaterThan(49_000n);
    const paid = before - (await balanceOf(stranger.address));
    expect(paid).toBe(BigInt(charged ?? '') + 2_000n); // the transfer's fee, and that of the refund
  });

  it('pays calls by vouchers on a channel', async () => {
    const { payload } = (await network.devnet.clients.provider.offers({})).offers[0] ?? {};
    const receiver = unwrap(accountIdOf(payload?.provider ?? ''));
    const channel = await openChannel(receiver, payload?.authorizer ?? '');
    const scheme = createChannelClient({ network: info.network, channel: async () => channel });
    const fetching = payingFetch(scheme);
    expect(await ask(fetching)).not.toBe('');
    expect(await ask(fetching)).not.toBe('');
    const { node, provider } = network.devnet.clients;
    const channelId = channelIdOf(info.network, channel.config);
    const owner = network.devnet.providers.values().next().value ?? provider;
    await owner.claimNow({});
    await until('the claim is on chain', async () => {
      return (await node.rpc.state_getChannel({ channelId })).totalClaimed !== '0';
    });
  });
});

describe('a shop with the coordinator as its facilitator', () => {
  it('is paid on the real chain by voucher and by transfer', async () => {
    const shop = await createAccount();
    const hot = keyPairFromSeed(randomBytes(32));
    const authorizer = { publicKey: hex(hot.publicKey), secretKey: hot.secretKey };
    const caip2 = info.network.caip2 as `aitbc:${string}`;
    const facilitator = new HTTPFacilitatorClient({ url: coordinatorUrl });
    const server = new x402ResourceServer(facilitator)
      .register(
        caip2,
        createChannelServer({
          network: info.network,
          authorizer,
          feeKey: shop.keys.secretKey,
          claimThresholdNait: 1n,
        }),
      )
      .register(caip2, createTransferServer({ network: info.network, facilitator }));
    await server.initialize();
    const sale = { network: caip2, payTo: shop.address, price: '0.000005 AIT' };
    const [vouchers] = await server.buildPaymentRequirements({
      ...sale,
      scheme: 'batch-settlement',
    });
    const [transfers] = await server.buildPaymentRequirements({ ...sale, scheme: 'exact' });
    if (!vouchers || !transfers) throw new Error('no terms');

    const channel = await openChannel(shop.account, authorizer.publicKey);
    const byVoucher = createChannelClient({ network: info.network, channel: async () => channel });
    const made = await byVoucher.createPaymentPayload(2, vouchers);
    const payment = { ...made, accepted: vouchers };
    expect(await server.verifyPayment(payment, vouchers)).toMatchObject({ isValid: true });
    const actual = { amount: '4000' };
    const settled = await server.settlePayment(payment, vouchers, undefined, undefined, actual);
    expect(settled).toMatchObject({
      success: true,
      transaction: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const channelId = channelIdOf(info.network, channel.config);
    const { node } = network.devnet.clients;
    expect((await node.rpc.state_getChannel({ channelId })).totalClaimed).toBe('4000');

    const before = await balanceOf(shop.address);
    const byTransfer = createTransferClient({
      network: info.network,
      secretKey: buyer.keys.secretKey,
    });
    const transfer = {
      ...(await byTransfer.createPaymentPayload(2, transfers)),
      accepted: transfers,
    };
    const racers = await Promise.all([
      server.settlePayment(transfer, transfers),
      server.settlePayment(transfer, transfers),
    ]);
    expect(racers.map(({ success }) => success).sort()).toEqual([false, true]);
    expect(await balanceOf(shop.address)).toBe(before + 5_000n);
  });
});
