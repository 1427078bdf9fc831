/** One payment channel: who pays whom, what it holds and what it has paid. */
import { useParams } from '@tanstack/react-router';
import { useChain } from '../../data/hooks.ts';
import { dateText, spanText } from '../../format/times.ts';
import { Badge, Facts, Money, Source, Stats } from '../../parts/figures.tsx';
import { Id } from '../../parts/ids.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Loaded } from '../../parts/states.tsx';

/** A channel by its id. */
export function ChannelPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const asked = useChain('state_getChannel', { channelId: id }, { everyMs: 5_000 });
  return (
    <>
      <PageHead title="Channel" text={<Id text={id} kind="plain" isFull />}>
        {asked.data && (
          <Badge tone={asked.data.closed ? 'plain' : 'good'}>
            {asked.data.closed ? 'closed' : 'open'}
          </Badge>
        )}
      </PageHead>
      <Loaded asked={asked}>
        {(channel) => (
          <div className="stack">
            <Stats
              stats={[
                {
                  name: 'Holds',
                  value: <Money nait={channel.balance} />,
                  under: 'deposited in all, less refunds',
                },
                {
                  name: 'Paid so far',
                  value: <Money nait={channel.totalClaimed} />,
                  under: 'claimed with vouchers',
                },
                {
                  name: 'Left',
                  value: <Money nait={BigInt(channel.balance) - BigInt(channel.totalClaimed)} />,
                },
              ]}
            />
            <Panel
              title="Terms"
              padded
              end={<Source path="/openapi.json">state_getChannel</Source>}
            >
              <Facts
                rows={[
                  ['Payer', <Id key="payer" text={channel.payer} kind="account" />],
                  [
                    'Its vouchers are signed by',
                    <Id key="pk" text={channel.payerAuthorizer} kind="plain" />,
                  ],
                  ['Receiver', <Id key="receiver" text={channel.receiver} kind="provider" />],
                  [
                    'Its claims are signed by',
                    <Id key="rk" text={channel.receiverAuthorizer} kind="plain" />,
                  ],
                  ['Taking out takes', spanText(channel.withdrawDelayMs)],
                  [
                    'On its way out',
                    channel.withdrawAmount === '0' ? (
                      'nothing'
                    ) : (
                      <>
                        <Money nait={channel.withdrawAmount} />, {dateText(channel.withdrawDueMs)}
                      </>
                    ),
                  ],
                ]}
              />
            </Panel>
          </div>
        )}
      </Loaded>
    </>
  );
}
