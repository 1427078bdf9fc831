import { AppError, refuse, type SignedOffer } from '@aitbc/protocol';
import { createLog, until } from '@aitbc/service';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { breakerOptions, createEngineWatch } from './engine-watch.ts';
import { classifyEngineError, type Engine, type EngineProbe } from './engines/engine.ts';
import type { OfferBook } from './offers/offer-book.ts';
import { createCountingEngine, modelName } from './testing/counting-engine.ts';
import { startProvider } from './testing/start-provider.ts';

const crash = () => new AppError('ENGINE_CRASHED', { engine: 'test', reason: 'planned' });
const closers: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).reverse()) await close();
});

/** A watch over an engine that works or not, with the names of what is offered. */
function watchOver() {
  const state = { isGone: false, isBroken: false, changes: 0, offered: [] as string[] };
  const counting = createCountingEngine({
    before: async () => {
      if (state.isBroken) throw crash();
    },
  });
  const probe: EngineProbe = {
    ...counting.probe,
    models: [...counting.probe.models, { ...counting.probe.models[0]!, name: 'other' }],
  };
  const engine: Engine = {
    ...counting.engine,
    async probe() {
      if (state.isGone)
        throw new AppError('ENGINE_UNAVAILABLE', { engine: 'test', reason: 'gone' });
      return probe;
    },
  };
  const offers = {
    refresh(models: readonly { name: string }[]) {
      state.offered = models.map(({ name }) => name);
      return false;
    },
    list: () => state.offered,
  } as unknown as OfferBook;
  const watch = createEngineWatch(probe, {
    ...{ engine, offers, wanted: [], nowMs: Date.now },
    log: createLog({ name: 'test', level: 'silent' }),
    onChange() {
      state.changes += 1;
    },
  });
  closers.push(watch.stop);
  watch.start();
  return { watch, state, counts: counting.counts };
}

describe('an engine that crashes', () => {
  it('three times in a minute takes its model off sale, and one token brings it back', async () => {
    vi.useFakeTimers();
    const { watch, state, counts } = watchOver();
    expect(state.offered).toEqual([modelName, 'other']);
    watch.failed(crash(), modelName);
    watch.failed(crash(), modelName);
    expect(state.offered).toEqual([modelName, 'other']);
    watch.failed(crash(), modelName);
    expect(state.offered).toEqual(['other']);
    expect(watch.refusal('other')).toBeUndefined();
    const facts = { engine: 'embedded', reason: 'it crashed several times', retryAfterSeconds: 10 };
    expect(watch.refusal(modelName)).toEqual(refuse('ENGINE_UNAVAILABLE', facts));
    state.isBroken = true;
    await vi.advanceTimersByTimeAsync(breakerOptions.openMs);
    expect([counts.calls, state.offered]).toEqual([1, ['other']]);
    state.isBroken = false;
    await vi.advanceTimersByTimeAsync(breakerOptions.openMs * 2 - 1);
    expect(state.offered).toEqual(['other']);
    await vi.advanceTimersByTimeAsync(1);
    expect([counts.calls, state.offered]).toEqual([2, [modelName, 'other']]);
    expect(watch.refusal(modelName)).toBeUndefined();
  });

  it('is not blamed for requests that it refuses', () => {
    const { watch, state } = watchOver();
    const bad = new AppError('ENGINE_BAD_REQUEST', { engine: 'test', reason: 'too long' });
    expect(classifyEngineError(bad)).toBe('bad');
    for (let time = 0; time < 5; time += 1) watch.failed(bad, modelName);
    expect(state.offered).toEqual([modelName, 'other']);
  });
});

describe('an engine that is gone', () => {
  it('is noticed by the job that misses it, and sold again a second after it is back', async () => {
    vi.useFakeTimers();
    const { watch, state } = watchOver();
    state.isGone = true;
    watch.failed(new AppError('ENGINE_UNAVAILABLE', { engine: 'test', reason: 'gone' }), modelName);
    await vi.advanceTimersByTimeAsync(0);
    expect([state.offered, state.changes]).toEqual([[], 2]);
    state.isGone = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(state.offered).toEqual([modelName, 'other']);
  });
});

describe('a provider whose engine crashes', () => {
  it('stops selling the model after three paid jobs that failed', async () => {
    const test = await startProvider({
      script: {
        before: async () => {
          throw crash();
        },
      },
    });
    closers.push(test.stop);
    const offersOf = async () =>
      ((await (await fetch(`${test.url}/v1/offers`)).json()) as { offers: SignedOffer[] }).offers;
    const ask = async (key: string) => {
      const body = JSON.stringify({
        model: modelName,
        messages: [{ role: 'user', content: 'hi' }],
      });
      const headers = { 'payment-signature': test.buyer.header(body, { key }) };
      const init = { method: 'POST', body, headers };
      return (await fetch(`${test.url}/v1/chat/completions`, init)).status;
    };
    expect([await ask('a'), await ask('b'), await ask('c')]).toEqual([502, 502, 502]);
    await until(async () => (await offersOf()).length === 0);
    expect(await ask('d')).toBe(404);
    expect(test.counts.calls).toBe(3);
  });
});
