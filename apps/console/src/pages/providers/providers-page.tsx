/** Providers that are connected now. */
import { useInfiniteQuery } from '@tanstack/react-query';
import type { CallError } from '../../data/call-json.ts';
import { type MarketOutput, market } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Source } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Failed, Waiting } from '../../parts/states.tsx';
import { Reputation } from '../market/reputation.tsx';

type Page = MarketOutput<'listProviders'>;
type Provider = Page['providers'][number];

const columns: readonly Column<Provider>[] = [
  {
    key: 'provider',
    title: 'Provider',
    width: 'minmax(140px, 1.2fr)',
    cell: ({ provider }) => <Id text={provider} kind="provider" stretched />,
  },
  {
    key: 'models',
    title: 'Models',
    width: 'minmax(0, 1.4fr)',
    cell: ({ models }) => models.join(', '),
  },
  {
    key: 'endpoint',
    title: 'Endpoint',
    width: 'minmax(0, 1fr)',
    isWide: true,
    cell: ({ endpoint }) => <span className="mono">{endpoint}</span>,
  },
  {
    key: 'running',
    title: 'Running',
    width: '76px',
    isRight: true,
    isWide: true,
    cell: ({ gauges }) => <span className="num">{gauges.running}</span>,
  },
  {
    key: 'waiting',
    title: 'Waiting',
    width: '76px',
    isRight: true,
    isWide: true,
    cell: ({ gauges }) => <span className="num">{gauges.waiting}</span>,
  },
  {
    key: 'slots',
    title: 'Places',
    width: '60px',
    isRight: true,
    cell: ({ gauges }) => <span className="num">{gauges.slots}</span>,
  },
  {
    key: 'score',
    title: 'Reputation',
    width: '84px',
    isRight: true,
    isWide: true,
    cell: ({ provider }) => <Reputation address={provider} />,
  },
];

/** The list of providers. */
export function ProvidersPage() {
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery<
    Page,
    CallError,
    { pages: Page[] },
    string[],
    string | undefined
  >({
    queryKey: ['market', 'providers'],
    queryFn: ({ pageParam, signal }) =>
      market<'listProviders'>('/v1/providers', { after: pageParam }, { signal }),
    initialPageParam: undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) < 2 ? 3_000 : false),
  });
  const rows = data?.pages.flatMap(({ providers }) => providers) ?? [];
  const more = (): void => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  };
  return (
    <>
      <PageHead
        title="Providers"
        text="Machines that hold a lease with this coordinator now. Yours is among them when it is connected; its page tells what it earned and why it was chosen."
      />
      <Panel
        title="Connected"
        note={data && grouped(rows.length)}
        end={<Source path="/v1/providers">/v1/providers</Source>}
      >
        {error && !data && <Failed error={error} onRetry={() => void refetch()} />}
        {!data && !error && <Waiting what="Loading providers" />}
        {data && rows.length === 0 && (
          <Empty title="No provider is connected">
            <p>One command sells the models of this machine:</p>
            <pre>aitbc ai serve</pre>
          </Empty>
        )}
        {rows.length > 0 && (
          <DataTable
            label="Providers"
            columns={columns}
            rows={rows}
            rowKey={({ provider }) => provider}
            isLinked
            onEnd={more}
          />
        )}
        {hasNextPage && (
          <div className="more">
            <button
              type="button"
              className="plain-button"
              onClick={more}
              disabled={isFetchingNextPage}
            >
              More
            </button>
          </div>
        )}
      </Panel>
    </>
  );
}
