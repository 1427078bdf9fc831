/** What happens by itself: leases and deadlines run out, old rows are deleted. */
import type { Clock } from '@aitbc/primitives';
import type { Log } from '@aitbc/service';
import type { AuditParts } from './audits/audit-parts.ts';
import type { EventLog } from './events/event-log.ts';
import type { JobParts } from './jobs/job-parts.ts';
import type { DecisionLog } from './market/decisions/decision-log.ts';
import type { MessageParts } from './messages/message-parts.ts';
import type { Connections } from './providers/connection.ts';
import { type RecheckDeps, recheckProviders } from './providers/recheck.ts';
import type { RelayDesk } from './relay/relay-desk.ts';
import type { Store } from './store/store.ts';
import type { SurveillanceParts } from './surveillance/surveillance-parts.ts';
import type { CoordinationParts } from './tasks/coordination-parts.ts';

/** Parts that need looking after. */
export interface UpkeepDeps extends RecheckDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly jobs: JobParts;
  readonly audits: Pick<AuditParts, 'round' | 'prune'>;
  readonly messages: Pick<MessageParts, 'round' | 'prune'>;
  readonly coordination: Pick<CoordinationParts, 'round' | 'prune'>;
  readonly surveillance: Pick<SurveillanceParts, 'round' | 'prune'>;
  readonly connections: Connections;
  readonly decisions: Pick<DecisionLog, 'flush'>;
  readonly events: Pick<EventLog, 'flush'>;
  readonly relay: Pick<RelayDesk, 'dropIdle'>;
}

/** The timer of the daemon. */
export interface Upkeep {
  start(): void;
  /** Ends when the round that runs has ended. */
  stop(): Promise<void>;
  /** One round, now. */
  round(): Promise<void>;
}

const roundEveryMs = 500;
const pruneEveryMs = 60_000;
const pruneRows = 500; // a minute's share, so that no round is long
const jobsKeptMs = 7 * 24 * 3_600_000;
const reportsKeptMs = 7 * 24 * 3_600_000;
const eventsKeptMs = 30 * 24 * 3_600_000;
const eventsPruned = 10_000;
const jobsPruned = 10_000; // several million jobs a week, 100 ms a minute
// A job may begin a day after its offer ran out and is kept for a week; reports come a day late at most.
const offersKeptMs = jobsKeptMs + 2 * 24 * 3_600_000;

/** Upkeep that does not run yet. */
export function createUpkeep(deps: UpkeepDeps): Upkeep {
  const { clock, log } = deps;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let prunedAtMs = clock.nowMs();

  const round = async (): Promise<void> => {
    deps.connections.dropLate();
    deps.sessions.dropSilent();
    deps.relay.dropIdle();
    deps.decisions.flush();
    await deps.events.flush();
    await deps.jobs.round();
    await deps.audits.round();
    await deps.messages.round();
    await deps.coordination.round();
    await deps.surveillance.round();
    await recheckProviders(deps);
    if (clock.nowMs() - prunedAtMs < pruneEveryMs) return;
    prunedAtMs = clock.nowMs();
    await prune(deps);
  };
  const tick = (): void => {
    running = round()
      .catch((error: unknown) => log.error({ err: error }, 'upkeep failed'))
      .then(plan);
  };
  const plan = (): void => {
    if (timer) timer = setTimeout(tick, roundEveryMs);
  };

  return {
    round,
    start() {
      timer = setTimeout(tick, roundEveryMs);
    },
    async stop() {
      clearTimeout(timer);
      timer = undefined;
      await running;
    },
  };
}

async function prune({
  clock,
  store,
  audits,
  messages,
  coordination,
  surveillance,
}: UpkeepDeps): Promise<void> {
  const nowMs = clock.nowMs();
  await store.jobs.prune(nowMs - jobsKeptMs, jobsPruned);
  await store.batches.prune(nowMs - jobsKeptMs, pruneRows);
  await store.offers.prune(nowMs - offersKeptMs, pruneRows);
  await store.reports.prune(nowMs - reportsKeptMs, pruneRows);
  await store.events.prune(nowMs - eventsKeptMs, eventsPruned);
  await audits.prune();
  await messages.prune();
  await coordination.prune();
  await surveillance.prune();
}
