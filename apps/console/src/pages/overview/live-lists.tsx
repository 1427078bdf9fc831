/** The newest blocks and events of the market, as they come. */
import type { LiveBlock, MarketEvent } from '@aitbc/protocol';
import { Link } from '@tanstack/react-router';
import { grouped } from '../../format/amounts.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Ago, Source } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { Panel } from '../../parts/panel.tsx';
import { Empty, Waiting } from '../../parts/states.tsx';
import { EventText } from './event-text.tsx';

const shown = 10;

const blockColumns: readonly Column<LiveBlock>[] = [
  {
    key: 'height',
    title: 'Block',
    width: 'minmax(60px, 1fr)',
    cell: ({ height }) => (
      <Link className="row-link num" to="/explorer/block/$id" params={{ id: String(height) }}>
        {grouped(height)}
      </Link>
    ),
  },
  {
    key: 'txs',
    title: 'Txs',
    width: '44px',
    isRight: true,
    cell: ({ txCount }) => <span className="num">{txCount}</span>,
  },
  {
    key: 'final',
    title: 'Final after',
    width: '84px',
    isRight: true,
    cell: ({ finalMs }) => (
      <span className="num">{finalMs === null ? '–' : `${grouped(finalMs)} ms`}</span>
    ),
  },
  {
    key: 'proposer',
    title: 'Proposer',
    width: 'minmax(0, 150px)',
    isWide: true,
    cell: ({ proposer }) => <Id text={proposer} kind="plain" />,
  },
  {
    key: 'age',
    title: 'Age',
    width: '76px',
    isRight: true,
    cell: ({ timeMs }) => <Ago atMs={timeMs} />,
  },
];

/** The newest blocks. */
export function BlockList({ blocks }: { readonly blocks: readonly LiveBlock[] }) {
  return (
    <Panel
      title="Blocks"
      end={
        <Link className="source" to="/explorer">
          all blocks
        </Link>
      }
    >
      {blocks.length === 0 ? (
        <Waiting what="Waiting for blocks" />
      ) : (
        <DataTable
          label="Newest blocks"
          columns={blockColumns}
          rows={blocks.slice(-shown).reverse()}
          rowKey={({ height }) => String(height)}
          isLinked
        />
      )}
    </Panel>
  );
}

const eventColumns: readonly Column<MarketEvent>[] = [
  {
    key: 'what',
    title: 'What happened',
    width: 'minmax(0, 1fr)',
    cell: (event) => <EventText event={event} />,
  },
  {
    key: 'who',
    title: 'Provider',
    width: 'minmax(0, 150px)',
    isWide: true,
    cell: ({ provider }) => <Id text={provider} kind="provider" />,
  },
  {
    key: 'age',
    title: 'Age',
    width: '76px',
    isRight: true,
    cell: ({ atMs }) => <Ago atMs={atMs} />,
  },
];

/** The newest events of the market. */
export function EventList({ events }: { readonly events: readonly MarketEvent[] }) {
  return (
    <Panel title="Market" end={<Source path="/v1/events">all events</Source>}>
      {events.length === 0 ? (
        <Empty title="Quiet so far">
          <p>Providers that come and go, offers, paid answers and audits appear here.</p>
        </Empty>
      ) : (
        <DataTable
          label="Newest events of the market"
          columns={eventColumns}
          rows={events.slice(-shown).reverse()}
          rowKey={({ seq }) => String(seq)}
        />
      )}
    </Panel>
  );
}
