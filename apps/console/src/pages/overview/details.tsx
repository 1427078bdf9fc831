/** Charts, prices and lists of the first page. */
import type { LiveBlock, MarketEvent } from '@aitbc/protocol';
import { ChainCharts, MarketCharts } from './charts.tsx';
import { BlockList, EventList } from './live-lists.tsx';
import { ModelPrices } from './model-prices.tsx';

/** Everything below the figures. */
export function Details({
  blocks,
  events,
}: {
  readonly blocks: readonly LiveBlock[];
  readonly events: readonly MarketEvent[];
}) {
  return (
    <>
      <div className="grid two">
        <ChainCharts blocks={blocks} />
        <MarketCharts events={events} />
      </div>
      <ModelPrices />
      <div className="grid two">
        <BlockList blocks={blocks} />
        <EventList events={events} />
      </div>
    </>
  );
}
