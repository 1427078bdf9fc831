/** Options that the trading commands share, and the setup of a back-test out of them. */
import { type BacktestSetup, priceListAt, type World } from '@aitbc/market';
import {
  AppError,
  amountOf,
  devnetParams,
  feeOf,
  type PriceInterval,
  priceIntervals,
  priceIntervalsMs,
} from '@aitbc/protocol';
import { amountFromInput } from '../amounts.ts';
import { positiveInteger, wholeNumber } from '../command/parse-values.ts';
import type { Context } from '../context/context.ts';
import { othersNow } from './live-view.ts';

const minutesInDay = 1_440;
const claimEveryMs = 3_600_000;
const seedUsual = '1';

/** Nait of an amount in AIT. */
export function aitAmount(text: string): bigint {
  return amountFromInput(text, false);
}

/** Which model and which past. */
export const tapeOptions = {
  model: { flags: '-m, --model <name>', help: 'model whose prices count', required: true },
  days: { flags: '--days <n>', help: 'days of the record', default: '7', parse: positiveInteger },
  bar: {
    flags: '--bar <length>',
    help: 'length of a bar',
    default: '5m',
    choices: priceIntervals,
  },
  until: {
    flags: '--until <ms>',
    help: 'end of the past, as a report says it; so that a report comes out again',
    parse: wholeNumber,
  },
} as const;

/** What a seller or a buyer has; costs and prices in AIT. */
export const setupOptions = {
  cost: {
    flags: '--cost <ait>',
    help: 'seller: what a million tokens cost you',
    default: '0',
    parse: aitAmount,
  },
  price: {
    flags: '--price <ait>',
    help: 'seller: price of a million tokens at the beginning; default: the first on the record',
    parse: aitAmount,
  },
  slots: {
    flags: '--slots <n>',
    help: 'seller: jobs at once',
    default: '1',
    parse: positiveInteger,
  },
  self: {
    flags: '--self <address>',
    help: 'seller: you on the tape; your offers are no competition',
  },
  workTokens: {
    flags: '--work-tokens <n>',
    help: 'buyer: tokens of one piece of work',
    default: '1000000',
    parse: positiveInteger,
  },
  workEvery: {
    flags: '--work-every <bars>',
    help: 'buyer: how often work comes',
    default: '12',
    parse: positiveInteger,
  },
  slack: {
    flags: '--slack <bars>',
    help: 'buyer: how long it may wait',
    default: '72',
    parse: positiveInteger,
  },
  depth: {
    flags: '--depth <tokens>',
    help: 'buyer: what one provider sells in a bar',
    default: '200000',
    parse: positiveInteger,
  },
  seed: { flags: '--seed <n>', help: 'of the draws', default: seedUsual, parse: wholeNumber },
} as const;

/** What `setupOptions` give. */
export interface SetupInput {
  readonly cost: bigint;
  readonly price: bigint | undefined;
  readonly slots: number;
  readonly self: string | undefined;
  readonly workTokens: number;
  readonly workEvery: number;
  readonly slack: number;
  readonly depth: number;
  readonly seed: number;
}

/** Length of a bar by its name. */
export function barMsOf(bar: string): number {
  return priceIntervalsMs[bar as PriceInterval];
}

/** Bars of the fitting window: a day, at least ten bars, and no more than a third of what there is. */
export function windowOf(world: World): { readonly fitBars: number; readonly actBars: number } {
  const day = Math.max(10, Math.round((minutesInDay * 60_000) / world.barMs));
  const fitBars = Math.max(2, Math.min(day, Math.floor(world.bars.length / 3)));
  return { fitBars, actBars: fitBars };
}

/** The setup of a back-test. Throws CLI_USAGE when there is no price to begin with. */
export async function setupFrom(
  context: Context,
  world: World,
  input: SetupInput,
): Promise<BacktestSetup> {
  const { claimNait, rowNait, depositNait } = await feesOf(context);
  const price = input.price ?? firstPriceOf(world) ?? (await lowestNow(context, world));
  const { seed, slots, cost: costNait, self } = input;
  return {
    ...windowOf(world),
    seed,
    seller: {
      ...{ prices: priceListAt(proportions, price), costNait, slots, seed },
      ...(self === undefined ? {} : { self }),
      fees: { claimNait, rowNait, claimEveryMs },
    },
    buyer: {
      ...{ workTokens: input.workTokens, everyBars: input.workEvery, slackBars: input.slack },
      ...{ depthTokens: input.depth, fees: { depositNait } },
    },
  };
}

/** The first price of the tape: of a job, else of an offer. */
function firstPriceOf({ bars }: World): bigint | undefined {
  const sold = bars.find(({ close }) => close !== null)?.close;
  return sold ?? bars.find(({ lowestOffer }) => lowestOffer !== null)?.lowestOffer ?? undefined;
}

/** Throws CLI_USAGE when nobody offers the model. */
async function lowestNow(context: Context, { tape: { model } }: World): Promise<bigint> {
  const { lowest } = await othersNow(context, model);
  if (lowest !== null) return lowest;
  const reason = `${model} has no price, on the record or on offer. Give one with --price.`;
  throw new AppError('CLI_USAGE', { reason });
}

/** Output tokens cost three times as much as prompt tokens, as in the usual prices of a provider. */
const proportions = { inputPerMTok: 1_000_000n, outputPerMTok: 3_000_000n, perRequest: 0n };

/** Fees of the chain that the node is on; of a devnet when no node answers. */
async function feesOf({ clients, signal, out }: Context) {
  let params = devnetParams;
  try {
    const { node } = await clients();
    params = (await node.network()).params;
  } catch {
    signal.throwIfAborted();
    out.note('No node answers: the fees of a devnet count.');
  }
  return {
    claimNait: amountOf(feeOf(params, 'channel_claim')),
    depositNait: amountOf(feeOf(params, 'vault_deposit')),
    rowNait: amountOf(params.feePerRow),
  };
}
