/**
 * Reports of buyers: the final receipt of a job and the times they measured.
 *
 * A report counts once for a job, only with the provider's signature under the receipt and only for an
 * offer that the provider really made here. Receipts older than a day are refused, so that reports may
 * be deleted after a week without making room for repetitions.
 */
import type { JobTimes, Measurements, OfferIndex } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  asAppError,
  type coordinatorEndpoints,
  type EventFacts,
  type Hex,
  limits,
  type OfferPayload,
  type OutputOf,
  type ParsedInputOf,
  type ReceiptPayload,
  type SignedReceipt,
  unwrap,
  verifyReceipt,
} from '@aitbc/protocol';
import type { AuditDesk, DrawPlan } from '../audits/audit-desk.ts';
import type { ChainLink } from '../chain/chain-link.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Sessions } from '../providers/sessions.ts';
import type { OfferRows, ReportRows } from '../store/market-rows.ts';
import { createConflicts } from '../surveillance/tell-conflict.ts';
import type { ScoreBook } from './score-book.ts';

/** Input of the call. */
export type Report = ParsedInputOf<typeof coordinatorEndpoints.report>;

/** Parts a report goes through. */
export interface ReportDeps {
  readonly chain: ChainLink;
  readonly sessions: Sessions;
  readonly offers: OfferRows;
  readonly reports: ReportRows;
  readonly measurements: Measurements;
  readonly scores: ScoreBook;
  readonly index: Pick<OfferIndex, 'renew'>;
  /** Which block draws a job for an audit. */
  readonly audits: Pick<AuditDesk, 'drawAt'>;
  readonly events: Pick<EventLog, 'add'>;
  readonly clock: Clock;
}

/** A report that was taken; `accepted` is false when the job was reported before. */
export type TakenReport = OutputOf<typeof coordinatorEndpoints.report>;

/** Takes reports, each job once. */
export interface ReportDesk {
  /**
   * Throws RECEIPT_INVALID, PROVIDER_UNKNOWN, OFFER_UNKNOWN, BAD_REQUEST, UNAVAILABLE.
   */
  take(report: Report, auditRateBps?: number): Promise<TakenReport>;
  /** Reads the stored reports into the measurements. */
  load(): Promise<void>;
}

const receiptAgeMsMax = 24 * 3_600_000;
const reportsLoaded = 50_000;

/** The desk for reports. */
export function createReportDesk(deps: ReportDeps): ReportDesk {
  const { reports, offers, measurements, scores, index, clock } = deps;
  const underWay = new Set<Hex>();
  const conflicts = createConflicts();

  const count = (receipt: ReceiptPayload, times: JobTimes, boundMs: number): void => {
    const { jobId, offerId, provider, outcome } = receipt;
    const { firstTokenMs } = times;
    measurements.add(receipt, times);
    scores.add(provider, { jobId, offerId, outcome, firstTokenMs, boundMs });
  };
  const take = async (report: Report, rateBps?: number): Promise<TakenReport> => {
    const { receipt, firstTokenMs, durationMs } = report;
    const { payload } = receipt;
    if (await reports.has(payload.jobId)) {
      await conflicts.check(deps, receipt);
      return knownReport(deps, payload.jobId);
    }
    const offer = await checkReport(deps, report);
    const draw = offer.verifiable ? await drawAt(deps, rateBps) : undefined;
    await reports.insert({
      job_id: payload.jobId,
      provider: payload.provider,
      model: payload.model,
      tokens: payload.to,
      first_token_ms: firstTokenMs,
      duration_ms: durationMs,
      reported_at_ms: clock.nowMs(),
      receipt: JSON.stringify(receipt),
      draw_height: draw?.height ?? null,
      draw_bps: draw?.rateBps ?? null,
    });
    count(payload, { firstTokenMs, durationMs }, offer.firstTokenMs);
    index.renew(payload.provider, payload.model);
    deps.events.add(payload.provider, soldFacts(payload, { firstTokenMs, durationMs }));
    return draw ? { accepted: true, audit: draw } : { accepted: true };
  };

  return {
    async take(report, rateBps) {
      const { jobId } = report.receipt.payload;
      if (underWay.has(jobId)) return { accepted: false };
      underWay.add(jobId);
      try {
        return await take(report, rateBps);
      } finally {
        underWay.delete(jobId);
      }
    },
    async load() {
      const bounds = createBounds(offers);
      for (const row of await reports.newest(reportsLoaded)) {
        const { payload } = JSON.parse(row.receipt) as SignedReceipt;
        const boundMs = await bounds.of(payload.offerId);
        const times = { firstTokenMs: row.first_token_ms, durationMs: row.duration_ms };
        if (boundMs === undefined) measurements.add(payload, times);
        else count(payload, times, boundMs);
      }
    },
  };
}

function soldFacts(receipt: ReceiptPayload, times: JobTimes): EventFacts {
  const { jobId, offerId, channelId, model, promptTokens, to, charged, outcome } = receipt;
  const receiptAtMs = receipt.atMs;
  const sold = { jobId, offerId, channelId, model, promptTokens, outputTokens: to, charged };
  return { kind: 'receipt', ...sold, outcome, ...times, receiptAtMs };
}

/** The draw of a job that was reported before, for a buyer that lost the first answer. */
async function knownReport({ reports }: ReportDeps, jobId: Hex): Promise<TakenReport> {
  const draw = await reports.draw(jobId);
  if (!draw) return { accepted: false };
  return { accepted: false, audit: { height: draw.height, rateBps: draw.rateBps } };
}

/** Without a node nothing can be drawn; the report counts all the same. */
async function drawAt(
  { audits }: ReportDeps,
  rateBps: number | undefined,
): Promise<DrawPlan | undefined> {
  try {
    return await audits.drawAt(rateBps);
  } catch (error) {
    if (asAppError(error).row.retryable) return undefined;
    throw error;
  }
}

/** Bounds of offers, each read once; undefined for an offer that was deleted: its report no longer scores. */
function createBounds(offers: OfferRows) {
  const known = new Map<Hex, number | undefined>();
  return {
    async of(offerId: Hex): Promise<number | undefined> {
      if (known.has(offerId)) return known.get(offerId);
      const boundMs = (await offers.get(offerId))?.payload.firstTokenMs;
      known.set(offerId, boundMs);
      return boundMs;
    },
  };
}

/** The offer of a report that is in order. */
async function checkReport(deps: ReportDeps, report: Report): Promise<OfferPayload> {
  const { chain, clock } = deps;
  const { receipt, firstTokenMs, durationMs } = report;
  if (firstTokenMs > durationMs) {
    throw new AppError('BAD_REQUEST', { reason: 'firstTokenMs is above durationMs' });
  }
  const network = chain.network();
  const authorizer = await authorizerOf(deps, receipt.payload.provider);
  const payload = unwrap(verifyReceipt(network, receipt, authorizer));
  const fault = (reason: string) => new AppError('RECEIPT_INVALID', { reason });
  if (payload.outcome === 'running') throw fault('it is not the final one of its job');
  const ageMs = clock.nowMs() - payload.atMs;
  if (ageMs > receiptAgeMsMax || ageMs < -limits.clockSkewMs) {
    throw fault('its time is not within the last day');
  }
  return offerOf(deps, payload);
}

async function authorizerOf({ chain, sessions }: ReportDeps, provider: string): Promise<Hex> {
  const connected = sessions.get(provider);
  if (connected) return connected.authorizer;
  const registration = await chain.registration(provider);
  if (!registration) throw new AppError('PROVIDER_UNKNOWN', { account: provider });
  return registration.authorizer;
}

async function offerOf({ offers }: ReportDeps, payload: ReceiptPayload): Promise<OfferPayload> {
  const { offerId, provider, model, digest } = payload;
  const offer = (await offers.get(offerId))?.payload;
  if (!offer) throw new AppError('OFFER_UNKNOWN', { offerId });
  if (offer.provider !== provider || offer.model !== model || offer.digest !== digest) {
    throw new AppError('RECEIPT_INVALID', { reason: 'it does not fit its offer' });
  }
  return offer;
}
