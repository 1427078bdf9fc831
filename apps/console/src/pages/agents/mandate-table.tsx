/** Mandates: what an owner lets another key spend, and what is left of it. */
import { useChain } from '../../data/hooks.ts';
import type { ChainOutput } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { spanText } from '../../format/times.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Badge, Money, Source } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';

type Mandate = ChainOutput<'state_listMandates'>['mandates'][number];

const columns: readonly Column<Mandate>[] = [
  {
    key: 'owner',
    title: 'Owner',
    width: 'minmax(130px, 1fr)',
    cell: ({ owner }) => <Id text={owner} kind="account" />,
  },
  {
    key: 'sub',
    title: 'May spend',
    width: 'minmax(0, 1fr)',
    isWide: true,
    cell: ({ subKey }) => <Id text={subKey} kind="account" />,
  },
  {
    key: 'spent',
    title: 'Spent',
    width: '116px',
    isRight: true,
    cell: ({ spentNait }) => <Money nait={spentNait} />,
  },
  {
    key: 'total',
    title: 'Of',
    width: '110px',
    isRight: true,
    cell: ({ totalMaxNait }) => <Money nait={totalMaxNait} />,
  },
  {
    key: 'window',
    title: 'At most',
    width: '170px',
    isRight: true,
    isWide: true,
    cell: ({ windowMaxNait, windowMs }) => (
      <>
        <Money nait={windowMaxNait} /> / {spanText(windowMs)}
      </>
    ),
  },
  {
    key: 'state',
    title: 'Until',
    width: '130px',
    isRight: true,
    isWide: true,
    cell: ({ revoked, expiresAtHeight }) =>
      revoked ? (
        <Badge tone="bad">revoked</Badge>
      ) : (
        <span className="num">block {grouped(expiresAtHeight)}</span>
      ),
  },
];

/** Mandates of an owner or of a sub-key; of nobody in particular when the query is empty. */
export function MandateTable({
  title,
  query,
}: {
  readonly title: string;
  readonly query: { readonly owner?: string; readonly subKey?: string };
}) {
  const asked = useChain('state_listMandates', query, { everyMs: 10_000 });
  return (
    <Panel title={title} end={<Source path="/openapi.json">state_listMandates</Source>}>
      <Loaded
        asked={asked}
        isEmpty={({ mandates }) => mandates.length === 0}
        empty={<Empty title="None" />}
      >
        {({ mandates }) => (
          <DataTable
            label={title}
            columns={columns}
            rows={mandates}
            rowKey={({ owner, subKey }) => owner + subKey}
          />
        )}
      </Loaded>
    </Panel>
  );
}
