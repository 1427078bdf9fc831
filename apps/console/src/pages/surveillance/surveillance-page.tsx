/** What looked like abuse: alerts with their evidence, and the detectors behind them. An alert accuses nobody by itself. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import type { CallError } from '../../data/call-json.ts';
import { useMarket } from '../../data/hooks.ts';
import { type MarketOutput, market } from '../../data/sources.ts';
import { grouped } from '../../format/amounts.ts';
import { spanText } from '../../format/times.ts';
import { Badge, Source, Stats } from '../../parts/figures.tsx';
import { PageHead, Panel } from '../../parts/panel.tsx';
import { Empty, Failed, Waiting } from '../../parts/states.tsx';
import { AlertView } from './alert-view.tsx';

type Page = MarketOutput<'listAlerts'>;

const states = { open: 'Open', resolved: 'Resolved', false_positive: 'False alarms' } as const;
const everyMs = 5_000;
const pageSize = 50;

/** The page of alerts. */
export function SurveillancePage() {
  const { status = 'open' } = useSearch({ strict: false }) as { status?: keyof typeof states };
  const navigate = useNavigate();
  const about = useMarket<'surveillanceStatus'>('/v1/surveillance/status', {}, { everyMs });
  const [token, setToken] = useState('');
  return (
    <>
      <PageHead
        title="Surveillance"
        text="Detectors read the public events of this market. An alert accuses nobody by itself: its evidence does, and anybody can judge it again."
      />
      {about.error ? (
        <Panel>
          <Failed error={about.error} onRetry={() => void about.refetch()} />
        </Panel>
      ) : (
        <div className="stack">
          <Figures status={about.data} />
          <div className="filters">
            <select
              aria-label="Which alerts"
              value={status}
              onChange={({ target }) =>
                void navigate({
                  to: '/surveillance',
                  search: { status: target.value } as never,
                  replace: true,
                })
              }
            >
              {Object.entries(states).map(([key, name]) => (
                <option key={key} value={key}>
                  {name}
                </option>
              ))}
            </select>
            <input
              type="password"
              aria-label="Admin token of the coordinator, to close alerts"
              placeholder="Admin token, to close alerts"
              autoComplete="off"
              value={token}
              onChange={({ target }) => setToken(target.value)}
            />
          </div>
          <Alerts status={status} token={token.trim()} />
          <Detectors status={about.data} />
        </div>
      )}
    </>
  );
}

type Status = MarketOutput<'surveillanceStatus'> | undefined;

function Figures({ status }: { readonly status: Status }) {
  const open = status?.detectors.reduce((sum, { alerts }) => sum + alerts, 0);
  return (
    <Stats
      stats={[
        { name: 'Open alerts', value: open === undefined ? '–' : grouped(open) },
        {
          name: 'Detectors',
          value: status ? status.detectors.filter(({ isRunning }) => isRunning).length : '–',
          under: status && `of ${status.detectors.length} run`,
        },
        {
          name: 'Events looked at',
          value: status ? grouped(status.events) : '–',
          under: 'since the coordinator started',
        },
        { name: 'Behind', value: status ? spanText(status.lagMs) : '–', under: 'the newest event' },
        {
          name: 'Cost',
          value: status ? status.microsPerEvent.toFixed(1) : '–',
          unit: 'µs',
          under: 'of processor time an event',
        },
      ]}
    />
  );
}

function Alerts({
  status,
  token,
}: {
  readonly status: keyof typeof states;
  readonly token: string;
}) {
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery<
    Page,
    CallError,
    { pages: Page[] },
    string[],
    number | undefined
  >({
    queryKey: ['market', 'alerts', status],
    queryFn: ({ pageParam, signal }) =>
      market<'listAlerts'>(
        '/v1/surveillance/alerts',
        { status, before: pageParam, limit: pageSize },
        { signal },
      ),
    initialPageParam: undefined,
    getNextPageParam: ({ next }) => next ?? undefined,
    refetchInterval: (query) => ((query.state.data?.pages.length ?? 0) === 1 ? everyMs : false),
    retry: false,
  });
  const alerts = data?.pages.flatMap((page) => page.alerts) ?? [];
  return (
    <Panel
      title="Alerts"
      note={data && `${grouped(alerts.length)}, newest first`}
      end={<Source path="/v1/surveillance/alerts">/v1/surveillance/alerts</Source>}
    >
      {error && <Failed error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Waiting what="Loading alerts" />}
      {data && alerts.length === 0 && (
        <Empty title={status === 'open' ? 'Nothing looks like abuse' : 'None'}>
          <p>
            Detectors watch for self-dealing, false reports, price games and more; what they find
            stands here with its evidence.
          </p>
        </Empty>
      )}
      <ul className="alerts">
        {alerts.map((alert) => (
          <li key={alert.id}>
            <AlertView alert={alert} token={token} onClosed={() => void refetch()} />
          </li>
        ))}
      </ul>
      {hasNextPage && (
        <div className="more">
          <button
            type="button"
            className="plain-button"
            onClick={() => void fetchNextPage()}
            disabled={isFetchingNextPage}
          >
            Older alerts
          </button>
        </div>
      )}
    </Panel>
  );
}

function Detectors({ status }: { readonly status: Status }) {
  if (!status) return null;
  return (
    <Panel
      title="Detectors"
      note="with their thresholds"
      end={<Source path="/v1/surveillance/status">/v1/surveillance/status</Source>}
    >
      <ul className="lines">
        {status.detectors.map(({ pattern, about, isRunning, isPlugin, thresholds }) => (
          <li key={pattern}>
            <strong>{pattern}</strong>{' '}
            <Badge tone={isRunning ? 'good' : 'wait'}>{isRunning ? 'runs' : 'stopped'}</Badge>{' '}
            {isPlugin && <Badge>plugin</Badge>}
            <p className="soft">{about}</p>
            <p className="faint">
              {thresholds
                .map(({ name, value, unit }) => `${name} ${grouped(value)} ${unit}`)
                .join(' · ')}
            </p>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
