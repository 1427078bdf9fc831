/** Asking an engine in tests: requests, whole answers, and whether two answers are the same. */
import assert from 'node:assert/strict';
import type { ReplayMeasure } from '@aitbc/protocol';
import type { EndEvent, Engine, EngineModel, EngineRequest, TokensEvent } from '../engine.ts';

export const CASE_TIMEOUT_MS = 30_000;
const MICRO = 1_000_000;
/**
 * In logits. llama.cpp reads many tokens by other kernels than one; with F16 weights what they give differs by 0.008 at most
 * (measured on AVX2 and AVX-512, the bundled model), with 4-bit weights not at all.
 */
const NEAR_TIE = 0.02;

/** An engine that is started, and the model to ask. */
export interface ComplianceTarget {
  readonly engine: Engine;
  readonly model: string;
  /** Has the same weights, and tells a near tie from a wrong answer; default: the engine, where it audits. */
  readonly judge?: Engine;
}

/** One generation, collected. */
export interface Collected {
  readonly text: string;
  readonly events: readonly TokensEvent[];
  readonly tokens: number;
  readonly end: EndEvent;
}

/** A greedy request; fields of `more` win. */
export function greedyRequest(model: string, more: Partial<EngineRequest> = {}): EngineRequest {
  const messages = [{ role: 'user' as const, content: 'What is a virtual table?' }];
  return { model, messages, maxTokens: 60, temperature: 0, ...more };
}

/** Runs a generation to its end. */
export async function collect(engine: Engine, request: EngineRequest): Promise<Collected> {
  const events: TokensEvent[] = [];
  const signal = AbortSignal.timeout(CASE_TIMEOUT_MS);
  for await (const event of engine.generate(request, { signal })) {
    if (event.type === 'end') {
      const text = events.map((part) => part.text).join('');
      const tokens = events.reduce((sum, part) => sum + part.tokens, 0);
      return { text, events, tokens, end: event };
    }
    events.push(event);
  }
  throw new Error('the generation had no end event');
}

/** The error of a generation that must fail. */
export async function failureOf(engine: Engine, request: EngineRequest): Promise<unknown> {
  try {
    await collect(engine, request);
  } catch (error) {
    return error;
  }
  throw new Error('the generation should have failed');
}

/** The model of the target, as its engine describes it. */
export async function modelOf({ engine, model }: ComplianceTarget): Promise<EngineModel> {
  const { models } = await engine.probe(AbortSignal.timeout(CASE_TIMEOUT_MS));
  const found = models.find(({ name }) => name === model);
  assert(found, `${model} is not listed`);
  return found;
}

/** Text and tokens of the first events of an answer. */
export function partOf({ events }: Collected, cut: number) {
  const before = events.slice(0, cut);
  const tokens = before.reduce((sum, event) => sum + event.tokens, 0);
  return { prefixText: before.map((event) => event.text).join(''), tokens };
}

/** Asserts that a text is the whole answer, or leaves it at a near tie for another that the model might have written. */
export async function assertSame(
  target: ComplianceTarget,
  request: EngineRequest,
  texts: { readonly whole: string; readonly text: string },
): Promise<void> {
  const { engine, model, judge = engine } = target;
  if (texts.text === texts.whole) return;
  assert(judge.audit, `${JSON.stringify(texts.text)} is not ${JSON.stringify(texts.whole)}`);
  const { messages } = request;
  const measure = await replay({ engine: judge, model }, { text: texts.text, messages });
  assert(measure.gapMaxMicro <= NEAR_TIE * MICRO, `not what the model writes: ${texts.text}`);
}

/** Asserts that an answer goes on after each of its tokens as it did, with the same end. */
export async function assertContinues(
  target: ComplianceTarget,
  request: EngineRequest,
): Promise<Collected> {
  const { engine } = target;
  const whole = await collect(engine, request);
  for (let cut = 1; cut < whole.events.length; cut += 1) {
    const { prefixText, tokens } = partOf(whole, cut);
    if (prefixText === '') continue;
    const maxTokens = request.maxTokens - tokens;
    const rest = await collect(engine, { ...request, prefixText, maxTokens });
    const text = prefixText + rest.text;
    await assertSame(target, request, { whole: whole.text, text });
    if (text !== whole.text) continue; // has its own length and end
    assert.equal(tokens + rest.tokens, whole.tokens, `cut after ${tokens} tokens`);
    assert.equal(rest.end.reason, whole.end.reason);
  }
  return whole;
}

/** What a replay of an answer measures. */
export async function replay(
  { engine, model }: ComplianceTarget,
  subject: Pick<Partial<EngineRequest>, 'messages'> & {
    readonly text: string;
    readonly formerText?: string;
    readonly stop?: string[];
  },
): Promise<ReplayMeasure> {
  assert(engine.audit);
  const { digest = '' } = await modelOf({ engine, model });
  const { text, formerText = '', stop = [], messages = greedyRequest(model).messages } = subject;
  const signal = AbortSignal.timeout(CASE_TIMEOUT_MS);
  const request = { messages, stop };
  return engine.audit({ digest, request, formerText, text, signal });
}
