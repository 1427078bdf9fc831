/** How each system wants to be paid: what is sent beside the body, and what is learned from the answer. */
import { hex, keyPairFromSeed, randomBytes } from '@aitbc/primitives';
import {
  addressOf,
  amountOf,
  bodyDigestOf,
  encodePayment,
  encodePaymentHeader,
  fullCharge,
  jobIdOf,
  networkFromHash,
  paymentHeaders,
  priceOf,
  promptTokensBound,
  requirementsOf,
  signVoucher,
  startContext,
} from '@aitbc/protocol';
import {
  createBuyer,
  createCoordinatorClient,
  createLocalSigner,
  createMemoryStore,
  createNodeClient,
  createTxSender,
} from '@aitbc/sdk';
import { createChannelClient } from '@aitbc/x402';
import { keyOf } from '@aitbc/x402/testing';
import { headerOf } from './client.mjs';

const seedBytes = 32;
const fundNait = 10n ** 11n;
const chargedMark = /"charged":"(\d+)"/g;

/** Nobody is paid. */
export const free = () => ({ headers: {}, done() {} });

/** Opens a channel of a fresh account with the provider; then every call is paid by one voucher, signed by hand. */
export async function openHandBuyer({ devnet, model, messages }) {
  const { node: rpcNode } = devnet.clients;
  const node = createNodeClient({ url: devnet.daemon('node').url });
  const baseUrl = devnet.daemon('coordinator').url;
  const coordinator = createCoordinatorClient({ baseUrl });
  const { network } = await node.network();
  const account = keyPairFromSeed(randomBytes(seedBytes));
  const hotKey = keyPairFromSeed(randomBytes(seedBytes));
  const address = addressOf(hex(account.publicKey));
  const { txId } = await rpcNode.rpc.dev_faucet({ address });
  while ((await rpcNode.rpc.tx_get({ txId })).status !== 'final') {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const sender = createTxSender({ node, signer: createLocalSigner(network, account.secretKey) });
  const amounts = { jobMax: fundNait, dayMax: fundNait * 10n, channelFund: fundNait };
  const options = { ...amounts, vaultFund: fundNait * 2n, allowPrivate: true };
  const store = createMemoryStore();
  const buyer = await createBuyer(options, { node, coordinator, sender, hotKey, store });
  const request = { model, messages, maxTokens: 1, stream: true, stop: [] };
  const job = await buyer.run({ request, idempotencyKey: 'first' });
  for await (const event of job.events) if (event.type === 'end') break;
  const [{ channelId, settled }] = buyer.channels();
  await buyer.close();
  const { offers } = await coordinator.route({ models: [model] });
  await node.close();
  const payer = hex(account.publicKey);
  return handBuyer({ network, hotKey, payer, channelId, settled, offer: offers[0] });
}

function handBuyer({ network, hotKey, payer, channelId, settled, offer: { offerId, offer } }) {
  const price = priceOf(offer.payload);
  let charged = settled;
  let reserved = 0n;
  let count = 0;
  return ({ body, tokens, messages }) => {
    count += 1;
    const idempotencyKey = `bench-${count}`;
    const bodyDigest = bodyDigestOf(Buffer.from(body));
    const jobId = jobIdOf(network, { payer, idempotencyKey, bodyDigest });
    const usage = { promptTokens: promptTokensBound(messages), outputTokens: tokens };
    const need = fullCharge(price, usage);
    reserved += need;
    const maxClaimable = charged + reserved;
    const context = startContext(network, { offerId, jobId, bodyDigest, tokens });
    const voucher = signVoucher(network, { channelId, maxClaimable, context }, hotKey.secretKey);
    const payment = encodePayment(requirementsOf(offerId, offer.payload, need), {
      type: 'voucher',
      ...{ offerId, channelId, idempotencyKey, tokens },
      maxClaimable: maxClaimable.toString(),
      signature: voucher.signature,
    });
    return {
      headers: { [paymentHeaders.signature]: payment },
      done(text) {
        const last = [...text.matchAll(chargedMark)].at(-1);
        if (!last) throw new Error('an answer without a receipt');
        charged += amountOf(last[1]);
        reserved -= need;
      },
    };
  };
}

/** Pays the stock middleware by vouchers, as our client scheme for it does; each lane on a channel of its own. */
export async function openX402Buyer({ url, configs, balance, path, body }) {
  const header = await headerOf(url, { path, body, name: 'payment-required' });
  const [accepted] = JSON.parse(Buffer.from(header, 'base64').toString()).accepts;
  const network = networkFromHash('ait-test', 'c4'.repeat(32)); // of the chain in memory
  const { secretKey } = keyOf(4);
  const balanceNait = amountOf(balance);
  const schemes = configs.map((config) =>
    createChannelClient({ network, channel: async () => ({ config, balanceNait, secretKey }) }),
  );
  return async (_call, lane) => {
    const payment = await schemes[lane].createPaymentPayload(2, accepted);
    const headers = { 'payment-signature': encodePaymentHeader({ ...payment, accepted }) };
    return { headers, done() {} };
  };
}
