/**
 * What cheating is worth: saved on the jobs that are served with something cheaper, lost when one of them is audited,
 * found out and slashed. Expectations per million jobs, so that whole nait suffice.
 */

const all = 10_000n;
const million = 1_000_000n;

/** Shares are in 1/10 000, amounts in nait. */
export interface CheatTerms {
  readonly jobPrice: bigint;
  /** Part of the price that a cheated job saves its provider. */
  readonly savingBps: number;
  /** Part of its jobs that it cheats on. */
  readonly cheatBps: number;
  /** Part of jobs that is audited. */
  readonly auditBps: number;
  /** Part of audited, cheated jobs that is found out. */
  readonly catchBps: number;
  /** What a conviction costs. */
  readonly penalty: bigint;
}

/** Expectations in a million jobs, nait; the second is rounded down. */
export interface CheatOutcome {
  readonly saved: bigint;
  readonly lost: bigint;
}

/** What a cheat saves and loses in a million jobs, if it goes on after each conviction. */
export function expectedLoss(terms: CheatTerms): CheatOutcome {
  const { jobPrice, penalty } = terms;
  const [saving, cheat, audit, caught] = [
    terms.savingBps,
    terms.cheatBps,
    terms.auditBps,
    terms.catchBps,
  ].map(BigInt) as [bigint, bigint, bigint, bigint];
  return {
    saved: (million * jobPrice * saving * cheat) / (all * all),
    lost: (million * penalty * cheat * audit * caught) / (all * all * all),
  };
}

/** Smallest penalty with which cheating pays nothing, nait; undefined where nothing is ever found out. */
export function penaltyNeeded(
  terms: Pick<CheatTerms, 'jobPrice' | 'savingBps' | 'auditBps' | 'catchBps'>,
): bigint | undefined {
  const found = BigInt(terms.auditBps) * BigInt(terms.catchBps);
  if (found === 0n) return undefined;
  const saved = terms.jobPrice * BigInt(terms.savingBps) * all;
  return (saved + found - 1n) / found;
}
