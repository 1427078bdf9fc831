/** Price series of a market, computed from its events. See docs/spec/market.md, "Prices". */
import { z } from 'zod';
import { limits } from '../../limits.ts';
import { zAmount, zCount } from '../../scalars.ts';
import { type EndpointTable, endpoint } from '../endpoint.ts';

/** Lengths of bars by their names, ms. */
export const priceIntervalsMs = Object.freeze({
  '1m': 60_000,
  '5m': 300_000,
  '15m': 900_000,
  '1h': 3_600_000,
  '1d': 86_400_000,
});

/** Name of a length of bars. */
export type PriceInterval = keyof typeof priceIntervalsMs;

/** Names of the lengths of bars. */
export const priceIntervals = Object.keys(priceIntervalsMs) as [PriceInterval, ...PriceInterval[]];

const zPrice = zAmount.nullable();

/** What happened to a model in one interval; prices are nait for a million tokens, as reference requests. */
export const zPriceBar = z.object({
  startMs: zCount,
  open: zPrice.meta({ description: 'of jobs that were sold; null before the first' }),
  high: zPrice,
  low: zPrice,
  close: zPrice,
  jobs: zCount,
  tokens: zCount,
  charged: zAmount,
  busyMs: zCount.meta({ description: 'time that the jobs took, all together: the load' }),
  firstTokenMs: zCount.nullable().meta({ description: 'median' }),
  offers: zCount.meta({ description: 'providers that offered it at the end' }),
  lowestOffer: zPrice,
  medianOffer: zPrice,
});

export const priceEndpoints = {
  prices: endpoint({
    method: 'GET',
    path: '/v1/prices',
    summary: 'Prices, volume and load of a model in bars that have ended, oldest first.',
    access: 'open',
    input: z.strictObject({
      model: z.string().min(1).max(limits.modelNameBytes),
      interval: z.enum(priceIntervals).default('5m'),
      from: zCount.optional().meta({ description: 'ms; default: a page before now' }),
    }),
    output: z.object({
      model: z.string(),
      intervalMs: zCount,
      fromMs: zCount,
      bars: z.array(zPriceBar),
      next: zCount.meta({
        description: '`from` of the next page; there are more when it has passed',
      }),
    }),
  }),
} as const satisfies EndpointTable;
