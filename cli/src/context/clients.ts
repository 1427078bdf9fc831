/** The clients of a command, made when they are first used and closed together. */
import { walletEndpoints } from '@aitbc/protocol';
import {
  type Client,
  type CoordinatorClient,
  createClient,
  createCoordinatorClient,
  createGatewayClient,
  createNodeClient,
  createProviderClient,
  createTransport,
  type GatewayClient,
  type NodeClient,
  type ProviderClient,
  type Transport,
} from '@aitbc/sdk';
import { gatewayCalls } from '../gateway/gateway-key.ts';
import type { Urls } from './running-devnet.ts';

/** Client of the wallet daemon. */
export type WalletClient = Client<typeof walletEndpoints>;

/** One client per daemon. */
export interface Clients {
  readonly node: NodeClient;
  /** Throws UNAUTHORIZED when this user has no token. */
  readonly wallet: WalletClient;
  readonly coordinator: CoordinatorClient;
  readonly gateway: GatewayClient;
  readonly provider: ProviderClient;
  /** For streams, which the typed clients do not read. */
  readonly transport: Transport;
  close(): Promise<void>;
}

/** What opens the daemons. */
export interface ClientSecrets {
  /** Throws UNAUTHORIZED when this user has none. */
  walletToken(): string;
  /** API key of the gateway; undefined when this user has none. */
  gatewayKey(): string | undefined;
}

/** Clients of the daemons at `urls`. Nothing is connected before the first call. */
export function createClients(urls: Urls, { walletToken, gatewayKey }: ClientSecrets): Clients {
  const transport = createTransport();
  const node = once(() => createNodeClient({ url: urls.node }, { transport }));
  const wallet = once(() =>
    createClient(walletEndpoints, { baseUrl: urls.wallet, token: walletToken() }, transport),
  );
  const coordinator = once(() => createCoordinatorClient({ baseUrl: urls.coordinator }, transport));
  const gateway = once(() => {
    const token = gatewayKey();
    return gatewayCalls(createGatewayClient({ baseUrl: urls.gateway, token }, transport), token);
  });
  const provider = once(() => createProviderClient({ baseUrl: urls.provider }, transport));
  return {
    get node() {
      return node();
    },
    get wallet() {
      return wallet();
    },
    get coordinator() {
      return coordinator();
    },
    get gateway() {
      return gateway();
    },
    get provider() {
      return provider();
    },
    transport,
    close: () => transport.close(),
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
