/**
 * The record behind each provider's reputation: the newest reports of its jobs, and the score of them.
 *
 * A report enters when it was checked (take-report.ts): receipt and offer are signed by the provider's
 * registered key, the time to the first token is its buyer's word. Audits are counted in audits/standings.ts.
 * `explain` gives the signed documents, so that anybody computes the score again.
 *
 * Bounds: 64 reports a provider, 120 000 providers; the one longest without a report goes first.
 */
import { inputsOf, type ScoredReport, scoreOf } from '@aitbc/market';
import type { coordinatorEndpoints, Hex, OutputOf, SignedOffer } from '@aitbc/protocol';
import { shownAudit } from '../audits/show-audits.ts';
import { type Standings, scoredAudits, scoredStates } from '../audits/standings.ts';
import type { AuditRows } from '../store/audit-rows.ts';
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
  /** The audits of the provider have changed. */
  renew(provider: string): void;
  answer(provider: string, isExplained: boolean): Promise<ScoreAnswer>;
}

/** Where signed documents are read again. */
export interface ScoreBookDeps {
  readonly offers: Pick<OfferRows, 'get'>;
  readonly reports: Pick<ReportRows, 'receipt'>;
  readonly audits: Pick<AuditRows, 'page'>;
  readonly standings: Pick<Standings, 'of'>;
}

interface Entry {
  readonly reports: RecordedReport[];
  score: number;
}

const reportsKept = 64;
const providersKept = 120_000;

/** An empty book. */
export function createScoreBook(deps: ScoreBookDeps): ScoreBook {
  const { offers, reports, audits, standings } = deps;
  const entries = new Map<string, Entry>();
  const inputsFor = (provider: string, recorded: readonly RecordedReport[] = []) =>
    inputsOf(recorded, standings.of(provider));

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
      const entry = entries.get(provider) ?? { reports: [], score: 0 };
      entries.delete(provider);
      entries.set(provider, entry);
      entry.reports.push(report);
      if (entry.reports.length > reportsKept) entry.reports.shift();
      entry.score = scoreOf(inputsFor(provider, entry.reports));
      if (entries.size > providersKept) entries.delete(entries.keys().next().value as string);
    },
    scoreOf: (provider) => entries.get(provider)?.score ?? scoreOf(inputsFor(provider)),
    renew(provider) {
      const entry = entries.get(provider);
      if (entry) entry.score = scoreOf(inputsFor(provider, entry.reports));
    },
    async answer(provider, isExplained) {
      const entry = entries.get(provider) ?? { reports: [], score: scoreOf(inputsFor(provider)) };
      const inputs = inputsFor(provider, entry.reports);
      const { score } = entry;
      const answer: ScoreAnswer = { provider, score, formula: 1, inputs };
      if (!isExplained) return answer;
      const page = { provider, states: scoredStates, limit: scoredAudits };
      return {
        ...answer,
        evidence: await evidenceOf(entry),
        offers: await offersOf(entry),
        audits: (await audits.page(page)).map(shownAudit),
      };
    },
  };
}
