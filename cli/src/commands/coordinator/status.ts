/** `aitbc coordinator status`: which market it is, and how busy. */
import { asAppError } from '@aitbc/protocol';
import { defineCommand } from '../../command/define-command.ts';
import type { Context } from '../../context/context.ts';
import { type MetricSums, readMetrics } from '../../coordinator/read-metrics.ts';
import { counted, durationText } from '../../wording.ts';

const metricsTimeoutMs = 5_000;

export default defineCommand({
  summary: 'Network, providers, offers, jobs by state, and the load of the coordinator',
  examples: [
    { line: 'aitbc coordinator status', note: 'is the market alive, and which one is it' },
  ],
  async run(context) {
    const { out, clients, signal, urls } = context;
    const { coordinator } = await clients();
    const about = await coordinator.about({}, { signal });
    const load = loadOf(await metricsOf(context));
    const status = { url: urls.coordinator, ...about, load };
    out.result(status, () => {
      const { jobs } = about;
      const ended = Object.entries(jobs)
        .filter(([state, count]) => !isUnderWay(state) && count > 0)
        .map(([state, count]) => `${count} ${state}`);
      return out.table([
        ['coordinator', `${about.name} at ${urls.coordinator}`],
        ['network', `${about.network} (${about.caip2})`],
        ['genesis', about.genesisHash],
        ['providers', counted(about.providers, 'provider')],
        ['offers', String(about.offers)],
        ['queue', `${jobs.queued ?? 0} wait, ${jobs.dispatched ?? 0} are given out`],
        ['running', counted(jobs.running ?? 0, 'job')],
        ['ended', ended.join(', ') || 'none yet'],
        ...(load === null ? [] : loadRows(load)),
        ['notices', about.webhookKey],
      ]);
    });
  },
});

function isUnderWay(state: string): boolean {
  return state === 'queued' || state === 'dispatched' || state === 'running';
}

/** What the process says of itself. */
interface Load {
  readonly upMs: number;
  readonly memoryBytes: number;
  readonly busyShare: number;
  readonly requests: number;
  readonly relayedCalls: number;
  readonly eventsDropped: number;
}

async function metricsOf({ clients, urls, signal }: Context): Promise<MetricSums | undefined> {
  const { transport } = await clients();
  try {
    const call = { url: urls.coordinator, timeoutMs: metricsTimeoutMs, signal };
    return await readMetrics(transport, call);
  } catch (error) {
    if (!asAppError(error).row.retryable) throw error;
    return undefined;
  }
}

/** Null where the coordinator hides its numbers. */
function loadOf(metrics: MetricSums | undefined): Load | null {
  const startSeconds = metrics?.get('process_start_time_seconds');
  if (!metrics || startSeconds === undefined) return null;
  const number = (name: string) => metrics.get(name) ?? 0;
  return {
    upMs: Math.max(0, Date.now() - Math.round(startSeconds * 1_000)),
    memoryBytes: number('process_resident_memory_bytes'),
    busyShare: number('nodejs_eventloop_utilization'),
    requests: number('http_request_duration_seconds_count'),
    relayedCalls: number('aitbc_coordinator_relayed_calls'),
    eventsDropped: number('aitbc_coordinator_events_dropped'),
  };
}

function loadRows(load: Load): string[][] {
  const memory = `${Math.round(load.memoryBytes / 1_048_576)} MiB of memory`;
  const busy = `busy ${(load.busyShare * 100).toFixed(1)} % of its time`;
  return [
    ['up', durationText(load.upMs)],
    ['load', `${counted(load.requests, 'request')}, ${busy}, ${memory}`],
    ['relayed', `${counted(load.relayedCalls, 'call')} now`],
  ];
}
