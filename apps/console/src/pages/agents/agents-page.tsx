/** Agents that are registered on chain, with what their cards say they can. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { CallError } from '../../data/call-json.ts';
import { type MarketOutput, market } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Badge, Source } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Failed, Waiting } from '../../parts/states.tsx';

type Page = MarketOutput<'listAgents'>;
type Agent = Page['agents'][number];

const skillsShown = 4;

const columns: readonly Column<Agent>[] = [
  {
    key: 'name',
    title: 'Agent',
    width: 'minmax(110px, 1fr)',
    cell: ({ name }) => <strong>{name}</strong>,
  },
  {
    key: 'address',
    title: 'Account',
    width: 'minmax(140px, 1fr)',
    cell: ({ address }) => <Id text={address} kind="account" stretched />,
  },
  {
    key: 'skills',
    title: 'Skills',
    width: 'minmax(0, 2fr)',
    isWide: true,
    cell: ({ card }) => <Skills card={card} />,
  },
  {
    key: 'endpoint',
    title: 'Endpoint',
    width: 'minmax(0, 1fr)',
    isWide: true,
    cell: ({ endpoint }) => <span className="mono">{endpoint || '–'}</span>,
  },
];

function Skills({ card }: { readonly card: Agent['card'] }) {
  if (card === null) return <span className="faint">its card was not handed in</span>;
  const names = card.skills.map(({ name }) => name);
  return (
    <span className="badges">
      {names.slice(0, skillsShown).map((name) => (
        <Badge key={name}>{name}</Badge>
      ))}
      {names.length > skillsShown && (
        <span className="faint">and {names.length - skillsShown} more</span>
      )}
    </span>
  );
}

/** The list of agents. */
export function AgentsPage() {
  const { q = '' } = useSearch({ strict: false }) as { q?: string };
  const navigate = useNavigate();
  const asked = useInfiniteQuery<Page, CallError, { pages: Page[] }, string[], string | undefined>({
    queryKey: ['market', 'agents', q],
    queryFn: ({ pageParam, signal }) =>
      market<'listAgents'>('/v1/agents', { q, after: pageParam }, { signal }),
    initialPageParam: undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    retry: false,
  });
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = asked;
  const rows = data?.pages.flatMap(({ agents }) => agents) ?? [];
  const more = (): void => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  };
  return (
    <>
      <PageHead
        title="Agents"
        text="Programs with an identity on chain: a name, keys, an endpoint, and a card that says what they can. The hash of the card stands on chain."
      />
      <div className="filters">
        <input
          type="search"
          aria-label="Part of a name or a skill"
          placeholder="Part of a name or a skill"
          value={q}
          onChange={({ target }) =>
            void navigate({
              to: '/agents',
              search: (target.value === '' ? {} : { q: target.value }) as never,
              replace: true,
            })
          }
        />
      </div>
      <Panel
        title="Registered"
        note={data && grouped(rows.length)}
        end={<Source path="/v1/agents">/v1/agents</Source>}
      >
        {error && <Failed error={error} onRetry={() => void refetch()} />}
        {!data && !error && <Waiting what="Loading agents" />}
        {data && rows.length === 0 && (
          <Empty title={q === '' ? 'No agent is registered yet' : 'No agent fits'}>
            <p>An agent gets its identity with one command:</p>
            <pre>aitbc agent register</pre>
          </Empty>
        )}
        {rows.length > 0 && (
          <DataTable
            label="Agents"
            columns={columns}
            rows={rows}
            rowKey={({ address }) => address}
            isLinked
            onEnd={more}
          />
        )}
      </Panel>
    </>
  );
}
