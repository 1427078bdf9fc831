/**
 * What a buyer gives for audits, when its owner wants to: the records of jobs that are drawn.
 *
 *   KEPT ─report answered with the height of a block─→ DRAWING ─that block draws the job→ HANDING IN ─taken→ gone
 *     └─ too old, too many, not audited ─→ gone           └─ it does not ─→ gone        └─ tried in vain ─→ gone
 *
 * KEPT holds answers of the verifiable class (offer marked, temperature 0) in memory. DRAWING waits for the block at
 * the own node and draws itself: a coordinator is not asked, and cannot ask for a record that is not drawn. A prompt
 * leaves this machine only in HANDING IN.
 *
 * Bounds: 64 MiB and 4 096 answers, the oldest go first; 10 minutes; eight tries to hand in.
 * Rejected: keeping answers on disk (the gateway stores no prompts). See docs/spec/audit.md, "The desk".
 */
import type { Clock } from '@aitbc/primitives';
import {
  type AuditRecord,
  asAppError,
  auditRecordBytesMax,
  type coordinatorEndpoints,
  type Hex,
  type InferenceRequest,
  isDrawnForAudit,
  type OutputOf,
} from '@aitbc/protocol';
import type { CoordinatorClient, JobEvent, NodeClient, RunningJob } from '@aitbc/sdk';
import type { Log } from '@aitbc/service';
import type { GatewayStore } from '../store.ts';
import { createKeptAnswer, type KeptAnswer } from './kept-answer.ts';

/** Height of the block that draws, and how many are drawn. */
export type AuditDraw = NonNullable<OutputOf<typeof coordinatorEndpoints.report>['audit']>;

/** Shares records. */
export interface AuditShares {
  /** What hears the events of a job; undefined for a job that cannot be audited, or is heard already. */
  watch(
    job: Pick<RunningJob, 'jobId' | 'offer'>,
    request: InferenceRequest,
  ): ((event: JobEvent) => void) | undefined;
  /** The coordinator has taken the report of a job. */
  reported(jobId: Hex, audit: AuditDraw | undefined): void;
  /** One look for blocks that draw; the timer does the same. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

/** Parts of it. */
export interface ShareDeps {
  readonly node: Pick<NodeClient, 'network' | 'rpc'>;
  readonly coordinator: Pick<CoordinatorClient, 'giveAuditRecord'>;
  readonly store: Pick<GatewayStore, 'find'>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Kept {
  readonly answer: KeptAnswer;
  readonly sinceMs: number;
  readonly size: { bytes: number; isKept: boolean };
  draw: AuditDraw | undefined;
  tries: number;
}

const answersMax = 4_096;
const bytesMax = 64 * 1_048_576;
const keptMsMax = 10 * 60_000;
const lookEveryMs = 500;
const triesMax = 8;

/** Nothing is kept yet. */
export function createAuditShares(deps: ShareDeps): AuditShares {
  const { clock, log } = deps;
  const kept = createShelf();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let looking: Promise<void> = Promise.resolve();
  let isStopped = false;

  const plan = (): void => {
    const isWaiting = [...kept.all()].some(([, { draw }]) => draw !== undefined);
    if (timer || isStopped || !isWaiting) return;
    timer = setTimeout(() => {
      timer = undefined;
      looking = look().finally(plan);
    }, lookEveryMs);
    timer.unref?.();
  };
  const look = async (): Promise<void> => {
    try {
      await settleDraws(deps, kept);
    } catch (error) {
      log.debug({ code: asAppError(error).code }, 'draws of audits could not be looked at');
    }
  };
  return {
    watch({ jobId, offer }, request) {
      if (offer.verifiable !== true || request.temperature !== 0 || kept.has(jobId))
        return undefined;
      return kept.add(jobId, request, clock.nowMs()).see;
    },
    reported(jobId, audit) {
      const one = kept.get(jobId);
      if (!one) return;
      if (!audit) kept.drop(jobId);
      one.draw = audit;
      plan();
    },
    look,
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await looking;
    },
  };
}

/** Answers by job; the oldest go when there is too much. */
function createShelf() {
  const kept = new Map<Hex, Kept>();
  let bytes = 0;
  const drop = (jobId: Hex): void => {
    const size = kept.get(jobId)?.size;
    if (!size) return;
    size.isKept = false;
    bytes -= size.bytes;
    kept.delete(jobId);
  };
  const forgetOld = (nowMs: number): void => {
    for (const [jobId, { sinceMs }] of kept) {
      const isTooMuch = kept.size > answersMax || bytes > bytesMax;
      if (!isTooMuch && nowMs - sinceMs <= keptMsMax) return;
      drop(jobId);
    }
  };
  return {
    drop,
    has: (jobId: Hex) => kept.has(jobId),
    get: (jobId: Hex) => kept.get(jobId),
    all: () => kept.entries(),
    add(jobId: Hex, request: InferenceRequest, sinceMs: number): KeptAnswer {
      const size = { bytes: 0, isKept: false };
      const answer = createKeptAnswer(request, (more) => {
        size.bytes += more;
        if (size.isKept) bytes += more;
      });
      kept.set(jobId, { answer, sinceMs, size, draw: undefined, tries: 0 });
      size.isKept = true;
      bytes += size.bytes;
      forgetOld(sinceMs);
      return answer;
    },
  };
}

type Shelf = ReturnType<typeof createShelf>;

async function settleDraws(deps: ShareDeps, kept: Shelf): Promise<void> {
  const { node } = deps;
  const { network } = await node.network();
  const { height: newest } = await node.rpc.chain_status({});
  for (const [jobId, one] of kept.all()) {
    const { draw } = one;
    if (!draw || draw.height > newest) continue;
    const { hash: seed } = await node.rpc.chain_getHeader({ height: draw.height });
    const isDrawn = isDrawnForAudit(network, { seed, subject: jobId, rateBps: draw.rateBps });
    const record = isDrawn ? await recordOf(deps, jobId, one) : undefined;
    if (!record || (await handIn(deps, { jobId, record, one }))) kept.drop(jobId);
  }
}

async function recordOf(
  { store }: ShareDeps,
  jobId: Hex,
  { answer }: Kept,
): Promise<AuditRecord | undefined> {
  const provider = answer.provider();
  const row = (await store.find(jobId)).find((call) => call.provider === provider);
  const record = row && answer.record(row.offer);
  return record && JSON.stringify(record).length <= auditRecordBytesMax ? record : undefined;
}

/** True when there is no more to be done. */
async function handIn(
  { coordinator, log }: ShareDeps,
  { jobId, record, one }: { jobId: Hex; record: AuditRecord; one: Kept },
): Promise<boolean> {
  try {
    const { accepted } = await coordinator.giveAuditRecord({ record });
    log.info({ jobId, accepted }, 'gave the record of a job to be audited');
    return true;
  } catch (error) {
    const { code, row } = asAppError(error);
    one.tries += 1;
    if (row.retryable && one.tries < triesMax) return false;
    log.warn({ jobId, code }, 'the record of a job to be audited was not taken');
    return true;
  }
}
