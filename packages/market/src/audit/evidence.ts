/**
 * Evidence of many jobs: what no single job shows adds up over the audits of a provider.
 *
 * Model: an honest provider has an inexact token (a near tie that went the other way) with probability p0, one that
 * runs slightly different weights with p1. Each audit adds to a sum the logarithm of how much likelier its counts are
 * under p1 than under p0; a sum below zero starts again from zero, so that a long honest past does not hide
 * what a provider begins to do now (a CUSUM). Above `evidenceMax` the provider stands as a cheat. An honest one
 * gets there once in more than a million audits (its mean time is at least e^13.8 of them, whatever the
 * lengths), and p0 is set above what honest pairs show.
 *
 * One job counts for `inexactMax` inexact tokens at most: whatever else may go wrong in one record, one job alone
 * never convicts. The sum is in millionths of a nat, in whole numbers, so that everybody who reads the reports
 * in their order gets the same.
 *
 * Limits: who cheats on so few jobs that the mean stays below the point between p0 and p1 is not found by this; the
 * curve in docs/audits.md says what that is worth. Rejected: one test over all audits without a restart
 * (an honest year pays for a dishonest month); to weigh tokens by the size of their gaps (noise of other
 * hardware changes sizes more than counts).
 * See docs/spec/audit.md, "Evidence of many jobs".
 */
import type { ReplayMeasure } from '@aitbc/protocol';

/** Logarithms of p1/p0 = 0.006/0.001 and (1-p1)/(1-p0), in millionths. */
const inexactMicro = 1_791_759;
const exactMicro = -5_018;
/** Inexact tokens that one job counts for at most. */
const inexactMax = 3;
/** ln(10^6), in millionths of a nat. */
export const evidenceMax = 13_815_511;

/** Evidence after one more audit; it starts at 0. Millionths of a nat. */
export function nextEvidence(evidence: number, { tokens, exactTokens }: ReplayMeasure): number {
  const inexact = Math.min(tokens - exactTokens, inexactMax);
  return Math.max(0, evidence + inexact * inexactMicro + exactTokens * exactMicro);
}

/** What a provider's audits, oldest first, say together. */
export interface ProviderEvidence {
  /** Now, millionths of a nat. */
  readonly evidence: number;
  /** Place of the audit at which it first stood above `evidenceMax`; undefined while it never did. */
  readonly convictedAt: number | undefined;
}

/** Adds up the audits of one provider, oldest first. */
export function evidenceOf(measures: readonly ReplayMeasure[]): ProviderEvidence {
  let evidence = 0;
  let convictedAt: number | undefined;
  for (const [place, measure] of measures.entries()) {
    evidence = nextEvidence(evidence, measure);
    if (evidence > evidenceMax) convictedAt ??= place;
  }
  return { evidence, convictedAt };
}
