/** One transaction: what it says and what it did. */
import { Link, useParams } from '@tanstack/react-router';
import { useChain } from '../../data/hooks.ts';
import type { ChainOutput } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { kindText } from '../../format/names.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Badge, Facts, Money, Source } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Loaded } from '../../parts/states.tsx';
import { BodyFields } from './tx-body.tsx';

type Status = ChainOutput<'tx_get'>;
type ClaimRow = NonNullable<NonNullable<Status['receipt']>['rows']>[number];

const waitingMs = 1_000;

/** A transaction by its id. */
export function TxPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const asked = useChain('tx_get', { txId: id }, { everyMs: waitingMs * 5 });
  return <Loaded asked={asked}>{(status) => <TxView id={id} status={status} />}</Loaded>;
}

function TxView({
  id,
  status: { status, tx, receipt, blockHash },
}: {
  readonly id: string;
  readonly status: Status;
}) {
  return (
    <>
      <PageHead title={sentence(kindText(tx.kind))} text={<Id text={id} kind="plain" isFull />}>
        <Badge tone={status === 'final' ? 'good' : 'wait'}>{status}</Badge>
      </PageHead>
      <div className="stack">
        <div className="grid two">
          <Panel title="Transaction" padded end={<Source path="/openapi.json">tx_get</Source>}>
            <Facts
              rows={[
                ['From', <Id key="from" text={tx.from} kind="account" />],
                ['Fee', <Money key="fee" nait={receipt?.fee ?? tx.fee} />],
                ...(tx.payer
                  ? [['Fee paid by', <Id key="payer" text={tx.payer} kind="account" />] as const]
                  : []),
                ['Nonce', tx.lane ? `${tx.nonce} of lane ${tx.lane}` : String(tx.nonce)],
                [
                  'Valid until',
                  tx.validUntil === 0 ? 'for ever' : `block ${grouped(tx.validUntil)}`,
                ],
                [
                  'Block',
                  receipt ? (
                    <Link
                      key="block"
                      className="link"
                      to="/explorer/block/$id"
                      params={{ id: String(receipt.height) }}
                    >
                      {grouped(receipt.height)}
                    </Link>
                  ) : (
                    'not yet'
                  ),
                ],
                ...(blockHash
                  ? [['Block hash', <Id key="hash" text={blockHash} kind="plain" />] as const]
                  : []),
              ]}
            />
          </Panel>
          <Panel title="What it says" padded>
            <BodyFields body={tx.body} />
          </Panel>
        </div>
        {receipt?.rows && <ClaimRows rows={receipt.rows} />}
      </div>
    </>
  );
}

const columns: readonly Column<ClaimRow>[] = [
  {
    key: 'channel',
    title: 'Channel',
    width: 'minmax(100px, 1fr)',
    cell: ({ channelId }) => <Id text={channelId} kind="channel" stretched />,
  },
  {
    key: 'paid',
    title: 'Paid',
    width: '100px',
    isRight: true,
    cell: ({ paid }) => <Money nait={paid} />,
  },
  {
    key: 'code',
    title: 'Result',
    width: 'minmax(70px, 170px)',
    isRight: true,
    cell: ({ code }) =>
      code === null ? <Badge tone="good">paid</Badge> : <Badge tone="bad">{code}</Badge>,
  },
];

function ClaimRows({ rows }: { readonly rows: readonly ClaimRow[] }) {
  return (
    <Panel title="What it paid" note="channel by channel">
      <DataTable
        label="Rows of the claim"
        columns={columns}
        rows={rows}
        rowKey={({ channelId }) => channelId}
        isLinked
      />
    </Panel>
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
