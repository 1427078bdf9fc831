/** What the market looks like at this moment: the offers of others, and the own ones. */
import { type OthersNow, othersOf, unitPriceOf } from '@aitbc/market';
import { AppError, type OfferPayload, priceOf } from '@aitbc/protocol';
import type { ProviderClient } from '@aitbc/sdk';
import type { Context } from '../context/context.ts';
import { listAll } from '../market/list-all.ts';

type PriceList = ReturnType<typeof priceOf>;

/** The cheapest offer of each provider but `except`. */
export async function othersNow(
  { clients, signal }: Context,
  model: string,
  except?: string,
): Promise<OthersNow> {
  const { coordinator } = await clients();
  const offers = await listAll(async (after) => {
    const page = await coordinator.listOffers({ model, after }, { signal });
    return { rows: page.offers, next: page.next };
  });
  const prices = new Map<string, bigint>();
  for (const { offer } of offers) {
    const { provider } = offer.payload;
    const price = unitPriceOf(priceOf(offer.payload));
    const known = prices.get(provider);
    if (provider !== except && (known === undefined || price < known)) prices.set(provider, price);
  }
  return othersOf(prices);
}

/** The own provider: its price list of the model, and its load. */
export interface OwnNow {
  readonly provider: string;
  readonly prices: PriceList;
  readonly busyBps: bigint;
}

const whole = 10_000;

/** Throws MODEL_UNKNOWN when the provider does not sell the model now. */
export async function ownNow(
  client: ProviderClient,
  model: string,
  signal: AbortSignal,
): Promise<OwnNow> {
  const { provider, running, slots } = await client.status({}, { signal });
  const { offers } = await client.offers({}, { signal });
  const offer = offers.find(({ payload }: { payload: OfferPayload }) => payload.model === model);
  if (!offer) throw new AppError('MODEL_UNKNOWN', { model });
  const busy = Math.min(running, slots) / Math.max(1, slots);
  return { provider, prices: priceOf(offer.payload), busyBps: BigInt(Math.round(busy * whole)) };
}
