/** The clients of our daemons. */
import {
  coordinatorEndpoints,
  gatewayEndpoints,
  providerEndpoints,
  walletEndpoints,
} from '@aitbc/protocol';
import { type Client, type ClientOptions, createClient } from './client.ts';
import type { Transport } from './transport.ts';

/** Client of a coordinator. */
export type CoordinatorClient = Client<typeof coordinatorEndpoints>;

/** Client of an AI provider daemon: free calls, payments, and unpaid calls that will be refused. */
export type ProviderClient = Client<typeof providerEndpoints>;

/** Client of a buyer's gateway; `chatCompletions` answers whole, streams are read by `streamSse`. */
export type GatewayClient = Client<typeof gatewayEndpoints>;

/** Client of a wallet daemon; all calls but `about` need a token. */
export type WalletClient = Client<typeof walletEndpoints>;

export function createCoordinatorClient(
  options: ClientOptions,
  transport?: Transport,
): CoordinatorClient {
  return createClient(coordinatorEndpoints, options, transport);
}

export function createProviderClient(
  options: ClientOptions,
  transport?: Transport,
): ProviderClient {
  return createClient(providerEndpoints, options, transport);
}

export function createGatewayClient(options: ClientOptions, transport?: Transport): GatewayClient {
  return createClient(gatewayEndpoints, options, transport);
}

export function createWalletClient(options: ClientOptions, transport?: Transport): WalletClient {
  return createClient(walletEndpoints, options, transport);
}
