/** The offers of connected providers in the form of the x402 bazaar. */
import {
  dialectPaths,
  type facilitatorEndpoints,
  fullCharge,
  type OutputOf,
  type ParsedInputOf,
  priceOf,
  requirementsOf,
  x402Version,
} from '@aitbc/protocol';
import { isOnSale, type MarketDeps } from '../market/market.ts';

type Discovery = typeof facilitatorEndpoints.discovery;
type Item = OutputOf<Discovery>['items'][number];

/** A page of paid resources, in the order of their offers. */
export function listResources(
  deps: MarketDeps,
  { limit, offset }: ParsedInputOf<Discovery>,
): OutputOf<Discovery> {
  const page = deps.index.page({ limit: offset + limit }).slice(offset);
  const items = page
    .filter((entry) => isOnSale(deps, entry))
    .map(({ offerId, offer: { payload } }): Item => {
      const { endpoint, model, digest, contextMax, outputMax, validFromMs } = payload;
      const usage = { promptTokens: contextMax, outputTokens: outputMax };
      const terms = requirementsOf(offerId, payload, fullCharge(priceOf(payload), usage));
      const accepts = [{ ...terms, network: terms.network as `${string}:${string}` }];
      return {
        resource: endpoint + dialectPaths.openai,
        type: 'http',
        x402Version,
        accepts: accepts.map(({ extra, ...rest }) => ({ ...rest, extra: { ...extra } })),
        lastUpdated: new Date(validFromMs).toISOString(),
        metadata: { model, digest, contextMax, outputMax, price: payload.price },
      };
    });
  return { x402Version, items, pagination: { limit, offset, total: deps.index.size } };
}
