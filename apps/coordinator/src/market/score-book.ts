/**
 * The record behind each provider's reputation: the newest reports of its jobs, and the score of them.
 *
 * A report enters when it was checked (take-report.ts): receipt and offer are signed by the provider's
 * registered key, the time to the first token is its buyer's word. `explain` gives the signed documents, so
 * that anybody computes the score again. This coordinator runs no audits; their counts are zero.
 *
 * Bounds: 64 reports a provider, 120 000 providers; the one longest without a report goes first.
 */
import { inputsOf, type ScoredReport, scoreOf } from '@aitbc/market';
import type { coordinatorEndpoints, Hex, OutputOf, SignedOffer } from '@aitbc/protocol';
import type { OfferRows, ReportRows } from '../store/market-rows.ts';

/** Answer of the score call. */
export type ScoreAnswer = OutputOf<typeof coordinatorEndpoints.providerScore>;

/** A report in the record. */
export interface RecordedReport extends ScoredReport {
  readonly jobId: Hex;
  readonly offerId: Hex;
}

/** Records of all providers. */
export interface ScoreBook {
  add(provider: string, report: RecordedReport): void;
  /** 0 to 1000. */
  scoreOf(provider: string): number;
  answer(provider: string, isExplained: boolean): Promise<ScoreAnswer>;
}

/** Where signed documents are read again. */
export interface ScoreBookDeps {
  readonly offers: Pick<OfferRows, 'get'>;
  readonly reports: Pick<ReportRows, 'receipt'>;
}

interface Entry {
  readonly reports: RecordedReport[];
  score: number;
}

const reportsKept = 64;
const providersKept = 120_000;
const noAudits = { passed: 0, failed: 0 };

/** An empty book. */
export function createScoreBook({ offers, reports }: ScoreBookDeps): ScoreBook {
  const entries = new Map<string, Entry>();
  const whole = scoreOf(inputsOf([], noAudits));

  const evidenceOf = async ({ reports: recorded }: Entry) => {
    const receipts = await Promise.all(recorded.map(({ jobId }) => reports.receipt(jobId)));
    return recorded.flatMap(({ firstTokenMs, boundMs }, at) => {
      const receipt = receipts[at];
      return receipt ? [{ receipt, firstTokenMs, boundMs }] : [];
    });
  };
  const offersOf = async ({ reports: recorded }: Entry): Promise<SignedOffer[]> => {
    const ids = new Set(recorded.map(({ offerId }) => offerId));
    const documents = await Promise.all([...ids].map((offerId) => offers.get(offerId)));
    return documents.filter((offer) => offer !== undefined);
  };

  return {
    add(provider, report) {
      const entry = entries.get(provider) ?? { reports: [], score: whole };
      entries.delete(provider);
      entries.set(provider, entry);
      entry.reports.push(report);
      if (entry.reports.length > reportsKept) entry.reports.shift();
      entry.score = scoreOf(inputsOf(entry.reports, noAudits));
      if (entries.size > providersKept) entries.delete(entries.keys().next().value as string);
    },
    scoreOf: (provider) => entries.get(provider)?.score ?? whole,
    async answer(provider, isExplained) {
      const entry = entries.get(provider) ?? { reports: [], score: whole };
      const inputs = inputsOf(entry.reports, noAudits);
      const { score } = entry;
      const answer: ScoreAnswer = { provider, score, formula: 1, inputs };
      if (!isExplained) return answer;
      return { ...answer, evidence: await evidenceOf(entry), offers: await offersOf(entry) };
    },
  };
}
