/**
 * What a replay of one job says: as sold, not as sold, or too little to say.
 *
 * A job at temperature 0 has one right answer but for near ties, where the best and the second token are so close that
 * another processor, another batch or another build of the engine decides differently. So an honest answer has few
 * gaps, and these are small; weights that were swapped give gaps of tenths of a logit and more. The verdict is by the
 * largest gap, and by the mean for gaps that are many and small. A job is judged alone here, because a provider may
 * lose its bond over it: so the thresholds lie far above what honest pairs show, and what stays below them
 * (8-bit weights) is left to the evidence of many jobs (evidence.ts).
 *
 * The share of exact tokens is no part of the verdict: it is what noise changes first, and it says nothing
 * of how wrong a token was.
 *
 * Rejected: thresholds of each model and engine in the offer (a cheat would write its own); the claimed log-
 * probabilities of the provider (a cheat can compute true ones by one cheap reading with the real weights).
 * Measured: docs/audits.md. See docs/spec/audit.md, "The verdict".
 */
import type { AuditVerdict, ReplayMeasure } from '@aitbc/protocol';

/** Above these a replay says `cheat`; gaps in millionths of a logit. */
export interface ReplayThresholds {
  /** An answer with fewer tokens is not judged. */
  readonly tokensMin: number;
  readonly gapMaxMicro: number;
  /** Over all tokens, taken as `meanTokensMin` where they are fewer: two tokens have no mean. */
  readonly gapMeanMicro: number;
  readonly meanTokensMin: number;
}

/**
 * Thresholds of the network. The worst of 2 000 honest jobs with which they were chosen had a gap of 2 660 and a mean of 31;
 * 4-bit weights have a largest gap of 360 000 in half of their jobs.
 */
export const replayThresholds: ReplayThresholds = Object.freeze({
  tokensMin: 1,
  gapMaxMicro: 20_000,
  gapMeanMicro: 1_000,
  meanTokensMin: 32,
});

/** Verdict on one job. */
export function judgeReplay(
  measure: ReplayMeasure,
  thresholds: ReplayThresholds = replayThresholds,
): AuditVerdict {
  const { tokens, gapMaxMicro, gapMeanMicro } = measure;
  if (tokens < thresholds.tokensMin) return 'void';
  if (gapMaxMicro > thresholds.gapMaxMicro) return 'cheat';
  const gapSumMax = thresholds.gapMeanMicro * Math.max(tokens, thresholds.meanTokensMin);
  return gapMeanMicro * tokens > gapSumMax ? 'cheat' : 'honest';
}
