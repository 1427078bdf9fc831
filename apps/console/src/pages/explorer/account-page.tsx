/** One account: its coins, and whatever it is on this chain: payer, provider, agent, sub-key. */
import { Link, useParams } from '@tanstack/react-router';
import { useChain } from '../../data/hooks.ts';
import type { ChainOutput } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { dateText } from '../../format/times.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Badge, Facts, Money, Source, Stats } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { MandateTable } from '../agents/mandate-table.tsx';

type Channel = ChainOutput<'state_listChannels'>['channels'][number];

const everyMs = 5_000;

/** An account by its address. */
export function AccountPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const account = useChain('state_getAccount', { address: id }, { everyMs });
  return (
    <>
      <PageHead title="Account" text={<Id text={id} kind="plain" isFull />}>
        <Roles address={id} />
      </PageHead>
      <div className="stack">
        <Loaded asked={account}>{(data) => <Coins account={data} />}</Loaded>
        <ProviderPart address={id} />
        <AgentPart address={id} />
        <Channels
          title="Channels it pays from"
          asked={useChain('state_listChannels', { payer: id }, { everyMs })}
          other="receiver"
        />
        <Channels
          title="Channels that pay it"
          asked={useChain('state_listChannels', { receiver: id }, { everyMs })}
          other="payer"
        />
        <MandateTable title="Mandates it gave" query={{ owner: id }} />
        <MandateTable title="Mandates it has" query={{ subKey: id }} />
      </div>
    </>
  );
}

function Coins({ account }: { readonly account: ChainOutput<'state_getAccount'> }) {
  return (
    <Stats
      stats={[
        { name: 'Balance', value: <Money nait={account.balance} /> },
        {
          name: 'In the vault',
          value: <Money nait={account.vault} />,
          under: 'set aside for channels',
        },
        {
          name: 'Transactions sent',
          value: grouped(account.nonce),
          under:
            account.pendingNonce > account.nonce
              ? `${account.pendingNonce - account.nonce} waiting`
              : 'none waiting',
        },
      ]}
    />
  );
}

function Roles({ address }: { readonly address: string }) {
  const provider = useChain('state_getProvider', { address });
  const agent = useChain('state_getAgent', { address });
  return (
    <div className="steps">
      {provider.data && <Badge tone="accent">provider</Badge>}
      {agent.data && <Badge tone="accent">agent</Badge>}
    </div>
  );
}

function ProviderPart({ address }: { readonly address: string }) {
  const { data } = useChain('state_getProvider', { address }, { everyMs });
  if (!data) return null;
  return (
    <Panel
      title="As a provider"
      end={
        <Link className="source" to="/providers/$id" params={{ id: address }}>
          earnings and reputation
        </Link>
      }
      padded
    >
      <Facts
        rows={[
          ['Bond', <Money key="bond" nait={data.bond} />],
          ['Leaves', data.unbondDueMs === 0 ? 'no, the bond stays' : dateText(data.unbondDueMs)],
          ['Signs with', <Id key="key" text={data.authorizer} kind="plain" />],
          ['Endpoint', data.endpoint],
        ]}
      />
    </Panel>
  );
}

function AgentPart({ address }: { readonly address: string }) {
  const { data } = useChain('state_getAgent', { address });
  if (!data) return null;
  return (
    <Panel title="As an agent" padded>
      <Facts
        rows={[
          ['Name', data.name],
          ['Endpoint', data.endpoint],
          ['Hash of its card', <Id key="card" text={data.cardHash} kind="plain" />],
        ]}
      />
    </Panel>
  );
}

function Channels({
  title,
  asked,
  other,
}: {
  readonly title: string;
  readonly asked: ReturnType<typeof useChain<'state_listChannels'>>;
  readonly other: 'payer' | 'receiver';
}) {
  const columns: readonly Column<Channel>[] = [
    {
      key: 'id',
      title: 'Channel',
      width: 'minmax(130px, 1fr)',
      cell: ({ channelId }) => <Id text={channelId} kind="channel" stretched />,
    },
    {
      key: 'other',
      title: other === 'payer' ? 'From' : 'To',
      width: 'minmax(0, 1fr)',
      isWide: true,
      cell: (row) => <Id text={row[other]} kind="account" />,
    },
    {
      key: 'balance',
      title: 'Holds',
      width: '120px',
      isRight: true,
      cell: ({ balance }) => <Money nait={balance} />,
    },
    {
      key: 'claimed',
      title: 'Paid so far',
      width: '120px',
      isRight: true,
      isWide: true,
      cell: ({ totalClaimed }) => <Money nait={totalClaimed} />,
    },
    {
      key: 'state',
      title: 'State',
      width: '90px',
      isRight: true,
      isWide: true,
      cell: ({ closed }) => (closed ? <Badge>closed</Badge> : <Badge tone="good">open</Badge>),
    },
  ];
  return (
    <Panel title={title} end={<Source path="/openapi.json">state_listChannels</Source>}>
      <Loaded
        asked={asked}
        isEmpty={({ channels }) => channels.length === 0}
        empty={<Empty title="None" />}
      >
        {({ channels }) => (
          <DataTable
            label={title}
            columns={columns}
            rows={channels}
            rowKey={({ channelId }) => channelId}
            isLinked
          />
        )}
      </Loaded>
    </Panel>
  );
}
