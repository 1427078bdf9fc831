/** One provider: what it sells, what it earned, when it was idle, what speaks for and against it. */
import { Link, useParams } from '@tanstack/react-router';
import { useMemo } from 'react';
import { useChain, useMarket, useNowMs } from '../../data/hooks.ts';
import { grouped } from '../../format/amounts.ts';
import { spanText } from '../../format/times.ts';
import { Chart } from '../../parts/chart.tsx';
import { DataTable } from '../../parts/data-table.tsx';
import { Badge, Money, Source, Stats } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Loaded } from '../../parts/states.tsx';
import { useReceipts } from '../jobs/use-receipts.ts';
import { offerColumns } from '../market/offer-columns.tsx';
import { ReputationPanel } from '../market/reputation.tsx';
import { Decisions } from './decisions.tsx';
import { earningsOf } from './earnings-of.ts';
import { IdleReasons } from './idle-reasons.tsx';

const hours = 24;

/** A provider by its address. */
export function ProviderPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const registered = useChain('state_getProvider', { address: id }, { everyMs: 10_000 });
  const channels = useChain('state_listChannels', { receiver: id }, { everyMs: 10_000 });
  const paid = channels.data?.channels.reduce(
    (sum, { totalClaimed }) => sum + BigInt(totalClaimed),
    0n,
  );
  return (
    <>
      <PageHead title="Provider" text={<Id text={id} kind="account" isFull />}>
        {registered.data && (
          <Badge tone={registered.data.unbondDueMs === 0 ? 'good' : 'wait'}>
            {registered.data.unbondDueMs === 0 ? 'bonded' : 'leaving'}
          </Badge>
        )}
        {registered.error && <Badge tone="wait">not registered on chain</Badge>}
      </PageHead>
      <div className="stack">
        <Earnings id={id} bond={registered.data?.bond} paid={paid} />
        <Offers id={id} />
        <div className="grid two">
          <ReputationPanel address={id} />
          <Audits id={id} />
        </div>
        <Decisions address={id} />
        <IdleReasons />
      </div>
    </>
  );
}

function Earnings({
  id,
  bond,
  paid,
}: {
  readonly id: string;
  readonly bond: string | undefined;
  readonly paid: bigint | undefined;
}) {
  const nowMs = useNowMs();
  const { receipts } = useReceipts(id);
  const minute = Math.floor(nowMs / 60_000);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once a minute is often enough
  const sums = useMemo(() => earningsOf(receipts, nowMs, hours), [receipts, minute]);
  return (
    <>
      <Stats
        stats={[
          {
            name: 'Earned in a day',
            value: <Money nait={sums.charged} />,
            under: 'by reported receipts',
          },
          {
            name: 'Paid on chain',
            value: paid === undefined ? '–' : <Money nait={paid} />,
            under: 'claimed from channels, ever',
          },
          {
            name: 'Answers in a day',
            value: grouped(sums.jobs),
            under: `${grouped(sums.tokens)} tokens`,
          },
          {
            name: 'Busy in a day',
            value: spanText(sums.busyMs),
            under: `${((100 * sums.busyMs) / (hours * 3_600_000)).toFixed(1)} % of the time`,
          },
          { name: 'Bond', value: bond === undefined ? '–' : <Money nait={bond} /> },
        ]}
      />
      <Panel
        title="Earnings"
        note="nait per hour, as buyers reported them"
        end={<Source path={`/v1/events?kind=receipt&provider=${id}`}>receipts</Source>}
        padded
      >
        <Chart
          label={`Earnings per hour of the last ${hours} hours`}
          kind="bars"
          unit=""
          xs={sums.times}
          series={[{ name: 'nait', values: sums.perHour }]}
          empty="No paid answer in the last day"
        />
      </Panel>
    </>
  );
}

function Offers({ id }: { readonly id: string }) {
  const asked = useMarket<'listOffers'>('/v1/offers', {}, { everyMs: 5_000 });
  const columns = offerColumns.filter(({ key }) => key !== 'provider' && key !== 'score');
  return (
    <Panel
      title="Offers"
      note="AIT per million tokens"
      end={<Source path="/v1/offers">/v1/offers</Source>}
    >
      <Loaded asked={asked}>
        {({ offers }) => {
          const rows = offers.filter(({ offer }) => offer.payload.provider === id);
          if (rows.length === 0) {
            return (
              <Empty title="Nothing on offer now">
                <p>
                  It is not connected to this coordinator, or its offers stand far down in the list.
                </p>
              </Empty>
            );
          }
          return (
            <DataTable
              label="Offers of this provider"
              columns={columns}
              rows={rows}
              rowKey={({ offerId }) => offerId}
            />
          );
        }}
      </Loaded>
    </Panel>
  );
}

function Audits({ id }: { readonly id: string }) {
  const asked = useMarket<'listAudits'>('/v1/audits', { provider: id }, { everyMs: 10_000 });
  return (
    <Panel
      title="Audits"
      note="drawn by blocks, replayed by others"
      end={<Source path={`/v1/audits?provider=${id}`}>/v1/audits</Source>}
    >
      <Loaded
        asked={asked}
        isEmpty={({ audits }) => audits.length === 0}
        empty={<Empty title="None of its jobs was drawn yet" />}
      >
        {({ audits }) => (
          <ul className="lines">
            {audits.map(({ jobId, state, drawHeight }) => (
              <li key={jobId}>
                <Badge
                  tone={
                    state === 'honest' || state === 'acquitted'
                      ? 'good'
                      : state === 'guilty'
                        ? 'bad'
                        : 'wait'
                  }
                >
                  {state}
                </Badge>{' '}
                <Link className="link" to="/jobs/$id" params={{ id: jobId }}>
                  job
                </Link>{' '}
                drawn by block {grouped(drawHeight)}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}
