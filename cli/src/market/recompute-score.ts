/** Computes a provider's score again from the signed documents behind it. */
import { inputsOf, type ScoredReport, type ScoreInputs, scoreOf } from '@aitbc/market';
import {
  AppError,
  type coordinatorEndpoints,
  type Hex,
  type Network,
  type OutputOf,
  offerIdOf,
  type SignedOffer,
  unwrap,
  verifyDocument,
  verifyReceipt,
} from '@aitbc/protocol';

/** A score as the coordinator tells it. */
export type ToldScore = OutputOf<typeof coordinatorEndpoints.providerScore>;

/** What the documents give. */
export interface RecomputedScore {
  readonly score: number;
  readonly inputs: ScoreInputs;
  /** Receipts whose signature was checked. */
  readonly receipts: number;
}

/**
 * Checks every receipt and offer against the key registered on chain and counts them. Audits are not among
 * the documents and are taken as told. Throws RECEIPT_INVALID for a document that proves nothing.
 */
export function recomputeScore(
  told: ToldScore,
  network: Network,
  authorizer: Hex,
): RecomputedScore {
  const offers = checkedOffers(told, network, authorizer);
  const seen = new Set<Hex>();
  const reports = (told.evidence ?? []).map(({ receipt, firstTokenMs, boundMs }): ScoredReport => {
    const payload = unwrap(verifyReceipt(network, receipt, authorizer));
    const { jobId, offerId, provider, outcome } = payload;
    const fault = (reason: string) => new AppError('RECEIPT_INVALID', { reason });
    if (provider !== told.provider) throw fault('it is of another provider');
    if (outcome === 'running') throw fault('it is not the final one of its job');
    if (seen.has(jobId)) throw fault('its job is counted twice');
    seen.add(jobId);
    if (offers.get(offerId)?.payload.firstTokenMs !== boundMs) {
      throw fault('its bound is not the one of the signed offer');
    }
    return { outcome, firstTokenMs, boundMs };
  });
  const { auditsPassed: passed, auditsFailed: failed } = told.inputs;
  const inputs = inputsOf(reports, { passed, failed });
  return { score: scoreOf(inputs), inputs, receipts: reports.length };
}

function checkedOffers(
  { offers = [] }: ToldScore,
  network: Network,
  authorizer: Hex,
): ReadonlyMap<Hex, SignedOffer> {
  for (const offer of offers) {
    if (offer.signer !== authorizer || !verifyDocument('offer', network, offer)) {
      throw new AppError('RECEIPT_INVALID', { reason: 'an offer is not signed by the provider' });
    }
  }
  return new Map(offers.map((offer) => [offerIdOf(network, offer.payload), offer]));
}
