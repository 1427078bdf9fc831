/** Computes a provider's score again from the signed documents behind it. */
import { inputsOf, type ScoredReport, type ScoreInputs, scoreOf } from '@aitbc/market';
import {
  AppError,
  type AuditVerdict,
  accountIdOf,
  auditIdOf,
  type coordinatorEndpoints,
  type Hex,
  type Network,
  type OutputOf,
  offerIdOf,
  type SignedOffer,
  unwrap,
  verifyAuditReport,
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
  /** Audits that were checked: reports by their signatures, verdicts on the chain. */
  readonly audits: number;
}

/** What the chain says. */
export interface ScoreChain {
  readonly network: Network;
  /** Key that is registered for a provider. Throws PROVIDER_UNKNOWN. */
  authorizerOf(provider: string): Promise<Hex>;
  /** What the jurors decided for good; null while they have not. Throws AUDIT_UNKNOWN. */
  resultOf(auditId: Hex): Promise<string | null>;
}

/**
 * Checks every receipt, offer and audit against the keys and verdicts on chain and counts them. Throws RECEIPT_INVALID
 * and AUDIT_REPORT_INVALID for a document that proves nothing.
 */
export async function recomputeScore(told: ToldScore, chain: ScoreChain): Promise<RecomputedScore> {
  const { network } = chain;
  const authorizer = await chain.authorizerOf(told.provider);
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
  const counts = await countAudits(told, chain);
  const inputs = inputsOf(reports, counts);
  const audits = counts.passed + counts.failed;
  return { score: scoreOf(inputs), inputs, receipts: reports.length, audits };
}

type ToldAudit = NonNullable<ToldScore['audits']>[number];

/** Honest reports by the signature of their auditor, lost disputes by the verdict on chain. */
async function countAudits({ provider, audits = [] }: ToldScore, chain: ScoreChain) {
  const counts = { passed: 0, failed: 0 };
  const seen = new Set<Hex>();
  for (const audit of audits) {
    if (seen.has(audit.jobId)) throw auditFault('its job is counted twice');
    seen.add(audit.jobId);
    const verdict = await checkedVerdict(provider, audit, chain);
    if (audit.state === 'honest' && verdict === 'honest') counts.passed += 1;
    else if (audit.state === 'guilty' && (await isGuilty(audit, chain))) counts.failed += 1;
    else throw auditFault(`it does not say that the provider is ${audit.state}`);
  }
  return counts;
}

const auditFault = (reason: string) => new AppError('AUDIT_REPORT_INVALID', { reason });

async function checkedVerdict(
  provider: string,
  { report, jobId, ...audit }: ToldAudit,
  { network, authorizerOf }: ScoreChain,
): Promise<AuditVerdict> {
  if (!report || audit.provider !== provider) throw auditFault('it is of another provider');
  const authorizer = await authorizerOf(report.payload.auditor);
  const payload = unwrap(verifyAuditReport(network, report, authorizer));
  if (payload.provider === provider && payload.jobId === jobId) return payload.verdict;
  throw auditFault('it is about another job');
}

async function isGuilty(
  { provider, jobId, recordHash }: ToldAudit,
  { network, resultOf }: ScoreChain,
): Promise<boolean> {
  const subject = { jobId, recordHash, provider: unwrap(accountIdOf(provider)) };
  return (await resultOf(auditIdOf(network, subject))) === 'guilty';
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
