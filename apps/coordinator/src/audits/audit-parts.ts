/** The parts that work on audits, made and joined. */
import type { Measurements, OfferIndex } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import { type AuditReportPayload, asAppError, type auditEndpoints } from '@aitbc/protocol';
import type { Handlers, Log } from '@aitbc/service';
import type { AuditChain } from '../chain/audit-chain.ts';
import type { ChainLink } from '../chain/chain-link.ts';
import type { CoordinatorConfig } from '../config.ts';
import type { EventLog } from '../events/event-log.ts';
import type { HttpLogins } from '../providers/http-logins.ts';
import type { Sessions } from '../providers/sessions.ts';
import type { Store } from '../store/store.ts';
import { type AuditDesk, createAuditDesk } from './audit-desk.ts';
import { type Canaries, createCanaries } from './canaries/canaries.ts';
import { createCandidates } from './candidates.ts';
import { followDisputes } from './follow-disputes.ts';
import { listAudits } from './show-audits.ts';
import type { Standings } from './standings.ts';

/** What the parts are made of. */
export interface AuditPartsDeps {
  readonly chain: ChainLink;
  readonly auditChain: AuditChain;
  readonly store: Pick<Store, 'audits' | 'reports' | 'isAlone'>;
  readonly index: Pick<OfferIndex, 'ofProvider'>;
  readonly measurements: Pick<Measurements, 'of'>;
  readonly standings: Standings;
  readonly events: Pick<EventLog, 'add'>;
  readonly clock: Clock;
  readonly log: Log;
  sessions(): Sessions;
  /** Fresh bytes for seeds of canaries. */
  randomBytes(sizeBytes: number): Uint8Array;
}

/** Settings of audits. */
export type AuditSettings = Pick<
  CoordinatorConfig,
  'auditRateBps' | 'auditDutyMs' | 'canaryGateway' | 'canaryEveryMs'
>;

/** Everything about audits. */
export interface AuditParts {
  readonly desk: AuditDesk;
  readonly canaries: Canaries;
  handlers(logins: Pick<HttpLogins, 'providerOf'>): Handlers<typeof auditEndpoints, string>;
  /** Lets time pass: duties, disputes, canaries. */
  round(): Promise<void>;
  /** Ends the canary that is being bought. */
  stop(): Promise<void>;
  /** Deletes what is kept no longer. */
  prune(): Promise<void>;
}

const lookEveryMs = 1_000;
/** Standings of a shared database change at other coordinators too. */
const reloadEveryMs = 60_000;
/** Prompts are kept as long as an audit and its appeal may take. */
const recordsKeptMs = 3 * 24 * 3_600_000;
const auditsKeptMs = 30 * 24 * 3_600_000;
const pruneRows = 500;

/** Parts that have not read anything yet. */
export function createAuditParts(config: AuditSettings, deps: AuditPartsDeps): AuditParts {
  const { chain, auditChain, standings, clock, log } = deps;
  const { audits, reports, isAlone } = deps.store;
  const { sessions, index, events } = deps;
  const candidates = createCandidates({ clock, sessions, index });
  const onReport = async (report: AuditReportPayload): Promise<void> => {
    const { provider, jobId, recordHash, auditor, verdict } = report;
    events.add(provider, { kind: 'audit', jobId, recordHash, auditor, verdict });
    await standings.load();
  };
  const options = { rateBps: config.auditRateBps, dutyMs: config.auditDutyMs };
  const desk = createAuditDesk(options, {
    ...{ chain, auditChain, audits, reports, candidates, clock, onReport },
  });
  const follow = () =>
    followDisputes({
      ...{ chain, auditChain, audits, nowMs: () => clock.nowMs() },
      async onChange({ provider, state, audit_id: auditId }) {
        log.info({ provider, state, auditId }, 'an audit is judged on chain');
        if (state === 'guilty') checkBondNow(deps, provider);
        await standings.load();
      },
    });
  const { canaryGateway: gatewayUrl, canaryEveryMs: everyMs } = config;
  const canaries = createCanaries({ gatewayUrl, everyMs }, deps);
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let loadedAtMs = clock.nowMs();
  return {
    desk,
    canaries,
    stop: canaries.stop,
    handlers: (logins) => handlersOf({ desk, audits, logins }),
    async round() {
      const nowMs = clock.nowMs();
      if (!chain.isUp()) return;
      canaries.round();
      if (nowMs - lookedAtMs < lookEveryMs) return;
      lookedAtMs = nowMs;
      await desk.round();
      await follow().catch((error: unknown) => {
        log.warn({ code: asAppError(error).code }, 'disputes could not be looked at');
      });
      if (isAlone || nowMs - loadedAtMs < reloadEveryMs) return;
      loadedAtMs = nowMs;
      await standings.load();
    },
    async prune() {
      const nowMs = clock.nowMs();
      await audits.pruneRecords(nowMs - recordsKeptMs, pruneRows);
      await audits.prune(nowMs - auditsKeptMs, pruneRows);
    },
  };
}

/** A slashed provider may be below the smallest bond: the next look at the chain is now. */
function checkBondNow({ chain, sessions }: AuditPartsDeps, provider: string): void {
  chain.forget(provider);
  const session = sessions().get(provider);
  if (session) session.checkedAtMs = 0;
}

interface HandlerDeps {
  readonly desk: AuditDesk;
  readonly audits: Store['audits'];
  readonly logins: Pick<HttpLogins, 'providerOf'>;
}

function handlersOf({
  desk,
  audits,
  logins,
}: HandlerDeps): Handlers<typeof auditEndpoints, string> {
  return {
    listAudits: (query) => listAudits(audits, query),
    async auditDuties(_input, { request }) {
      const rows = await desk.dutiesOf(logins.providerOf(request.headers.authorization));
      const duties = rows.map((row) => ({
        jobId: row.job_id,
        provider: row.provider,
        digest: row.digest,
        recordHash: row.record_hash,
        dueMs: row.due_at_ms ?? 0,
      }));
      return { duties };
    },
    giveAuditRecord: async ({ record }) => ({ accepted: await desk.takeRecord(record) }),
    async auditRecord({ hash }, { request }) {
      const provider = logins.providerOf(request.headers.authorization);
      return { record: await desk.recordFor(provider, hash) };
    },
    auditReport: async ({ report }) => ({ accepted: await desk.takeReport(report) }),
  };
}
