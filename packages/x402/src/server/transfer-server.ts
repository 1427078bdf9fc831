/**
 * Seller's side of `exact` for `x402ResourceServer`: the transfer is settled before the handler runs. The facilitator sends
 * it and tells one caller that it paid, so a transfer buys once.
 *
 * The buyer needs a height and a fee to sign: they come from the facilitator and are asked for again when they get old.
 */
import { type Network, oneShotScheme, x402Asset } from '@aitbc/protocol';
import type { ServerScheme, Supported } from '../shapes.ts';
import { naitOf } from './channel-server.ts';

const hintsAgeMs = 60_000;

/** Options of the seller's side of one-shot payments. */
export interface TransferServerOptions {
  readonly network: Network;
  /** The facilitator, such as the stock `HTTPFacilitatorClient`. */
  readonly facilitator: { getSupported(): Promise<Supported> };
  readonly nowMs?: () => number;
}

/** A scheme for `x402ResourceServer.register(network, …)` that is paid by one transfer for each request. */
export function createTransferServer(options: TransferServerOptions): ServerScheme {
  const { network, facilitator, nowMs = Date.now } = options;
  let hints: { readonly extra: Record<string, unknown>; readonly atMs: number } | undefined;
  const fresh = async (): Promise<Record<string, unknown>> => {
    if (hints && nowMs() - hints.atMs < hintsAgeMs) return hints.extra;
    const { kinds } = await facilitator.getSupported();
    const kind = kinds.find((one) => one.scheme === oneShotScheme && one.network === network.caip2);
    hints = { extra: kind?.extra ?? {}, atMs: nowMs() };
    return hints.extra;
  };
  return {
    scheme: oneShotScheme,
    defaultAssetTransferMethod: 'default',
    paymentFlows: { default: { supported: ['upfront'], default: 'upfront' } },
    dynamicExtraFields: ['validUntil', 'fee'],
    parsePrice: async (price) => ({ asset: x402Asset, amount: naitOf(price) }),
    getAssetDecimals: () => 9,
    async enhancePaymentRequirements(requirements) {
      const { validUntil, fee } = await fresh();
      const own = { name: 'AIT', version: '1', validUntil, fee };
      return { ...requirements, extra: { ...requirements.extra, ...own } };
    },
  };
}
