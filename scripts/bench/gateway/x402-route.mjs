/**
 * The stock x402 way as a process: an Express route behind the middleware of `@x402/express`, our voucher scheme,
 * and a facilitator in the same process. What is due is never claimed here: only the request counts.
 */
import { Agent, request } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { createChannelServer, createFacilitator } from '@aitbc/x402';
import { createMemoryChain, keyOf } from '@aitbc/x402/testing';

const peers = createRequire(new URL('peers/package.json', import.meta.url));
const load = (name) => import(pathToFileURL(peers.resolve(name)));
const { default: express } = await load('express');
const { paymentMiddleware, x402ResourceServer } = await load('@x402/express');

const engineUrl = new URL(process.env.AITBC_BENCH_ENGINE);
const agent = new Agent({ keepAlive: true, maxSockets: 1_024 });
const [seller, sellerHot, buyer, buyerHot] = [1, 2, 3, 4].map(keyOf);
const balance = 10n ** 15n;
const lanes = 256;

const chain = createMemoryChain();
const { network } = chain;
const facilitator = createFacilitator(network, chain);
const config = {
  payer: buyer.publicKey,
  payerAuthorizer: buyerHot.publicKey,
  receiver: seller.publicKey,
  receiverAuthorizer: sellerHot.publicKey,
  withdrawDelayMs: 3_600_000,
};
// One for each lane of the client: this book takes the vouchers of a channel in their order only.
const configs = Array.from({ length: lanes }, (_, lane) => ({
  ...config,
  salt: lane.toString(16).padStart(64, '0'),
}));
for (const one of configs) chain.open(one, balance);
const scheme = createChannelServer({
  network,
  authorizer: sellerHot,
  feeKey: seller.secretKey,
  claimThresholdNait: balance,
});
const shop = new x402ResourceServer({
  verify: facilitator.verify,
  settle: facilitator.settle,
  getSupported: facilitator.supported,
}).register(network.caip2, scheme);
const path = '/v1/chat/completions';
const price = { asset: 'native', amount: '1000' };
const accepts = {
  ...{ scheme: 'batch-settlement', network: network.caip2 },
  ...{ payTo: seller.address, price },
};
const app = express();
app.use(paymentMiddleware({ [`POST ${path}`]: { accepts } }, shop));
app.post(path, (incoming, response) => {
  const { method, headers } = incoming;
  const options = { agent, method, path, headers: { ...headers, host: engineUrl.host } };
  const upstream = request(engineUrl, options, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  upstream.on('error', () => response.destroy());
  incoming.pipe(upstream);
});
const server = app.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ url, configs, balance: balance.toString() }));
});
