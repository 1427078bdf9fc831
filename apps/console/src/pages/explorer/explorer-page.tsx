/** All blocks, the newest first, as far down as somebody scrolls. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { CallError } from '../../data/call-json.ts';
import { useChain, useLive } from '../../data/hooks.ts';
import { type ChainOutput, chain } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { counted } from '../../format/times.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Ago, Money, Source, Stats } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Failed, Waiting } from '../../parts/states.tsx';

type Row = ChainOutput<'chain_listBlocks'>['blocks'][number];

const pageSize = 100;

const columns: readonly Column<Row>[] = [
  {
    key: 'height',
    title: 'Block',
    width: 'minmax(70px, 110px)',
    cell: ({ header }) => (
      <Link
        className="row-link num"
        to="/explorer/block/$id"
        params={{ id: String(header.height) }}
      >
        {grouped(header.height)}
      </Link>
    ),
  },
  {
    key: 'txs',
    title: 'Transactions',
    width: '92px',
    isRight: true,
    cell: ({ txCount }) => <span className="num">{txCount}</span>,
  },
  {
    key: 'hash',
    title: 'Hash',
    width: 'minmax(0, 1fr)',
    isWide: true,
    cell: ({ hash }) => <Id text={hash} kind="plain" />,
  },
  {
    key: 'proposer',
    title: 'Proposer',
    width: 'minmax(0, 1fr)',
    isWide: true,
    cell: ({ header }) => <Id text={header.proposer} kind="plain" />,
  },
  {
    key: 'view',
    title: 'View',
    width: '76px',
    isRight: true,
    isWide: true,
    cell: ({ header }) => <span className="num">{grouped(header.view)}</span>,
  },
  {
    key: 'age',
    title: 'Age',
    width: 'minmax(80px, 1fr)',
    isRight: true,
    cell: ({ header }) => <Ago atMs={header.timeMs} />,
  },
];

/** The explorer. */
export function ExplorerPage() {
  return (
    <>
      <PageHead
        title="Explorer"
        text="Every block, transaction, account and channel of this chain. The search field finds them by height, hash or address."
      />
      <div className="stack">
        <ChainStats />
        <Blocks />
      </div>
    </>
  );
}

function ChainStats() {
  const status = useChain('chain_status', {}, { everyMs: 5_000 });
  const audit = useChain('state_audit', {}, { everyMs: 30_000 });
  const coins = audit.data;
  const isSound = coins && coins.problems.length === 0 && coins.supply === coins.genesisSupply;
  return (
    <Stats
      stats={[
        {
          name: 'Height',
          value: status.data ? grouped(status.data.height) : '–',
          under: status.data && `epoch ${status.data.epoch}`,
        },
        {
          name: 'Validators',
          value: status.data ? status.data.validators.length : '–',
          under: status.data?.network,
        },
        {
          name: 'Waiting',
          value: status.data ? grouped(status.data.waitingTxs) : '–',
          under: 'transactions, not final yet',
        },
        {
          name: 'All coins',
          value: coins ? grouped(BigInt(coins.supply) / 1_000_000_000n) : '–',
          unit: 'AIT',
          under: coins ? (
            isSound ? (
              <span className="good">every one accounted for</span>
            ) : (
              <span className="bad">{coins.problems[0] ?? 'not those of the genesis'}</span>
            )
          ) : (
            'counting'
          ),
        },
        {
          name: 'In channels',
          value: coins ? <Money nait={coins.channels} /> : '–',
          under: coins && (
            <>
              bonds <Money nait={coins.bonds} />
            </>
          ),
        },
      ]}
    />
  );
}

function Blocks() {
  const { blocks: live } = useLive();
  const { data, error, fetchNextPage, hasNextPage, isFetchingNextPage, refetch } = useInfiniteQuery<
    ChainOutput<'chain_listBlocks'>,
    CallError,
    { pages: ChainOutput<'chain_listBlocks'>[] },
    string[],
    number | undefined
  >({
    queryKey: ['chain', 'blocks'],
    queryFn: ({ pageParam, signal }) =>
      chain(
        'chain_listBlocks',
        { limit: pageSize, ...(pageParam !== undefined && { from: pageParam }) },
        signal,
      ),
    initialPageParam: undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
  });
  if (error) return <Failed error={error} onRetry={() => void refetch()} />;
  if (!data) return <Waiting what="Loading blocks" />;
  const known = data.pages.flatMap(({ blocks }) => blocks);
  const top = known[0]?.header.height ?? 0;
  const fresh = live.filter(({ height }) => height > top).length;
  const more = (): void => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  };
  return (
    <Panel
      title="Blocks"
      note={
        fresh > 0 ? (
          <button type="button" className="source" onClick={() => void refetch()}>
            {counted(fresh, 'newer block')}, show
          </button>
        ) : undefined
      }
      end={<Source path="/openapi.json">POST /v1/chain</Source>}
    >
      <DataTable
        label="Blocks"
        columns={columns}
        rows={known}
        rowKey={({ hash }) => hash}
        isLinked
        onEnd={more}
      />
      {hasNextPage && (
        <div className="more">
          <button
            type="button"
            className="plain-button"
            onClick={more}
            disabled={isFetchingNextPage}
          >
            {isFetchingNextPage ? 'Loading' : 'Older blocks'}
          </button>
        </div>
      )}
    </Panel>
  );
}
