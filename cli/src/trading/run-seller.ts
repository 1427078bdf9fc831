/** One decision of a seller's strategy on the market as it is now, and the price that it sets. */
import {
  boundPrice,
  type PriceLimits,
  priceListAt,
  type SellerStrategy,
  unitPriceOf,
  viewOf,
  type World,
} from '@aitbc/market';
import type { Price } from '@aitbc/protocol';
import type { ProviderClient } from '@aitbc/sdk';
import { aitText } from '../amounts.ts';
import type { Context } from '../context/context.ts';
import { othersNow, ownNow } from './live-view.ts';
import type { RunState } from './run-state.ts';

/** A seller's run. */
export interface SellerRun {
  readonly strategy: SellerStrategy;
  readonly client: ProviderClient;
  readonly limits: PriceLimits;
  readonly costNait: bigint;
  /** The market of the record, up to now. */
  world(): Promise<World>;
}

/** What it would do. */
export interface SellerPlan {
  readonly nowMs: number;
  readonly before: bigint;
  readonly after: bigint;
  readonly list: Price;
  readonly text: string;
  /** The run with the decision in it. */
  readonly state: RunState;
}

/** Decides; nothing is changed. */
export async function planSeller(
  context: Context,
  run: SellerRun,
  state: RunState,
): Promise<SellerPlan> {
  const { strategy, client, limits, costNait } = run;
  const { model, parameters, memory } = state;
  const world = await run.world();
  const own = await ownNow(client, model, context.signal);
  const others = await othersNow(context, model, own.provider);
  const nowMs = Date.now();
  const first = firstPricesOf(state) ?? own.prices;
  const before = lastOf(state) ?? unitPriceOf(own.prices);
  const trader = strategy.create(parameters);
  if (memory !== '') trader.restore(memory);
  const firstPrice = unitPriceOf(first);
  const wanted = trader.decide({
    ...{ nowMs, barMs: world.barMs, bars: viewOf(world.bars, world.bars.length), others },
    own: { price: before, firstPrice, cost: costNait, busyBps: own.busyBps },
  });
  const past = state.prices.length > 0 ? state.prices : [{ atMs: nowMs, price: before }];
  const { price, bound } = boundPrice(wanted.price, limits, { nowMs, past });
  const list = priceListAt(first, price);
  const held =
    bound === null ? '' : `, held back by the ${bound} limit from ${aitText(wanted.price)}`;
  const text = `${aitText(before)} → ${aitText(price)} a million tokens: ${wanted.reason}${held}`;
  return {
    ...{ nowMs, before, after: price, list, text },
    state: {
      ...state,
      memory: trader.serialise(),
      firstPrices: { ...first },
      prices:
        price === before && state.prices.length > 0 ? past : [...past, { atMs: nowMs, price }],
      decisions: [...state.decisions, { atMs: nowMs, text }],
    },
  };
}

/** Asks the planned prices at the provider; true when that made a new offer. */
export async function applySeller(
  { signal }: Context,
  { client }: SellerRun,
  { list, state }: SellerPlan,
): Promise<boolean> {
  const { inputPerMTok, outputPerMTok, perRequest } = list;
  const prices = {
    inputPerMTok: inputPerMTok.toString(),
    outputPerMTok: outputPerMTok.toString(),
    perRequest: perRequest.toString(),
  };
  const { isNew } = await client.setPrices({ model: state.model, ...prices }, { signal });
  return isNew;
}

/** On paper the provider does not move, so the price in force is that of the run. */
function lastOf({ mode, prices }: RunState): bigint | undefined {
  return mode === 'paper' ? prices.at(-1)?.price : undefined;
}

function firstPricesOf({ firstPrices }: RunState): Price | undefined {
  const { inputPerMTok, outputPerMTok, perRequest } = firstPrices;
  if (inputPerMTok === undefined || outputPerMTok === undefined) return undefined;
  return { inputPerMTok, outputPerMTok, perRequest: perRequest ?? 0n };
}
