/**
 * What a model can do on this machine, measured from outside by the caller's clock.
 *
 *   first call   one token: the model may have to be loaded for it
 *   prefill      prompts of about 512 and 2 048 tokens, one token out
 *   decode       128 tokens, one stream
 *   ladder       1, 2, 4, 8 streams of 64 tokens, see count-slots.ts
 *
 * Every prompt begins with words of a nonce, so that no cache of the engine has seen it. What is counted
 * are tokens of the stream; prompts are counted by the engine, and where it does not tell, by one for each
 * word, which is too low rather than too high. Temperature 0: nothing is left to chance but the machine.
 *
 * A model that ends its answer early is slower to measure and not wrong: speeds are tokens that came by
 * the time they took, and a decode that gave fewer than two tokens has no speed.
 *
 * Limits: one model at a time and no paid job beside it (the caller aborts); two minutes for a model.
 */
import type { OutputOf, providerOwnerEndpoints } from '@aitbc/protocol';
import type { Engine, EngineModel, EngineRequest } from '../engines/engine.ts';
import { isWorthIt, ladder, ladderTokens } from './count-slots.ts';
import { percentile, type StreamTimes, timeStream } from './stream-times.ts';

/** A result as it is stored and shown. */
export type ModelBenchmark = OutputOf<typeof providerOwnerEndpoints.bench>['benchmarks'][number];

/** The measured part of a result. */
export type Measured = Pick<
  ModelBenchmark,
  'firstCallMs' | 'prefill' | 'decodeTokensPerSecond' | 'ladder'
>;

/** Share of the context that a prompt may take: words are not tokens. */
const contextShare = 0.4;
const prefillTokens = [512, 2_048];
const shortPromptTokens = 24;
const decodeTokens = 128;
/** Words that every tokenizer knows; the nonce mixes them. */
const words = 'time year people way day man thing woman life child world school state family'.split(
  ' ',
);

export interface MeasureDeps {
  readonly engine: Engine;
  /** 32 random bits; called for every prompt. */
  readonly nonce: () => number;
}

/** Measures one model. Throws what the engine throws, or the signal's reason. */
export async function measureModel(
  model: EngineModel,
  deps: MeasureDeps,
  signal: AbortSignal,
): Promise<Measured> {
  const time = (promptTokens: number, maxTokens: number): Promise<StreamTimes> =>
    timeStream(deps.engine, requestOf(model, { promptTokens, maxTokens }, deps.nonce()), signal);
  const { firstTokenMs: firstCallMs } = await time(shortPromptTokens, 1);
  const prefill: Measured['prefill'] = [];
  for (const wanted of prefillTokens) {
    if (wanted > model.contextMax * contextShare) break;
    prefill.push(prefillOf(await time(wanted, 1), wanted));
  }
  const outputMax = Math.floor(model.contextMax * contextShare);
  const alone = await time(shortPromptTokens, Math.min(decodeTokens, outputMax));
  const steps = await climb(deps.engine, (atOnce) =>
    Promise.all(
      Array.from({ length: atOnce }, () =>
        time(shortPromptTokens, Math.min(ladderTokens, outputMax)),
      ),
    ),
  );
  return { firstCallMs, prefill, decodeTokensPerSecond: decodeSpeedOf(alone), ladder: steps };
}

/** Steps until one is not worth it, which is kept as the last; never more at once than the engine takes. */
async function climb(
  engine: Engine,
  run: (atOnce: number) => Promise<readonly StreamTimes[]>,
): Promise<Measured['ladder']> {
  const most = engine.gauges().slots ?? Number.POSITIVE_INFINITY;
  const steps: Measured['ladder'] = [];
  for (const atOnce of ladder) {
    if (atOnce > most) break;
    const before = steps.at(-1);
    const alone = steps[0];
    const step = stepOf(await run(atOnce));
    steps.push(step);
    if (before && alone && !isWorthIt(step, before, alone)) break;
  }
  return steps;
}

function stepOf(streams: readonly StreamTimes[]): Measured['ladder'][number] {
  const tokens = streams.reduce((sum, { outputTokens }) => sum + outputTokens, 0);
  const totalMs = Math.max(...streams.map((stream) => stream.totalMs));
  const firsts = streams.map(({ firstTokenMs }) => firstTokenMs);
  const gaps = streams.flatMap(({ gapsMs }) => gapsMs);
  return {
    atOnce: streams.length,
    tokensPerSecond: perSecond(tokens, totalMs),
    firstTokenMsP50: percentile(firsts, 0.5),
    firstTokenMsP95: percentile(firsts, 0.95),
    gapMsP50: percentile(gaps, 0.5),
    gapMsP95: percentile(gaps, 0.95),
  };
}

function prefillOf(
  { promptTokens, firstTokenMs }: StreamTimes,
  wanted: number,
): Measured['prefill'][number] {
  const tokens = promptTokens ?? wanted;
  return { promptTokens: tokens, firstTokenMs, tokensPerSecond: perSecond(tokens, firstTokenMs) };
}

/** Tokens behind the first by the time behind the first: the prompt is not part of it. */
function decodeSpeedOf({ outputTokens, totalMs, firstTokenMs }: StreamTimes): number {
  return outputTokens < 2 ? 0 : perSecond(outputTokens - 1, totalMs - firstTokenMs);
}

function perSecond(tokens: number, ms: number): number {
  return ms <= 0 ? 0 : (tokens * 1_000) / ms;
}

function requestOf(
  { name }: EngineModel,
  { promptTokens, maxTokens }: { readonly promptTokens: number; readonly maxTokens: number },
  nonce: number,
): EngineRequest {
  const content = `${nonce.toString(36)} ${mixedWords(promptTokens, nonce)}`;
  return { model: name, messages: [{ role: 'user', content }], maxTokens, temperature: 0, seed: 1 };
}

/** So many words, in an order that the nonce decides. */
function mixedWords(count: number, nonce: number): string {
  let state = nonce >>> 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return words[(state >>> 16) % words.length];
  }).join(' ');
}
