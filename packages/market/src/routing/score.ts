/**
 * Reputation: what a provider's record says, from 0 to 1000, in whole numbers so that everybody computes
 * the same.
 *
 *   score = 1000 × delivery × punctuality × honesty
 *
 * | Factor | Is |
 * |---|---|
 * | delivery | (delivered + 8) / (delivered + broken + 8) |
 * | punctuality | half, plus half of (hits + 8) / (hits + misses + 8) |
 * | honesty | (passed + 1) / (passed + 1 + 4 × failed) |
 *
 * Counts are of the last 64 reports: a receipt signed by the provider, and the time to the first token that
 * its buyer measured, against the bound in the signed offer. The eight that are added let a single
 * break cost about a tenth and not all. Nothing that a provider says of itself counts, and nothing raises a
 * score above that of a provider without any record: 1000 means that nothing speaks against it. So a new
 * name gains nothing by its score; what holds new names back is the share of new providers.
 *
 * Each product is rounded down once, at the end. Formula 1; another one gets another number.
 */

/** Counts that a score is computed from. */
export interface ScoreInputs {
  readonly receipts: number;
  readonly delivered: number;
  readonly broken: number;
  readonly deadlineHits: number;
  readonly deadlineMisses: number;
  readonly auditsPassed: number;
  readonly auditsFailed: number;
}

/** The whole score. */
export const scoreMax = 1_000;

const lenience = 8;
const auditWeight = 4;

/** Score of a record, 0 to 1000. */
export function scoreOf(inputs: ScoreInputs): number {
  const { delivered, broken, deadlineHits, deadlineMisses, auditsPassed, auditsFailed } = inputs;
  const hits = deadlineHits + lenience;
  const timed = hits + deadlineMisses;
  const done = delivered + lenience;
  const honest = auditsPassed + 1;
  const above = BigInt(done) * BigInt(timed + hits) * BigInt(honest);
  const below =
    BigInt(done + broken) * BigInt(2 * timed) * BigInt(honest + auditWeight * auditsFailed);
  return Number((BigInt(scoreMax) * above) / below);
}

/** One report, as far as a score needs it. */
export interface ScoredReport {
  readonly outcome: string;
  readonly firstTokenMs: number;
  /** `firstTokenMs` of the signed offer. */
  readonly boundMs: number;
}

/** Counts of reports; audits are counted elsewhere. */
export function inputsOf(
  reports: readonly ScoredReport[],
  audits: { readonly passed: number; readonly failed: number },
): ScoreInputs {
  const count = (holds: (report: ScoredReport) => boolean): number => reports.filter(holds).length;
  const broken = count(({ outcome }) => outcome === 'provider_error');
  const deadlineHits = count(({ firstTokenMs, boundMs }) => firstTokenMs <= boundMs);
  return {
    receipts: reports.length,
    delivered: reports.length - broken,
    broken,
    deadlineHits,
    deadlineMisses: reports.length - deadlineHits,
    auditsPassed: audits.passed,
    auditsFailed: audits.failed,
  };
}
