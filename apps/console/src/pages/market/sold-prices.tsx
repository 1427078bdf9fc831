/** What a model was really sold for, and how much of it: bars that have ended, computed by the coordinator from receipts. */
import { useMarket } from '../../data/hooks.ts';
import { exactAit } from '../../format/amounts.ts';
import { Chart } from '../../parts/chart.tsx';
import { Source } from '../../parts/figures.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Failed } from '../../parts/states.tsx';

const barsShown = 72;
const interval = '5m';

/** Price and volume of the last hours. */
export function SoldPrices({ model }: { readonly model: string | undefined }) {
  const query = { model, interval };
  const asked = useMarket<'prices'>('/v1/prices', query, {
    everyMs: 60_000,
    enabled: model !== undefined,
  });
  if (model === undefined) return null;
  const path = `/v1/prices?model=${encodeURIComponent(model)}&interval=${interval}`;
  const bars = (asked.data?.bars ?? []).slice(-barsShown);
  const tokens = bars.reduce((sum, bar) => sum + bar.tokens, 0);
  const xs = bars.map(({ startMs }) => startMs / 1_000);
  return (
    <Panel
      title="Sold"
      note={`${model}: price of what was bought, AIT per million tokens, in bars of five minutes`}
      end={<Source path={path}>/v1/prices</Source>}
      padded={!asked.error}
    >
      {asked.error ? (
        <Failed error={asked.error} />
      ) : (
        <Chart
          label={`Prices at which ${model} was sold, ${tokens} tokens in ${bars.length} bars`}
          kind="line"
          unit=""
          xs={xs}
          series={[
            {
              name: 'sold at',
              values: tokens === 0 ? xs.map(() => null) : bars.map(({ close }) => aitOf(close)),
            },
          ]}
          empty="Nothing was sold in a bar that has ended"
        />
      )}
    </Panel>
  );
}

/** For a chart only: money is never computed with this number. */
function aitOf(nait: string | null): number | null {
  return nait === null ? null : Number(exactAit(nait));
}
