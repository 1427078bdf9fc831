/** The figures of the moment. */
import type { LiveBlock, MarketEvent } from '@aitbc/protocol';
import { useMarket, useNowMs } from '../../data/hooks.ts';
import { grouped } from '../../format/amounts.ts';
import { counted, quantile, rateText, spanText } from '../../format/times.ts';
import { type Stat, Stats } from '../../parts/figures.tsx';
import { recent, sumsOf } from './market-sums.ts';

const minuteMs = 60_000;

/** Blocks, finality, jobs, tokens, providers. */
export function Figures({
  blocks,
  events,
}: {
  readonly blocks: readonly LiveBlock[];
  readonly events: readonly MarketEvent[];
}) {
  const nowMs = useNowMs();
  const about = useMarket<'about'>('/v1/about', {}, { everyMs: 5_000 });
  const { jobs, tokens } = sumsOf(recent(events, nowMs, minuteMs));
  const providers: Stat = {
    name: 'Providers',
    value: about.data ? grouped(about.data.providers) : '–',
    under: about.data ? counted(about.data.offers, 'offer') : 'asking',
  };
  return (
    <Stats
      stats={[
        blockStat(blocks, nowMs),
        finalityStat(blocks),
        { name: 'Jobs', value: grouped(jobs), unit: '/ min', under: 'finished in the last minute' },
        {
          name: 'Tokens',
          value: rateText(tokens / 60),
          unit: '/ s',
          under: 'over the last minute',
        },
        providers,
      ]}
    />
  );
}

function blockStat(blocks: readonly LiveBlock[], nowMs: number): Stat {
  const head = blocks.at(-1);
  if (!head) return { name: 'Newest block', value: '–', under: 'waiting for the chain' };
  const age = spanText(Math.max(0, Math.floor((nowMs - head.timeMs) / 1_000) * 1_000)).replace(
    '.0',
    '',
  );
  return { name: 'Newest block', value: grouped(head.height), under: `${age} ago` };
}

function finalityStat(blocks: readonly LiveBlock[]): Stat {
  const finals = blocks.flatMap(({ finalMs }) => (finalMs === null ? [] : [finalMs]));
  const [median, slow] = [quantile(finals, 0.5), quantile(finals, 0.99)];
  if (median === undefined || slow === undefined) {
    return { name: 'Final after', value: '–', under: 'seen from the next block on' };
  }
  const under = `99th percentile ${grouped(Math.round(slow))} ms`;
  return { name: 'Final after', value: grouped(Math.round(median)), unit: 'ms', under };
}
