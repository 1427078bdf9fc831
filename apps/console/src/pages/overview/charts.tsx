/** Charts of the chain and of the market, drawn from the live stream. */
import type { LiveBlock, MarketEvent } from '@aitbc/protocol';
import { useMemo } from 'react';
import { useNowMs } from '../../data/hooks.ts';
import { Chart } from '../../parts/chart.tsx';
import { Source } from '../../parts/figures.tsx';
import { Panel } from '../../parts/panel.tsx';
import { perMinute } from './market-sums.ts';

const shownMinutes = 15;
const shownBlocks = 60;
const stream = <Source path="/v1/live">live stream</Source>;
const receipts = <Source path="/v1/events?kind=receipt">receipts</Source>;

/** Finality and size of the last blocks. */
export function ChainCharts({ blocks }: { readonly blocks: readonly LiveBlock[] }) {
  const shown = useMemo(() => blocks.slice(-shownBlocks), [blocks]);
  const heights = useMemo(() => shown.map(({ height }) => height), [shown]);
  const finals = useMemo(() => shown.map(({ finalMs }) => finalMs), [shown]);
  const sizes = useMemo(() => shown.map(({ txCount }) => txCount), [shown]);
  return (
    <>
      <Panel title="Time to finality" note="of each block, ms" end={stream} padded>
        <Chart
          label={`Time to finality of the last blocks, the newest ${finals.at(-1) ?? 'not measured'} ms`}
          kind="bars"
          unit=""
          xs={heights}
          axis="block"
          series={[{ name: 'final after', values: finals }]}
          empty="Blocks that become final from now on appear here"
        />
      </Panel>
      <Panel title="Transactions" note="in each block" end={stream} padded>
        <Chart
          label={`Transactions in the last blocks, ${sizes.at(-1) ?? 0} in the newest`}
          kind="bars"
          unit=""
          xs={heights}
          axis="block"
          series={[{ name: 'transactions', values: sizes }]}
          empty="No block yet"
        />
      </Panel>
    </>
  );
}

/** Tokens and jobs of the last minutes. */
export function MarketCharts({ events }: { readonly events: readonly MarketEvent[] }) {
  const minute = Math.floor(useNowMs() / 60_000);
  const sums = useMemo(() => perMinute(events, minute * 60_000, shownMinutes), [events, minute]);
  const quiet = 'No paid answer in the last quarter of an hour';
  const isQuiet = sums.jobs.every((count) => count === 0);
  const shown = (values: readonly number[]) => (isQuiet ? values.map(() => null) : values);
  return (
    <>
      <Panel title="Tokens" note="delivered per minute" end={receipts} padded>
        <Chart
          label={`Output tokens per minute, ${sums.tokens.at(-1) ?? 0} in this one`}
          kind="bars"
          unit=""
          xs={sums.times}
          series={[{ name: 'tokens', values: shown(sums.tokens) }]}
          empty={quiet}
        />
      </Panel>
      <Panel title="Jobs" note="finished per minute" end={receipts} padded>
        <Chart
          label={`Finished jobs per minute, ${sums.jobs.at(-1) ?? 0} in this one`}
          kind="bars"
          unit=""
          xs={sums.times}
          series={[{ name: 'jobs', values: shown(sums.jobs) }]}
          empty={quiet}
        />
      </Panel>
    </>
  );
}
