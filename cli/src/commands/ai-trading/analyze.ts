/** `aitbc ai-trading analyze`: the market of a model, out of the coordinator's series. */
import {
  amountOf,
  type OutputOf,
  type PriceInterval,
  type priceEndpoints,
  priceIntervalsMs,
} from '@aitbc/protocol';
import { aitText } from '../../amounts.ts';
import { defineCommand } from '../../command/define-command.ts';
import { positiveInteger } from '../../command/parse-values.ts';
import type { Context } from '../../context/context.ts';
import { timeText } from '../../trading/report-text.ts';

type Bar = OutputOf<typeof priceEndpoints.prices>['bars'][number];

const pagesMax = 20;
const hourMs = 3_600_000;

export default defineCommand({
  summary: 'Prices, volume and load of a model over the last hours',
  options: {
    model: { flags: '-m, --model <name>', help: 'model', required: true },
    hours: { flags: '--hours <n>', help: 'how far back', default: '24', parse: positiveInteger },
  },
  examples: [
    { line: 'aitbc ai-trading analyze --model qwen3:8b --hours 24', note: 'the last day' },
  ],
  async run(context, { options }) {
    const { out } = context;
    const { model, hours } = options;
    const interval: PriceInterval = hours > 48 ? '1h' : hours > 8 ? '15m' : '1m';
    const bars = await readBars(context, { model, interval, fromMs: Date.now() - hours * hourMs });
    const about = {
      model,
      interval,
      fromMs: bars[0]?.startMs ?? null,
      ...figuresOf(bars, interval),
    };
    out.result({ ...about, bars }, () => textOf(out.table, about));
  },
});

interface Wish {
  readonly model: string;
  readonly interval: PriceInterval;
  readonly fromMs: number;
}

async function readBars(
  { clients, signal }: Context,
  { model, interval, fromMs }: Wish,
): Promise<Bar[]> {
  const { coordinator } = await clients();
  const bars: Bar[] = [];
  let from = fromMs;
  for (let page = 0; page < pagesMax; page += 1) {
    const answer = await coordinator.prices({ model, interval, from }, { signal });
    bars.push(...answer.bars);
    if (answer.next <= from || answer.bars.length === 0) break;
    from = answer.next;
  }
  return bars;
}

function figuresOf(bars: readonly Bar[], interval: PriceInterval) {
  const sold = bars.filter(({ jobs }) => jobs > 0);
  const amounts = (of: 'high' | 'low') =>
    sold.flatMap((bar) => (bar[of] === null ? [] : [amountOf(bar[of])]));
  const pick = (list: readonly bigint[], better: (a: bigint, b: bigint) => boolean) =>
    list.reduce<bigint | null>(
      (best, one) => (best === null || better(one, best) ? one : best),
      null,
    );
  const closes = bars.flatMap(({ close }) => (close === null ? [] : [amountOf(close)]));
  const sum = (of: 'jobs' | 'tokens' | 'busyMs') => bars.reduce((total, bar) => total + bar[of], 0);
  const spanMs = Math.max(1, bars.length * priceIntervalsMs[interval]);
  return {
    first: closes[0] ?? null,
    last: closes.at(-1) ?? null,
    high: pick(amounts('high'), (a, b) => a > b),
    low: pick(amounts('low'), (a, b) => a < b),
    lowestOffer: bars.at(-1)?.lowestOffer ?? null,
    offers: bars.at(-1)?.offers ?? 0,
    jobs: sum('jobs'),
    tokens: sum('tokens'),
    charged: bars.reduce((total, { charged }) => total + amountOf(charged), 0n),
    /** Jobs at once, on average, in hundredths. */
    atOnceCenti: Math.round((100 * sum('busyMs')) / spanMs),
    /** Mean step between two closes in 1/10 000 of the price. */
    meanStepBps: meanStepOf(closes),
  };
}

function meanStepOf(closes: readonly bigint[]): number | null {
  const steps = closes.slice(1).flatMap((close, at) => {
    const before = closes[at] ?? 0n;
    const step = close > before ? close - before : before - close;
    return before === 0n ? [] : [Number((step * 10_000n) / before)];
  });
  if (steps.length === 0) return null;
  return Math.round(steps.reduce((sum, step) => sum + step, 0) / steps.length);
}

type Figures = ReturnType<typeof figuresOf> & {
  readonly model: string;
  readonly fromMs: number | null;
};

function textOf(table: (rows: readonly (readonly string[])[]) => string, figures: Figures): string {
  const price = (nait: bigint | string | null) => (nait === null ? '–' : aitText(nait));
  const { meanStepBps, fromMs } = figures;
  return table([
    ['model', figures.model],
    ['since', fromMs === null ? '–' : timeText(fromMs)],
    ['price of a million tokens', `${price(figures.first)} → ${price(figures.last)}`],
    ['lowest and highest', `${price(figures.low)} – ${price(figures.high)}`],
    ['mean step', meanStepBps === null ? '–' : `${meanStepBps / 100} %`],
    ['on offer now', `${figures.offers}, the cheapest ${price(figures.lowestOffer)}`],
    ['sold', `${figures.jobs} jobs, ${figures.tokens} tokens, ${aitText(figures.charged)}`],
    ['jobs at once', (figures.atOnceCenti / 100).toFixed(2)],
  ]);
}
