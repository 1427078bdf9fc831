/**
 * How fast an engine is, learnt from the jobs that it ran, for each model:
 *
 *   first token   a + b × prompt tokens: a line through the samples
 *   slot          first token + output × time per token, where output is the promise times the share of
 *                 their promise that jobs used
 *   load          what the first job after a change of models waited longer
 *
 * Older samples count less and less, so that the figures follow the engine: warmer cards, longer contexts, other
 * work on the machine. Times per token include what buyers take to send vouchers, since a slot is held meanwhile.
 *
 * Limits: a model that never ran has guesses. One time per token for all numbers of jobs at once; it settles at
 * the load that is usual. Rejected: a model of the engine (batch, cache, context), which every engine would break.
 */
import type { JobWish } from './waiting-job.ts';

/** What a job was measured at. */
export interface RateSample extends Pick<JobWish, 'model' | 'promptTokens' | 'outputTokens'> {
  /** Tokens it was answered with. */
  readonly usedTokens: number;
  /** From the start in its slot to its first token; undefined when there was none. */
  readonly firstMs: number | undefined;
  /** How long it held its slot. */
  readonly slotMs: number;
  /** Its model had to be loaded first. */
  readonly isCold: boolean;
}

/** Measured times of an engine. */
export interface EngineRates {
  add(sample: RateSample): void;
  /** Expected time from the start in a slot to the first token. */
  firstMs(job: Pick<JobWish, 'model' | 'promptTokens'>): number;
  /** Expected time in a slot. */
  slotMs(job: JobWish): number;
  /** Expected time to load a model; 0 while that was never seen. */
  loadMs(model: string): number;
}

/** What a sample of the past counts after the next one: about ten samples are in a figure. */
const kept = 0.9;
/** Models with figures; the one longest without a sample goes first. */
const modelsKept = 256;
const firstMsGuess = 300;
const slotMsGuess = 2_000;

interface Sums {
  weight: number;
  prompt: number;
  promptSquared: number;
  firstMs: number;
  promptFirstMs: number;
  answerMs: number;
  answerTokens: number;
  used: number;
  promised: number;
  loadMs: number;
  hasLoaded: boolean;
}

const emptySums = (): Sums => ({
  ...{ weight: 0, prompt: 0, promptSquared: 0, firstMs: 0, promptFirstMs: 0 },
  ...{ answerMs: 0, answerTokens: 0, used: 0, promised: 0, loadMs: 0, hasLoaded: false },
});

/** Rates of an engine that has run nothing. */
export function createEngineRates(): EngineRates {
  const models = new Map<string, Sums>();
  const sumsOf = (model: string): Sums => {
    const sums = models.get(model) ?? emptySums();
    models.delete(model);
    models.set(model, sums);
    const oldest = models.size > modelsKept ? models.keys().next().value : undefined;
    if (oldest !== undefined) models.delete(oldest);
    return sums;
  };
  const firstMs: EngineRates['firstMs'] = ({ model, promptTokens }) => {
    const sums = models.get(model);
    return sums && sums.weight > 0 ? lineAt(sums, promptTokens) : firstMsGuess;
  };
  return {
    add(sample) {
      const { usedTokens, slotMs, isCold } = sample;
      if (sample.firstMs === undefined) return;
      const sums = sumsOf(sample.model);
      if (isCold) addLoad(sums, sample.firstMs - firstMs(sample));
      else addFirst(sums, sample.promptTokens, sample.firstMs);
      sums.answerMs = sums.answerMs * kept + (slotMs - sample.firstMs);
      sums.answerTokens = sums.answerTokens * kept + usedTokens;
      sums.used = sums.used * kept + usedTokens;
      sums.promised = sums.promised * kept + sample.outputTokens;
    },
    firstMs,
    slotMs(job) {
      const sums = models.get(job.model);
      if (!sums || sums.answerTokens === 0) return slotMsGuess;
      const msPerToken = sums.answerMs / sums.answerTokens;
      return firstMs(job) + job.outputTokens * (sums.used / sums.promised) * msPerToken;
    },
    loadMs: (model) => models.get(model)?.loadMs ?? 0,
  };
}

function addFirst(sums: Sums, prompt: number, firstMs: number): void {
  sums.weight = sums.weight * kept + 1;
  sums.prompt = sums.prompt * kept + prompt;
  sums.promptSquared = sums.promptSquared * kept + prompt * prompt;
  sums.firstMs = sums.firstMs * kept + firstMs;
  sums.promptFirstMs = sums.promptFirstMs * kept + prompt * firstMs;
}

function addLoad(sums: Sums, loadMs: number): void {
  const seen = Math.max(loadMs, 0);
  sums.loadMs = sums.hasLoaded ? (sums.loadMs + seen) / 2 : seen;
  sums.hasLoaded = true;
}

/** The line through the samples. Where all prompts were alike, half of the time is taken to be the prompt's. */
function lineAt(sums: Sums, prompt: number): number {
  const { weight } = sums;
  const meanPrompt = sums.prompt / weight;
  const meanMs = sums.firstMs / weight;
  const spread = sums.promptSquared / weight - meanPrompt * meanPrompt;
  const together = sums.promptFirstMs / weight - meanPrompt * meanMs;
  const isSpread = spread > 0.01 * meanPrompt * meanPrompt && spread > 0;
  const slope = isSpread ? together / spread : meanMs / 2 / Math.max(meanPrompt, 1);
  const bounded = Math.min(Math.max(slope, 0), meanMs / Math.max(meanPrompt, 1));
  return Math.max(meanMs + bounded * (prompt - meanPrompt), 0);
}
