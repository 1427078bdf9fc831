/** The same context with the addresses that the user has just named: the configuration is read before they are known. */
import { createClients } from '../context/clients.ts';
import type { Context } from '../context/context.ts';
import type { InitPlan } from './types.ts';

/** A context and what ends its own connections. */
export interface AddressedContext {
  readonly context: Context;
  close(): Promise<void>;
}

/** A context whose clients ask the daemons of the plan. */
export function withAddresses(context: Context, { addresses }: InitPlan): AddressedContext {
  const urls = {
    ...context.urls,
    node: addresses['node-url'] ?? context.urls.node,
    coordinator: addresses['coordinator-url'] ?? context.urls.coordinator,
    wallet: addresses['wallet-url'] ?? context.urls.wallet,
    gateway: addresses['gateway-url'] ?? context.urls.gateway,
  };
  const { walletToken, gatewayKey } = context;
  const clients = createClients(urls, { walletToken, gatewayKey });
  return {
    context: { ...context, urls, clients: async () => clients },
    close: () => clients.close(),
  };
}
