/** What agents ask for, and how often. */
import { randomUUID } from 'node:crypto';
import type { JobNote } from '../books/books.ts';
import type { Plan } from '../contract.ts';
import { promptOf, scriptedModel } from '../engines/scripted-text.ts';
import type { Draw } from '../plan/draw.ts';

const wordsLeast = 24;
const wordsMost = 128;
/** One errand of so many is cut off by its own limit of tokens. */
const cutShare = 0.25;
const roomTokens = 32;
/** Jobs that all agents together begin in a second. */
const jobsPerSecond = 2;
const everyLeastMs = 1_500;

/** A note of a new job. */
export function newJob(
  { agent, via, atMs }: Pick<JobNote, 'agent' | 'via' | 'atMs'>,
  draw: Draw,
): JobNote {
  const words = draw.between(wordsLeast, wordsMost);
  const isCut = draw.fraction() < cutShare;
  return {
    ...{ agent, via, atMs, words, model: scriptedModel },
    mark: randomUUID(),
    maxTokens: isCut ? draw.between(1, words - 1) : words + roomTokens,
    key: randomUUID(),
    ...{ jobId: undefined, endMs: undefined, state: 'running', code: undefined, text: '' },
    ...{ finishReason: undefined, parts: [], moves: 0, repeats: 0 },
  };
}

/** The messages of a job. */
export function messagesOf(job: Pick<JobNote, 'mark' | 'words'>) {
  return [{ role: 'user' as const, content: promptOf(job) }];
}

/** The mean pause of one agent between two jobs, ms. */
export function meanPauseMs({ agents }: Plan): number {
  return Math.max(everyLeastMs, (agents.length / jobsPerSecond) * 1_000);
}

/** A pause around the mean. */
export function drawPauseMs(plan: Plan, draw: Draw): number {
  return Math.round(meanPauseMs(plan) * (0.3 + 1.4 * draw.fraction()));
}
