/** A buyer and a seller who both use the stock packages, over a chain in memory. */
import { hex, randomBytes } from '@aitbc/primitives';
import type { ChannelConfig, ChannelState } from '@aitbc/protocol';
import { type FacilitatorClient, x402ResourceServer } from '@x402/core/server';
import { wrapFetchWithPayment, x402Client } from '@x402/fetch';
import { type ChannelClientOptions, createChannelClient } from '../client/channel-client.ts';
import { createTransferClient, type TransferClientOptions } from '../client/transfer-client.ts';
import { createFacilitator } from '../facilitator/facilitator.ts';
import { type ChannelServerOptions, createChannelServer } from '../server/channel-server.ts';
import { createTransferServer } from '../server/transfer-server.ts';
import type { Payment, Requirements } from '../shapes.ts';
import { createMemoryChain, keyOf, type MemoryChain } from './memory-chain.ts';
import { type Page, type Shop, startShop } from './shop.ts';

const seller = keyOf(1);
const sellerHot = keyOf(2);
const buyer = keyOf(3);
const buyerHot = keyOf(4);
const price = 1_000n;

/** What a test may choose. */
export interface MarketWishes {
  readonly scheme: 'batch-settlement' | 'exact';
  readonly page?: Page;
  readonly balance?: bigint;
  readonly server?: Partial<ChannelServerOptions>;
  readonly client?: Partial<ChannelClientOptions>;
  readonly transfer?: Partial<TransferClientOptions>;
  /** The `fetch` below everything. */
  readonly fetch?: typeof fetch;
}

/** The running market. */
export interface Market {
  readonly chain: MemoryChain;
  readonly shop: Shop;
  readonly seller: typeof seller;
  readonly buyer: typeof buyer;
  readonly server: ReturnType<typeof createChannelServer>;
  readonly channel: ReturnType<MemoryChain['open']>;
  readonly facilitator: ReturnType<typeof createFacilitator>;
  /** Calls of the facilitator, by name. */
  readonly asked: string[];
  /** Times the page was made. */
  readonly made: { count: number };
  /** A stock buyer. */
  buy(path?: string): Promise<Response>;
}

/** A market in which everybody has coins. */
export async function openMarket(wishes: MarketWishes): Promise<Market> {
  const chain = createMemoryChain();
  const { network } = chain;
  chain.give(buyer.publicKey, 1_000_000n);
  chain.give(seller.publicKey, 10_000n);
  const config: ChannelConfig = {
    payer: buyer.publicKey,
    payerAuthorizer: buyerHot.publicKey,
    receiver: seller.publicKey,
    receiverAuthorizer: sellerHot.publicKey,
    withdrawDelayMs: 3_600_000,
    salt: hex(randomBytes(32)),
  };
  const channel = chain.open(config, wishes.balance ?? 1_000_000n);
  const asked: string[] = [];
  const facilitator = createFacilitator(network, chain);
  const facilitatorClient: FacilitatorClient = {
    verify: (payment, terms) => {
      asked.push('verify');
      return facilitator.verify(payment as Payment, terms as Requirements);
    },
    settle: (payment, terms) => {
      asked.push('settle');
      return facilitator.settle(payment as Payment, terms as Requirements);
    },
    getSupported: () => facilitator.supported(),
  };
  const server = createChannelServer({
    network,
    authorizer: sellerHot,
    feeKey: seller.secretKey,
    claimThresholdNait: 1_000_000n,
    ...wishes.server,
  });
  const resourceServer = new x402ResourceServer(facilitatorClient)
    .register(network.caip2 as `aitbc:${string}`, server)
    .register(
      network.caip2 as `aitbc:${string}`,
      createTransferServer({ network, facilitator: facilitatorClient }),
    );
  const made = { count: 0 };
  const page: Page = () => {
    made.count += 1;
    return wishes.page?.() ?? { text: 'the page' };
  };
  const accepts = {
    scheme: wishes.scheme,
    network: network.caip2 as `aitbc:${string}`,
    payTo: seller.address,
    price: { asset: 'native', amount: price.toString() },
  };
  const shop = await startShop(resourceServer, { 'GET /page': { accepts } }, page);
  const pay = stockBuyer(wishes, chain, channel);
  return {
    ...{ chain, shop, seller, buyer, server, channel, facilitator, asked, made },
    buy: (path = '/page') => pay(`${shop.url}${path}`),
  };
}

function stockBuyer(wishes: MarketWishes, chain: MemoryChain, channel: ChannelState): typeof fetch {
  const { network } = chain;
  const channelClient = createChannelClient({
    network,
    channel: async () => ({
      config: channel,
      balanceNait: chain.channels.get(channel.channelId)?.balance ?? 0n,
      secretKey: buyerHot.secretKey,
    }),
    ...wishes.client,
  });
  const transferClient = createTransferClient({
    network,
    secretKey: buyer.secretKey,
    ...wishes.transfer,
  });
  const mine = wishes.scheme === 'exact' ? transferClient : channelClient;
  const client = new x402Client().register('aitbc:*', mine).setSpendControls({
    allowedAssets: [{ network: network.caip2 as `aitbc:${string}`, asset: 'native' }],
  });
  const inner = mine.guard(wishes.fetch ?? fetch);
  return wrapFetchWithPayment(inner, client);
}
