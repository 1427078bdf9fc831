/**
 * Reports of buyers: the final receipt of a job and the times they measured.
 *
 * A report counts once for a job, only with the provider's signature under the receipt and only for an
 * offer that the provider really made here. Receipts older than a day are refused, so that reports may
 * be deleted after a week without making room for repetitions.
 */
import type { Measurements } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  type coordinatorEndpoints,
  type Hex,
  limits,
  type ParsedInputOf,
  type ReceiptPayload,
  unwrap,
  verifyReceipt,
} from '@aitbc/protocol';
import type { ChainLink } from '../chain/chain-link.ts';
import type { Sessions } from '../providers/sessions.ts';
import type { OfferRows, ReportRows } from '../store/market-rows.ts';

/** Input of the call. */
export type Report = ParsedInputOf<typeof coordinatorEndpoints.report>;

/** Parts a report goes through. */
export interface ReportDeps {
  readonly chain: ChainLink;
  readonly sessions: Sessions;
  readonly offers: OfferRows;
  readonly reports: ReportRows;
  readonly measurements: Measurements;
  readonly clock: Clock;
}

/** Takes reports, each job once. */
export interface ReportDesk {
  /**
   * False when the job was reported before. Throws RECEIPT_INVALID, PROVIDER_UNKNOWN, OFFER_UNKNOWN,
   * BAD_REQUEST, UNAVAILABLE.
   */
  take(report: Report): Promise<boolean>;
  /** Reads the stored reports into the measurements. */
  load(): void;
}

const receiptAgeMsMax = 24 * 3_600_000;
const reportsLoaded = 50_000;

/** The desk for reports. */
export function createReportDesk(deps: ReportDeps): ReportDesk {
  const { reports, measurements, clock } = deps;
  const underWay = new Set<Hex>();

  const store = async ({ receipt, firstTokenMs, durationMs }: Report): Promise<void> => {
    const { payload } = receipt;
    await reports.insert({
      job_id: payload.jobId,
      provider: payload.provider,
      model: payload.model,
      tokens: payload.to,
      first_token_ms: firstTokenMs,
      duration_ms: durationMs,
      reported_at_ms: clock.nowMs(),
      receipt: JSON.stringify(receipt),
    });
    measurements.add(payload, { firstTokenMs, durationMs });
  };

  return {
    async take(report) {
      const { jobId } = report.receipt.payload;
      if (underWay.has(jobId) || reports.has(jobId)) return false;
      underWay.add(jobId);
      try {
        await checkReport(deps, report);
        await store(report);
        return true;
      } finally {
        underWay.delete(jobId);
      }
    },
    load() {
      for (const row of reports.newest(reportsLoaded)) {
        const { provider, model, tokens } = row;
        const times = { firstTokenMs: row.first_token_ms, durationMs: row.duration_ms };
        measurements.add({ provider, model, to: tokens }, times);
      }
    },
  };
}

async function checkReport(deps: ReportDeps, report: Report): Promise<void> {
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
  assertOfferFits(deps, payload);
}

async function authorizerOf({ chain, sessions }: ReportDeps, provider: string): Promise<Hex> {
  const connected = sessions.get(provider);
  if (connected) return connected.authorizer;
  const registration = await chain.registration(provider);
  if (!registration) throw new AppError('PROVIDER_UNKNOWN', { account: provider });
  return registration.authorizer;
}

function assertOfferFits({ offers }: ReportDeps, payload: ReceiptPayload): void {
  const { offerId, provider, model, digest } = payload;
  const offer = offers.get(offerId)?.payload;
  if (!offer) throw new AppError('OFFER_UNKNOWN', { offerId });
  if (offer.provider !== provider || offer.model !== model || offer.digest !== digest) {
    throw new AppError('RECEIPT_INVALID', { reason: 'it does not fit its offer' });
  }
}
