/** What a model cost over time: the prices at which it was offered, as the coordinator saw them come and go. */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { CallError } from '../../data/call-json.ts';
import { useLive } from '../../data/hooks.ts';
import { type MarketOutput, market } from '../../data/sources.ts';
import { Chart } from '../../parts/chart.tsx';
import { Source } from '../../parts/figures.tsx';
import { Panel } from '../../parts/panel.tsx';
import { pricesOver } from './prices-over.ts';

type Events = MarketOutput<'events'>['events'];

const pagesMax = 20;

/** The history of a model's lowest output price. */
export function PriceHistory({ model }: { readonly model: string | undefined }) {
  const asked = usePastOffers(model);
  const { events } = useLive();
  const points = useMemo(() => {
    const past = asked.data ?? [];
    const last = past.at(-1)?.seq ?? 0;
    return pricesOver(
      [...past, ...events.filter(({ seq }) => seq > last)],
      model ?? '',
      Date.now(),
    );
  }, [asked.data, events, model]);
  if (model === undefined) return null;
  return (
    <Panel
      title="Price history"
      note={`${model}: lowest price on offer, AIT per million tokens`}
      end={<Source path="/v1/events?kind=offer_up">offers</Source>}
      padded
    >
      <Chart
        label={`Lowest price of ${model} over time`}
        kind="line"
        unit=""
        xs={points.map(({ atMs }) => atMs / 1_000)}
        series={[
          { name: 'output', values: points.map(({ output }) => output) },
          { name: 'input', values: points.map(({ input }) => input) },
        ]}
        empty="No offer of it was seen yet"
      />
      <p className="legend">
        <span className="key accent" /> output <span className="key good" /> input
      </p>
    </Panel>
  );
}

function usePastOffers(model: string | undefined) {
  return useQuery<Events, CallError>({
    queryKey: ['market', 'price-events'],
    enabled: model !== undefined,
    staleTime: 60_000,
    async queryFn({ signal }) {
      const found: Events = [];
      for (const kind of ['offer_up', 'offer_down']) found.push(...(await allOf(kind, signal)));
      return found.sort((a, b) => a.seq - b.seq);
    },
  });
}

async function allOf(kind: string, signal: AbortSignal): Promise<Events> {
  const found: Events = [];
  for (let page = 0, after = 0; page < pagesMax; page += 1) {
    const { events, next } = await market<'events'>('/v1/events', { kind, after }, { signal });
    found.push(...events);
    if (events.length === 0) break;
    after = next;
  }
  return found;
}
