/** Outputs of ai-trading commands. */
import { priceIntervals, zAmount, zCount, zHash, zPriceBar } from '@aitbc/protocol';
import { z } from 'zod';
import { type Outputs, zPath } from './shapes.ts';

const zSide = z.enum(['seller', 'buyer']);
const zMode = z.enum(['paper', 'live']);
/** Nait, which may be below zero. */
const zChange = z.string().regex(/^-?\d+$/);
const zParameters = z.record(z.string(), zChange);
const zPrice = zAmount.nullable();
const zSpan = { fromMs: zCount, untilMs: zCount, barMs: zCount };

const zStrategy = z.object({
  name: z.string(),
  side: zSide,
  about: z.string(),
  source: z.string(),
});

const zRun = z.object({
  strategy: z.string(),
  side: zSide,
  model: z.string(),
  mode: zMode,
  isRunning: z.boolean(),
  startedAtMs: zCount,
  parameters: zParameters,
  price: zPrice,
  changes: zCount,
  jobs: zCount,
  spentNait: zAmount,
  last: z.looseObject({ atMs: zCount, text: z.string() }).nullable(),
});

export const tradingOutputs: Outputs = {
  'ai-trading init': z.object({
    strategiesDir: zPath,
    example: zPath,
    record: zPath,
    network: z.string(),
    events: zCount,
  }),
  'ai-trading record': z.object({
    file: zPath,
    network: z.string(),
    added: zCount,
    events: zCount,
    bytes: zCount,
    untilMs: zCount,
    hash: zHash,
  }),
  'ai-trading strategies': z.object({ folder: zPath, strategies: z.array(zStrategy) }),
  'ai-trading explain': zStrategy.extend({
    isTrained: z.boolean(),
    parameters: z.record(
      z.string(),
      z.object({
        about: z.string(),
        usual: zChange,
        least: zChange,
        most: zChange,
        tried: z.array(zChange).optional(),
      }),
    ),
  }),
  'ai-trading analyze': z.object({
    model: z.string(),
    interval: z.enum(priceIntervals),
    fromMs: zCount.nullable(),
    first: zPrice,
    last: zPrice,
    high: zPrice,
    low: zPrice,
    lowestOffer: zPrice,
    offers: zCount,
    jobs: zCount,
    tokens: zCount,
    charged: zAmount,
    atOnceCenti: zCount,
    meanStepBps: z.number().nullable(),
    bars: z.array(zPriceBar),
  }),
  'ai-trading signals': z.object({
    model: z.string(),
    atMs: zCount,
    lowestOffer: zPrice,
    offers: zCount,
    signals: z.array(
      z.object({
        strategy: z.string(),
        side: zSide,
        parameters: z.string(),
        price: zPrice,
        run: z.boolean().nullable(),
        reason: z.string(),
      }),
    ),
  }),
  'ai-trading train': z.object({
    model: z.string(),
    bars: zCount,
    ...zSpan,
    tapeHash: zHash,
    trained: z.array(
      z.object({
        strategy: z.string(),
        model: z.string(),
        parameters: zParameters,
        scoreNait: zChange,
        usualScoreNait: zChange,
        ...zSpan,
        tapeHash: zHash,
      }),
    ),
  }),
  'ai-trading backtest': z.object({
    strategy: z.string(),
    side: zSide,
    model: z.string(),
    ...zSpan,
    periods: zCount,
    folds: z.array(z.looseObject({})),
    profitNait: zChange,
    turnoverNait: zAmount,
    feesNait: zAmount,
    jobs: zCount,
    tokens: zCount,
    sharpeMilli: z.number().nullable(),
    drawdownNait: zAmount,
    hitBps: z.number().nullable(),
    baselines: z.array(z.object({ name: z.string(), profitNait: zChange })),
    excess: z.looseObject({}),
    verdict: z.enum(['better', 'worse', 'chance', 'few']),
    setup: z.looseObject({}),
    tapeHash: zHash,
    hash: zHash,
  }),
  'ai-trading run': z.object({
    strategy: z.string(),
    model: z.string(),
    mode: zMode,
    acted: z.boolean(),
    isDone: z.boolean(),
    text: z.string(),
  }),
  'ai-trading status': z.object({ runs: z.array(zRun) }),
};
