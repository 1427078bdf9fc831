import type { Hex } from '@aitbc/protocol';
import type { AnswerLog } from './answer-log.ts';

/** The window in which clients repeat a call by themselves. */
const keptMs = 10 * 60_000;
const keptChars = 16_777_216;

/** Complete answers for callers that ask for the same job again. */
export interface KeptAnswers {
  keep(jobId: Hex, answer: AnswerLog): void;
  find(jobId: Hex): AnswerLog | undefined;
}

interface Kept {
  readonly answer: AnswerLog;
  readonly untilMs: number;
  readonly sizeChars: number;
}

/** Keeps complete answers for ten minutes, at most 16 million characters of them. */
export function createKeptAnswers(nowMs: () => number): KeptAnswers {
  const answers = new Map<Hex, Kept>();
  let total = 0;
  const drop = (jobId: Hex, { sizeChars }: Kept): void => {
    answers.delete(jobId);
    total -= sizeChars;
  };
  const tidy = (): void => {
    for (const [jobId, row] of answers) {
      if (total <= keptChars && row.untilMs > nowMs()) return;
      drop(jobId, row);
    }
  };
  return {
    keep(jobId, answer) {
      if (answer.last()?.end.outcome !== 'complete') return;
      const sizeChars = answer.sizeChars();
      answers.set(jobId, { answer, untilMs: nowMs() + keptMs, sizeChars });
      total += sizeChars;
      tidy();
    },
    find(jobId) {
      tidy();
      return answers.get(jobId)?.answer;
    },
  };
}
