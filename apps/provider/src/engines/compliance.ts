/**
 * What every engine must do, as a list of cases. Tests run it on all three adapters; an owner can run it
 * against an engine of his own. It needs two slots and a model that answers greedily with some 20 tokens.
 * Free of any test framework: a case throws when it fails.
 */
import assert from 'node:assert/strict';
import { AppError } from '@aitbc/protocol';
import { RUN_AHEAD_TOKENS, type TokensEvent } from './engine.ts';
import {
  assertContinues,
  CASE_TIMEOUT_MS,
  type ComplianceTarget,
  collect,
  failureOf,
  greedyRequest,
  modelOf,
  partOf,
  replay,
} from './testing/ask-engine.ts';

/** Longest time from an abort to a free slot. */
const ABORT_MS_MAX = 250;
/** A character or a group of tokens may be on its way when the consumer stops. */
const RUN_AHEAD_SLACK_TOKENS = 4;

export interface ComplianceCase {
  readonly name: string;
  run(target: ComplianceTarget): Promise<void>;
}

/** Starts a generation and pulls its first event. */
async function begin(target: ComplianceTarget, signal: AbortSignal) {
  const request = greedyRequest(target.model, { maxTokens: 2_000 });
  const events = target.engine.generate(request, { signal })[Symbol.asyncIterator]();
  const first = await events.next();
  assert.equal(first.value?.type, 'tokens');
  return { events, first: first.value as TokensEvent };
}

async function listsModel(target: ComplianceTarget): Promise<void> {
  const { contextMax, digest } = await modelOf(target);
  assert(contextMax > 0);
  assert.match(digest ?? `sha256:${'0'.repeat(64)}`, /^sha256:[0-9a-f]{64}$/);
  const { engine, version } = await target.engine.probe(AbortSignal.timeout(CASE_TIMEOUT_MS));
  assert.equal(engine, target.engine.kind);
  assert(version.length > 0);
}

async function countsAgree({ engine, model }: ComplianceTarget): Promise<void> {
  const request = greedyRequest(model);
  const { text, tokens, end } = await collect(engine, request);
  assert(text.length > 0);
  assert.equal(tokens, end.completionTokens);
  assert(end.promptTokens !== undefined && end.promptTokens > 0);
  const ahead = (end.counterTokens ?? tokens) - tokens;
  assert(ahead === 0 || ahead === 1, `the engine claims ${ahead} tokens more than it sent`);
  const counted = await engine.countPromptTokens(request, AbortSignal.timeout(CASE_TIMEOUT_MS));
  assert.equal(counted ?? end.promptTokens, end.promptTokens);
}

async function stopsAtMaxTokens({ engine, model }: ComplianceTarget): Promise<void> {
  const { tokens, end } = await collect(engine, greedyRequest(model, { maxTokens: 5 }));
  assert.equal(tokens, 5);
  assert.equal(end.completionTokens, 5);
  assert.equal(end.reason, 'length');
}

async function repeatsGreedy({ engine, model }: ComplianceTarget): Promise<void> {
  const request = greedyRequest(model);
  const alone = await collect(engine, request);
  const together = await Promise.all([collect(engine, request), collect(engine, request)]);
  for (const one of together) {
    assert.equal(one.text, alone.text);
    assert.equal(one.tokens, alone.tokens);
  }
}

async function repeatsSeed({ engine, model }: ComplianceTarget): Promise<void> {
  const request = greedyRequest(model, { temperature: 1, seed: 11 });
  const first = await collect(engine, request);
  assert.equal((await collect(engine, request)).text, first.text);
}

async function obeysStopStrings({ engine, model }: ComplianceTarget): Promise<void> {
  const { text } = await collect(engine, greedyRequest(model));
  const middle = Math.floor(text.length / 2);
  const stop = text.slice(middle, middle + 6);
  const request = greedyRequest(model, { stop: [stop, 'never said'] });
  const stopped = await collect(engine, request);
  assert.equal(stopped.text, text.slice(0, text.indexOf(stop)));
  assert.equal(stopped.end.reason, 'stop');
  assert.equal(stopped.tokens, stopped.end.completionTokens);
}

async function abortsQuickly(target: ComplianceTarget): Promise<void> {
  const abort = new AbortController();
  const { events } = await begin(target, abort.signal);
  const pulling = (async () => {
    for (;;) await events.next();
  })();
  const reason = new AppError('CANCELLED');
  const fromMs = performance.now();
  abort.abort(reason);
  await assert.rejects(pulling, (error) => error === reason);
  await collect(target.engine, greedyRequest(target.model, { maxTokens: 1 }));
  const tookMs = performance.now() - fromMs;
  assert(tookMs <= ABORT_MS_MAX, `a slot was free only after ${tookMs} ms`);
  assert.equal(target.engine.gauges().running, 0);
}

async function refusesAbortedStart({ engine, model }: ComplianceTarget): Promise<void> {
  const reason = new AppError('CANCELLED');
  const events = engine.generate(greedyRequest(model), { signal: AbortSignal.abort(reason) });
  await assert.rejects(events[Symbol.asyncIterator]().next(), (error) => error === reason);
}

async function endsWithItsConsumer(target: ComplianceTarget): Promise<void> {
  for (let round = 0; round < 6; round += 1) {
    const { events } = await begin(target, AbortSignal.timeout(CASE_TIMEOUT_MS));
    await events.return?.();
  }
  assert.equal(target.engine.gauges().running, 0);
}

/** While one consumer stands still, another generation runs through; only that one may have moved. */
async function standsStillWithItsConsumer(target: ComplianceTarget): Promise<void> {
  const { engine, model } = target;
  const undisturbed = await collect(engine, greedyRequest(model, { maxTokens: 2_000 }));
  const fromTokens = engine.gauges().tokens;
  const { events, first } = await begin(target, AbortSignal.timeout(CASE_TIMEOUT_MS));
  const other = await collect(engine, greedyRequest(model));
  const moved = engine.gauges().tokens - fromTokens - other.tokens;
  const allowed = first.tokens + RUN_AHEAD_TOKENS + RUN_AHEAD_SLACK_TOKENS;
  assert(moved <= allowed, `${moved} tokens were made, ${first.tokens} were taken`);
  let text = first.text;
  for (let next = await events.next(); !next.done; next = await events.next()) {
    if (next.value.type === 'tokens') text += next.value.text;
  }
  assert.equal(text, undisturbed.text);
}

async function continuesAsItSays(target: ComplianceTarget): Promise<void> {
  const { engine, model } = target;
  const { resume } = await modelOf(target);
  if (resume === 'none') {
    const error = await failureOf(engine, greedyRequest(model, { prefixText: 'The' }));
    assert.equal(engine.classify(error), 'bad');
    return;
  }
  if (resume === 'exact') await assertContinues(target, greedyRequest(model, { maxTokens: 30 }));
  const whole = await collect(engine, greedyRequest(model));
  const { prefixText } = partOf(whole, 5);
  const rest = await collect(engine, greedyRequest(model, { prefixText }));
  assert(!rest.text.startsWith(prefixText), 'the prefix was repeated');
}

/** A slot is as free after a continued answer as after any other. */
async function abortsContinuedQuickly({ engine, model }: ComplianceTarget): Promise<void> {
  const { resume } = await modelOf({ engine, model });
  if (resume === 'none') return;
  const prefixText = (await collect(engine, greedyRequest(model, { maxTokens: 8 }))).text;
  const abort = new AbortController();
  const request = greedyRequest(model, { prefixText, maxTokens: 2_000 });
  const events = engine.generate(request, abort)[Symbol.asyncIterator]();
  await events.next();
  const fromMs = performance.now();
  abort.abort(new AppError('CANCELLED'));
  await assert.rejects(events.next());
  await collect(engine, greedyRequest(model, { maxTokens: 1 }));
  const tookMs = performance.now() - fromMs;
  assert(tookMs <= ABORT_MS_MAX, `a slot was free only after ${tookMs} ms`);
  assert.equal(engine.gauges().running, 0);
}

async function embedsOrRefuses({ engine, model }: ComplianceTarget): Promise<void> {
  const { serves = ['chat'] } = await modelOf({ engine, model });
  if (!serves.includes('embed')) return;
  const { signal } = new AbortController();
  const inputs = ['one text', 'another text', 'one text', 'é ü 漢字'];
  const first = await engine.embed({ model, inputs }, { signal });
  assert.equal(first.vectors.length, inputs.length);
  assert(first.promptTokens >= inputs.length);
  const [one = [], two = [], same = []] = first.vectors;
  assert(one.length > 1 && one.every((value) => Number.isFinite(value)));
  assert(Math.abs(Math.hypot(...one) - 1) < 1e-6, 'a vector has another length than 1');
  assert.deepEqual(same, one);
  assert.notDeepEqual(two, one);
  assert.deepEqual(await engine.embed({ model, inputs }, { signal }), first);
  const { contextMax } = await modelOf({ engine, model });
  const long = engine.embed({ model, inputs: ['one two '.repeat(contextMax)] }, { signal });
  await assert.rejects(long, (error) => engine.classify(error) === 'bad');
  const reason = new AppError('CANCELLED');
  const aborted = engine.embed({ model, inputs }, { signal: AbortSignal.abort(reason) });
  await assert.rejects(aborted, (error) => error === reason);
  assert.equal(engine.gauges().running, 0);
}

async function auditsOrSaysWhyNot(target: ComplianceTarget): Promise<void> {
  const { engine, model } = target;
  if (!engine.audit) {
    assert((engine.noAudit ?? '').length > 0, 'it does not say why it cannot audit');
    return;
  }
  assert.equal(engine.noAudit, undefined);
  const whole = await collect(engine, greedyRequest(model));
  const exact = { gapMeanMicro: 0, gapMaxMicro: 0 };
  const all = { tokens: whole.tokens, exactTokens: whole.tokens, ...exact };
  assert.deepEqual(await replay(target, whole), all);
  assert.deepEqual(await replay(target, { text: '' }), { tokens: 0, exactTokens: 0, ...exact });
  const { prefixText, tokens } = partOf(whole, 5);
  const text = whole.text.slice(prefixText.length);
  const rest = { tokens: whole.tokens - tokens, exactTokens: whole.tokens - tokens, ...exact };
  assert.deepEqual(await replay(target, { formerText: prefixText, text }), rest);
  const foreign = await replay(target, { text: whole.text.split(' ').toReversed().join(' ') });
  assert(foreign.exactTokens < foreign.tokens && foreign.gapMaxMicro > 1_000_000);
  assert.equal(engine.gauges().running, 0);
}

/** A stop string may end an answer inside a token. */
async function auditsStoppedAnswers(target: ComplianceTarget): Promise<void> {
  const { engine, model } = target;
  if (!engine.audit) return;
  const { text } = await collect(engine, greedyRequest(model));
  for (let at = 1; at < text.length - 3; at += 4) {
    const stop = [text.slice(at, at + 3)];
    const stopped = await collect(engine, greedyRequest(model, { stop }));
    const measure = await replay(target, { text: stopped.text, stop });
    assert.equal(measure.gapMaxMicro, 0, `stopped at ${JSON.stringify(stop)}`);
  }
}

async function refusesAudits({ engine, model }: ComplianceTarget): Promise<void> {
  if (!engine.audit) return;
  const { digest = '', contextMax } = await modelOf({ engine, model });
  const request = { messages: greedyRequest(model).messages, stop: [] };
  const signal = AbortSignal.timeout(CASE_TIMEOUT_MS);
  const subject = { digest, request, formerText: '', text: 'The', signal };
  const unknown = engine.audit({ ...subject, digest: `sha256:${'0'.repeat(64)}` });
  await assert.rejects(unknown, { code: 'ENGINE_MODEL_UNKNOWN' });
  const content = 'one two '.repeat(contextMax);
  const messages = [{ role: 'user' as const, content }];
  const long = engine.audit({ ...subject, request: { messages, stop: [] } });
  await assert.rejects(long, (error) => engine.classify(error) === 'bad');
  const { tokens, gapMaxMicro } = await engine.audit({ ...subject, text: content });
  assert(tokens > contextMax / 2 && tokens < contextMax, 'what fits is judged, and no more');
  assert(gapMaxMicro > 1_000_000);
  const reason = new AppError('CANCELLED');
  const aborted = engine.audit({ ...subject, signal: AbortSignal.abort(reason) });
  await assert.rejects(aborted, (error) => error === reason);
  const abort = new AbortController();
  const leaving = engine.audit({ ...subject, text: 'one two '.repeat(400), signal: abort.signal });
  abort.abort(reason);
  await assert.rejects(leaving, (error) => error === reason);
  await collect(engine, greedyRequest(model, { maxTokens: 1 }));
}

async function namesUnknownModels({ engine }: ComplianceTarget): Promise<void> {
  const error = await failureOf(engine, greedyRequest('no-such-model'));
  assert.equal((error as AppError).code, 'ENGINE_MODEL_UNKNOWN');
  assert.equal(engine.classify(error), 'bad');
}

async function refusesLongPrompts(target: ComplianceTarget): Promise<void> {
  const { contextMax } = await modelOf(target);
  const messages = [{ role: 'user' as const, content: 'one two three four '.repeat(contextMax) }];
  const error = await failureOf(target.engine, greedyRequest(target.model, { messages }));
  assert.equal((error as AppError).code, 'ENGINE_BAD_REQUEST');
  assert.equal(target.engine.classify(error), 'bad');
}

/** The cases, in the order in which a failure is easiest to understand. */
export const complianceCases: readonly ComplianceCase[] = [
  { name: 'lists the model with version, digest and context', run: listsModel },
  { name: 'counts the tokens it streamed, and the prompt', run: countsAgree },
  { name: 'ends at maxTokens with reason length', run: stopsAtMaxTokens },
  { name: 'repeats a greedy answer, alone and beside another', run: repeatsGreedy },
  { name: 'repeats a sampled answer with the same seed', run: repeatsSeed },
  { name: 'ends in front of a stop string', run: obeysStopStrings },
  { name: 'frees the slot within 250 ms of an abort', run: abortsQuickly },
  { name: 'refuses a request that is aborted before it starts', run: refusesAbortedStart },
  { name: 'ends a generation when its consumer leaves', run: endsWithItsConsumer },
  { name: 'stands still while its consumer does, and goes on', run: standsStillWithItsConsumer },
  { name: 'continues a prefix as it says, or refuses it', run: continuesAsItSays },
  { name: 'frees the slot of a continued answer within 250 ms', run: abortsContinuedQuickly },
  { name: 'makes vectors of texts, where the model is for that', run: embedsOrRefuses },
  { name: 'audits answers of its model, or says why it cannot', run: auditsOrSaysWhyNot },
  { name: 'audits answers that a stop string ended', run: auditsStoppedAnswers },
  {
    name: 'refuses audits of other weights, of long prompts and aborted ones, and judges what fits',
    run: refusesAudits,
  },
  { name: 'names an unknown model', run: namesUnknownModels },
  { name: 'refuses a prompt above the context', run: refusesLongPrompts },
];
