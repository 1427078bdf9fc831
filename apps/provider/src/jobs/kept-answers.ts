import type { Hex } from '@aitbc/protocol';
import type { AnswerLog } from './answer-log.ts';

const charBytes = 2; // at most

/** How long and how many answers are kept. */
export interface KeptLimits {
  /** The window in which clients repeat a call by themselves. */
  readonly keptMs: number;
  /** Of all answers; the oldest go first. */
  readonly keptBytes: number;
}

const usualLimits: KeptLimits = { keptMs: 10 * 60_000, keptBytes: 16_777_216 };

/** Complete answers for callers that ask for the same job again. */
export interface KeptAnswers {
  keep(jobId: Hex, answer: AnswerLog): void;
  find(jobId: Hex): AnswerLog | undefined;
  /** What they take now, at most. */
  sizeBytes(): number;
}

interface Kept {
  readonly answer: AnswerLog;
  readonly untilMs: number;
  readonly sizeBytes: number;
}

/** Keeps complete answers within the limits; they go when their time is over, whether anybody asks or not. */
export function createKeptAnswers(
  nowMs: () => number,
  { keptMs, keptBytes }: KeptLimits = usualLimits,
): KeptAnswers {
  const answers = new Map<Hex, Kept>(); // oldest first
  let total = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const drop = (jobId: Hex): void => {
    total -= answers.get(jobId)?.sizeBytes ?? 0;
    answers.delete(jobId);
  };
  const tidy = (): void => {
    for (const [jobId, { untilMs }] of answers) {
      if (total <= keptBytes && untilMs > nowMs()) break;
      drop(jobId);
    }
    if (answers.size === 0 || timer) return;
    timer = setTimeout(() => {
      timer = undefined;
      tidy();
    }, keptMs);
    timer.unref();
  };
  return {
    keep(jobId, answer) {
      if (answer.last()?.end.outcome !== 'complete') return;
      drop(jobId);
      const sizeBytes = answer.sizeChars() * charBytes;
      answers.set(jobId, { answer, untilMs: nowMs() + keptMs, sizeBytes });
      total += sizeBytes;
      tidy();
    },
    find(jobId) {
      tidy();
      return answers.get(jobId)?.answer;
    },
    sizeBytes: () => total,
  };
}
