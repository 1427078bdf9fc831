/** What models cost now, cheapest offer first. */
import { Link } from '@tanstack/react-router';
import { type Asked, useMarket } from '../../data/hooks.ts';
import type { MarketOutput } from '../../data/sources.ts';
import { priceText } from '../../format/amounts.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Source } from '../../parts/figures.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';

type Model = MarketOutput<'models'>['data'][number];

const columns: readonly Column<Model>[] = [
  {
    key: 'model',
    title: 'Model',
    width: 'minmax(0, 2fr)',
    cell: ({ id }) => (
      <Link className="row-link" to="/market" search={{ model: id } as never}>
        {id}
      </Link>
    ),
  },
  {
    key: 'providers',
    title: 'Providers',
    width: '80px',
    isRight: true,
    cell: ({ providers }) => <span className="num">{providers}</span>,
  },
  {
    key: 'in',
    title: 'Input, from',
    width: '110px',
    isRight: true,
    isWide: true,
    cell: ({ inputPerMTok }) => <span className="num">{priceText(inputPerMTok)}</span>,
  },
  {
    key: 'out',
    title: 'Output, from',
    width: '100px',
    isRight: true,
    cell: ({ outputPerMTok }) => <span className="num">{priceText(outputPerMTok)}</span>,
  },
];

/** Models with their lowest prices. */
export function ModelPrices() {
  const asked: Asked<MarketOutput<'models'>> = useMarket<'models'>(
    '/v1/models',
    {},
    { everyMs: 10_000 },
  );
  return (
    <Panel
      title="Prices"
      note="AIT per million tokens"
      end={<Source path="/v1/models">/v1/models</Source>}
    >
      <Loaded
        asked={asked}
        isEmpty={({ data }) => data.length === 0}
        empty={
          <Empty title="Nothing is for sale yet">
            <p>A provider offers its models with one command:</p>
            <pre>aitbc ai serve</pre>
          </Empty>
        }
      >
        {({ data }) => (
          <DataTable
            label="Models and prices"
            columns={columns}
            rows={data}
            rowKey={({ id }) => id}
            isLinked
          />
        )}
      </Loaded>
    </Panel>
  );
}
