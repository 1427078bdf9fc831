/**
 * Why the coordinator chose this provider or another one. Only the provider itself may read that, so its owner gives a
 * token of a login; it stays in this page's memory and is gone when the page is left.
 */
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { CallError } from '../../data/call-json.ts';
import { type MarketOutput, market } from '../../data/sources.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Ago, Badge, Source } from '../../parts/figures.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';

type Answer = MarketOutput<'decisions'>;
type Decision = Answer['decisions'][number];

const shown = 50;

const columns: readonly Column<Decision>[] = [
  {
    key: 'rank',
    title: 'Place',
    width: '84px',
    cell: ({ rank }) => (
      <Badge tone={rank === 0 ? 'good' : rank === null ? 'bad' : 'wait'}>
        {rank === 0 ? 'won' : rank === null ? 'left out' : `place ${rank + 1}`}
      </Badge>
    ),
  },
  { key: 'why', title: 'Why', width: 'minmax(0, 2fr)', cell: ({ text }) => text },
  {
    key: 'model',
    title: 'Model',
    width: 'minmax(0, 1fr)',
    isWide: true,
    cell: ({ model }) => model,
  },
  {
    key: 'of',
    title: 'Offers',
    width: '70px',
    isRight: true,
    isWide: true,
    cell: ({ candidates }) => <span className="num">{candidates}</span>,
  },
  {
    key: 'age',
    title: 'Age',
    width: '80px',
    isRight: true,
    cell: ({ atMs }) => <Ago atMs={atMs} />,
  },
];

/** Decisions about a provider, for its owner. */
export function Decisions({ address }: { readonly address: string }) {
  const [token, setToken] = useState('');
  const asked = useQuery<Answer, CallError>({
    queryKey: ['market', 'decisions', address, token],
    enabled: token !== '',
    retry: false,
    gcTime: 0,
    queryFn: ({ signal }) =>
      market<'decisions'>('/v1/providers/me/decisions', { limit: shown }, { signal, token }),
  });
  const take = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setToken(String(new FormData(event.currentTarget).get('token') ?? '').trim());
  };
  return (
    <Panel
      title="Decisions"
      note="why it was chosen, or was not"
      end={<Source path="/openapi.json">/v1/providers/me/decisions</Source>}
    >
      {token === '' ? (
        <Empty title="For its owner only">
          <p>
            What decided each job is shown to the provider itself. On its machine,{' '}
            <code>aitbc ai why</code> prints the same. With a token of a login it is shown here too;
            the token stays in this page.
          </p>
          <form className="filters" onSubmit={take}>
            <input
              type="password"
              name="token"
              aria-label="Token of a provider login"
              placeholder="Token of a provider login"
              autoComplete="off"
            />
            <button type="submit" className="plain-button">
              Show
            </button>
          </form>
        </Empty>
      ) : (
        <Loaded
          asked={asked}
          isEmpty={({ decisions }) => decisions.length === 0}
          empty={<Empty title="No decision has looked at it yet" />}
        >
          {({ provider, decisions }) =>
            provider === address ? (
              <DataTable
                label="Decisions"
                columns={columns}
                rows={decisions}
                rowKey={({ decisionId, offerId }) => decisionId + offerId}
              />
            ) : (
              <Empty title="That token is of another provider" />
            )
          }
        </Loaded>
      )}
    </Panel>
  );
}
