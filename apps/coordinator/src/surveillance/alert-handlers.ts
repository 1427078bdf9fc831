/** The calls about alerts and detectors. */
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  alertLevels,
  alertStates,
  type DetectorStateJson,
  type StoredAlert,
  type surveillanceEndpoints,
} from '@aitbc/protocol';
import { answered, type Handlers } from '@aitbc/service';
import type { AlertCount, AlertRows } from '../store/surveillance/alert-rows.ts';
import { assertAdmin } from './admin-token.ts';
import type { AlertWatch } from './alert-watch.ts';
import type { LoadedPlugins } from './load-plugins.ts';
import type { Member } from './roster.ts';
import type { DetectorRun } from './run-detectors.ts';
import { streamAlerts } from './stream-alerts.ts';

/** Parts behind the calls. */
export interface AlertHandlerDeps {
  readonly alerts: AlertRows;
  readonly run: DetectorRun;
  readonly watch: AlertWatch;
  readonly clock: Clock;
  readonly adminToken: string;
  plugins(): LoadedPlugins;
}

type Surveillance<C> = Handlers<typeof surveillanceEndpoints, C>;

/** One handler for each row of the table. */
export function createAlertHandlers<C>(deps: AlertHandlerDeps): Surveillance<C> {
  const { alerts, run, watch, adminToken } = deps;
  const put = async (pattern: string | undefined, isOn: boolean) => {
    if (pattern !== undefined) assertKnown(run, pattern);
    await run.put(pattern === undefined ? [] : [pattern], isOn);
    return { running: [...run.state().running] };
  };
  return {
    surveillanceStatus: () => statusOf(deps),
    async listAlerts(query) {
      const page = await alerts.page(query);
      const isFull = page.length === query.limit;
      return { alerts: page, next: isFull ? (page.at(-1)?.seq ?? null) : null };
    },
    async followAlerts({ after, ...wish }, { request, reply, signal }): Promise<typeof answered> {
      const seen = Number(request.headers['last-event-id'] ?? after ?? Number.NaN);
      const from = Number.isSafeInteger(seen) ? seen : await newestOf(alerts);
      const begin = () => void reply.hijack();
      await streamAlerts(
        { alerts, watch },
        { ...wish, after: from, raw: reply.raw, begin, signal },
      );
      return answered;
    },
    showAlert: async ({ id }) => known(await alerts.get(id), id),
    alertPatterns: async () => ({ patterns: patternsOf(run.members, await alerts.counts()) }),
    async resolveAlert({ id, resolution, note }, { request }) {
      assertAdmin(adminToken, request.headers.authorization);
      const atMs = deps.clock.nowMs();
      return known(await alerts.resolve(id, { status: resolution, note, atMs }), id);
    },
    startDetectors({ pattern }, { request }) {
      assertAdmin(adminToken, request.headers.authorization);
      return put(pattern, true);
    },
    stopDetectors({ pattern }, { request }) {
      assertAdmin(adminToken, request.headers.authorization);
      return put(pattern, false);
    },
  };
}

function assertKnown({ members }: DetectorRun, pattern: string): void {
  if (members.some(({ detector }) => detector.name === pattern)) return;
  throw new AppError('NOT_FOUND', { what: `detector ${pattern}` });
}

function known(alert: StoredAlert | undefined, id: string): StoredAlert {
  if (alert) return alert;
  throw new AppError('NOT_FOUND', { what: `alert ${id}` });
}

async function newestOf(alerts: AlertRows): Promise<number> {
  return (await alerts.page({ limit: 1 }))[0]?.seq ?? 0;
}

async function statusOf({ alerts, run, plugins }: AlertHandlerDeps) {
  const { running, ...place } = run.state();
  const counts = await alerts.counts();
  return {
    ...{ isRunning: running.length > 0, ...place },
    detectors: run.members.map((member) => detectorOf(member, running, counts)),
    brokenPlugins: [...plugins().broken],
  };
}

function detectorOf(
  { detector, thresholds, isPlugin }: Member,
  running: readonly string[],
  counts: readonly AlertCount[],
): DetectorStateJson {
  const { name: pattern, about, watches } = detector;
  const open = counts.filter((one) => one.pattern === pattern && one.status === 'open');
  return {
    ...{ pattern, about, isRunning: running.includes(pattern), isPlugin, watches: [...watches] },
    thresholds: Object.entries(detector.thresholds).map(([name, { value, unit, about: what }]) => ({
      ...{ name, value: thresholds[name] ?? value, unit, about: what },
    })),
    alerts: open.reduce((sum, one) => sum + one.alerts, 0),
  };
}

function patternsOf(members: readonly Member[], counts: readonly AlertCount[]) {
  return members.map(({ detector: { name: pattern, about } }) => {
    const own = counts.filter((one) => one.pattern === pattern);
    const sumOf = (fits: (one: AlertCount) => boolean) =>
      own.filter(fits).reduce((sum, one) => sum + one.alerts, 0);
    return {
      ...{ pattern, about },
      levels: recordOf(alertLevels, (level) => sumOf((one) => one.level === level)),
      states: recordOf(alertStates, (status) => sumOf((one) => one.status === status)),
    };
  });
}

function recordOf<K extends string>(names: readonly K[], value: (name: K) => number) {
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<K, number>;
}
