/** The stock x402 way to sell: the middleware of `@x402/express`, our voucher scheme, and a facilitator in the same process. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createChannelServer, createFacilitator } from '@aitbc/x402';
import { createMemoryChain, keyOf } from '@aitbc/x402/testing';

const peers = createRequire(new URL('peers/package.json', import.meta.url));
const load = (name) => import(pathToFileURL(peers.resolve(name)));
const balance = 10n ** 15n;
const lanes = 256;

/** Versions of the packages that sell. */
export function x402Versions() {
  const { dependencies } = JSON.parse(
    readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'peers/package.json'), 'utf8'),
  );
  return dependencies;
}

/** Express, the middleware for a path, and the channels that buyers pay from: one for each lane of the client. */
export async function openShop(path) {
  const { default: express } = await load('express');
  const { paymentMiddleware, x402ResourceServer } = await load('@x402/express');
  const [seller, sellerHot, buyer, buyerHot] = [1, 2, 3, 4].map(keyOf);
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
  const accepts = {
    ...{ scheme: 'batch-settlement', network: network.caip2 },
    ...{ payTo: seller.address, price: { asset: 'native', amount: '1000' } },
  };
  const middleware = paymentMiddleware({ [`POST ${path}`]: { accepts } }, shop);
  return { express, middleware, configs, balance: balance.toString() };
}
