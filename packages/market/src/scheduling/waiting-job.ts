/** A job as the scheduler sees it. */
import { limits } from '@aitbc/protocol';

/** What a job will need of an engine. */
export interface JobWish {
  /** Account id of who pays. */
  readonly payer: string;
  readonly model: string;
  /** Bound of its prompt. */
  readonly promptTokens: number;
  /** Most tokens it may be answered with. */
  readonly outputTokens: number;
  /** Its first token was promised within this time. */
  readonly firstTokenMs: number;
}

/** A job that waits or runs. */
export interface WaitingJob extends JobWish {
  readonly enteredAtMs: number;
  /** When its first token is due. */
  readonly dueAtMs: number;
  /** Tokens that its payer's share is charged. */
  readonly costTokens: number;
  /** Place among the jobs of its payer: the lowest goes first. */
  readonly rank: number;
}

/** A prompt is read so many times faster than an answer is written, on the slowest engines that were measured. */
const promptTokensPerToken = 10;
/** Share of a promised time that is kept for errors of the forecast. */
export const safetyShare = 0.1;
/** Within this time the smallest jobs may pass the largest of the same payer. */
export const overtakenMs = 10_000;
const tokensPerMs = limits.outputTokensMax / overtakenMs;

/** A wish that enters now. */
export function waitingJob(wish: JobWish, nowMs: number): WaitingJob {
  const costTokens = wish.outputTokens + Math.ceil(wish.promptTokens / promptTokensPerToken);
  const rank = costTokens + nowMs * tokensPerMs;
  return { enteredAtMs: nowMs, dueAtMs: nowMs + wish.firstTokenMs, costTokens, rank, ...wish };
}
