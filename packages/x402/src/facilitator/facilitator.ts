/** All our schemes as one facilitator: what stands behind `/verify`, `/settle` and `/supported`. */
import { type Network, refuse, x402Version } from '@aitbc/protocol';
import type {
  FacilitatorScheme,
  NetworkId,
  Payment,
  Requirements,
  Settled,
  Supported,
  Verified,
} from '../shapes.ts';
import { caipFamily } from '../terms.ts';
import { createChannelFacilitator, invalid, notSettled } from './channel-facilitator.ts';
import type { FacilitatorChain } from './facilitator-chain.ts';
import { createRelay } from './relay.ts';
import { createTransferFacilitator } from './transfer-facilitator.ts';

/** A suggestion must outlive the question and the sale; the chain takes at most 10 000. */
const validForBlocks = 2_000;

/** A facilitator of one network. Throws UNAVAILABLE or TIMEOUT while the node is away. */
export interface Facilitator {
  verify(payment: Payment, requirements: Requirements): Promise<Verified>;
  settle(payment: Payment, requirements: Requirements): Promise<Settled>;
  supported(): Promise<Supported>;
  /** The same schemes one by one, for `x402Facilitator.register('aitbc:*', …)`. */
  readonly schemes: readonly FacilitatorScheme[];
}

/** A facilitator over a chain. */
export function createFacilitator(network: Network, chain: FacilitatorChain): Facilitator {
  const deps = { network, chain, relay: createRelay(chain) };
  let hints: Record<string, unknown> = {};
  const schemes = [createChannelFacilitator(deps), createTransferFacilitator(deps, () => hints)];
  const schemeOf = (name: string) => schemes.find(({ scheme }) => scheme === name);
  const unknown = (scheme: string) => refuse('PAYMENT_MALFORMED', { reason: `scheme: ${scheme}` });
  return {
    schemes,
    async verify(payment, requirements) {
      const { scheme } = requirements;
      const known = schemeOf(scheme);
      return known ? known.verify(payment, requirements) : invalid(scheme, unknown(scheme));
    },
    async settle(payment, requirements) {
      const { scheme } = requirements;
      const known = schemeOf(scheme);
      return known
        ? known.settle(payment, requirements)
        : notSettled(requirements, unknown(scheme));
    },
    async supported() {
      const { height, transferFee } = await chain.status();
      hints = { validUntil: height + validForBlocks, fee: transferFee.toString() };
      const at = network.caip2 as NetworkId;
      const kinds = schemes.map(({ scheme, getExtra }) => ({
        x402Version,
        scheme,
        network: at,
        extra: getExtra(at) ?? {},
      }));
      return { kinds, extensions: ['bazaar'], signers: { [caipFamily]: [] } };
    },
  };
}
