/** Everything that is for sale: models × providers, with price, speed and reputation. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { CallError } from '../../data/call-json.ts';
import { useMarket } from '../../data/hooks.ts';
import { type MarketOutput, market } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { DataTable } from '../../parts/data-table.tsx';
import { Source } from '../../parts/figures.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Failed, Waiting } from '../../parts/states.tsx';
import { offerColumns } from './offer-columns.tsx';
import { PriceHistory } from './price-history.tsx';
import { SoldPrices } from './sold-prices.tsx';
import { type SortKey, sortedOffers, sortNames } from './sort-offers.ts';

type Page = MarketOutput<'listOffers'>;

interface Wish {
  readonly model?: string;
  readonly sort?: SortKey;
  readonly q?: string;
}

/** The market. */
export function MarketPage() {
  const wish = useSearch({ strict: false }) as Wish;
  const navigate = useNavigate();
  const models = useMarket<'models'>('/v1/models', {}, { everyMs: 15_000 });
  const shown = wish.model ?? models.data?.data[0]?.id;
  const set = (change: Partial<Record<keyof Wish, string | undefined>>): void => {
    void navigate({ to: '/market', search: { ...wish, ...change } as never, replace: true });
  };
  return (
    <>
      <PageHead
        title="Market"
        text="Signed offers of providers that are connected now. Prices are AIT per million tokens; nobody between you and the provider can change them."
      />
      <div className="filters">
        <select
          aria-label="Model"
          value={wish.model ?? ''}
          onChange={({ target }) => set({ model: target.value || undefined })}
        >
          <option value="">All models</option>
          {(models.data?.data ?? []).map(({ id, providers }) => (
            <option key={id} value={id}>
              {id} ({providers})
            </option>
          ))}
        </select>
        <select
          aria-label="Order"
          value={wish.sort ?? 'output'}
          onChange={({ target }) => set({ sort: target.value })}
        >
          {Object.entries(sortNames).map(([key, name]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
        <input
          type="search"
          aria-label="Provider or quantization"
          placeholder="Provider or quantization"
          value={wish.q ?? ''}
          onChange={({ target }) => set({ q: target.value || undefined })}
        />
      </div>
      <div className="stack">
        <Offers wish={wish} />
        <PriceHistory model={shown} />
        <SoldPrices model={shown} />
      </div>
    </>
  );
}

function useOffers(model: string | undefined) {
  return useInfiniteQuery<Page, CallError, { pages: Page[] }, string[], string | undefined>({
    queryKey: ['market', 'offers', model ?? ''],
    queryFn: ({ pageParam, signal }) =>
      market<'listOffers'>('/v1/offers', { model, after: pageParam }, { signal }),
    initialPageParam: undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) < 2 ? 5_000 : false),
  });
}

function Offers({ wish: { model, sort = 'output', q = '' } }: { readonly wish: Wish }) {
  const { data, error, fetchNextPage, hasNextPage, isFetchingNextPage, refetch } = useOffers(model);
  const rows = useMemo(() => {
    const wanted = q.trim().toLowerCase();
    const all = (data?.pages ?? []).flatMap(({ offers }) => offers);
    const fitting =
      wanted === ''
        ? all
        : all.filter(({ offer: { payload } }) =>
            `${payload.provider} ${payload.quantization} ${payload.endpoint}`
              .toLowerCase()
              .includes(wanted),
          );
    return sortedOffers(fitting, sort);
  }, [data, q, sort]);
  if (error && !data) return <Failed error={error} onRetry={() => void refetch()} />;
  if (!data) return <Waiting what="Loading offers" />;
  const loaded = data.pages.reduce((sum, { offers }) => sum + offers.length, 0);
  const more = (): void => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  };
  return (
    <Panel
      title="Offers"
      note={
        <span data-testid="loaded">
          {hasNextPage ? `${grouped(loaded)} loaded and sorted, there are more` : grouped(loaded)}
        </span>
      }
      end={<Source path="/v1/offers">/v1/offers</Source>}
    >
      {rows.length === 0 ? (
        <Empty title={loaded === 0 ? 'Nothing is for sale yet' : 'No offer fits'}>
          <p>
            {loaded === 0
              ? 'Offers appear as soon as a provider is connected.'
              : 'Take a part of the filter away.'}
          </p>
        </Empty>
      ) : (
        <DataTable
          label="Offers"
          columns={offerColumns}
          rows={rows}
          rowKey={({ offerId }) => offerId}
          isLinked
          onEnd={more}
        />
      )}
      {hasNextPage && (
        <div className="more">
          <LoadAll more={fetchNextPage} isBusy={isFetchingNextPage} />
        </div>
      )}
    </Panel>
  );
}

function LoadAll({
  more,
  isBusy,
}: {
  readonly more: () => Promise<{ hasNextPage: boolean }>;
  readonly isBusy: boolean;
}) {
  const all = async (): Promise<void> => {
    for (let isMore = true; isMore; ) isMore = (await more()).hasNextPage;
  };
  return (
    <button type="button" className="plain-button" disabled={isBusy} onClick={() => void all()}>
      {isBusy ? 'Loading' : 'Load all'}
    </button>
  );
}
