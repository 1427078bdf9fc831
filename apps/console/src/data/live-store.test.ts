import type { LiveBlock, MarketEvent } from '@aitbc/protocol';
import { expect, it } from 'vitest';
import { createLiveStore } from './live-store.ts';

/** A connection that says what the test says. */
class FakeSource extends EventTarget {
  readonly CLOSED = 2;
  readyState = 1;
  isClosed = false;

  say(name: string, value: unknown): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(value) }));
  }

  close(): void {
    this.isClosed = true;
  }
}

const block = (height: number) => ({ height }) as LiveBlock;
const event = (seq: number) => ({ seq }) as MarketEvent;

function startStore() {
  const source = new FakeSource();
  const store = createLiveStore(() => source as unknown as EventSource);
  let told = 0;
  store.subscribe(() => {
    told += 1;
  });
  store.start();
  return { source, store, told: () => told };
}

it('takes each block and each event once, also after a lost connection', () => {
  const { source, store } = startStore();
  source.dispatchEvent(new Event('open'));
  source.say('blocks', [block(1), block(2)]);
  source.say('market', [event(7)]);
  source.dispatchEvent(new Event('error'));
  expect(store.get().status).toBe('lost');
  source.dispatchEvent(new Event('open'));
  source.say('blocks', [block(2), block(3)]);
  source.say('market', [event(7), event(9)]);
  expect(store.get().status).toBe('live');
  expect(store.get().blocks.map(({ height }) => height)).toEqual([1, 2, 3]);
  expect(store.get().events.map(({ seq }) => seq)).toEqual([7, 9]);
});

it('keeps a bounded number and says nothing when nothing is new', () => {
  const { source, store, told } = startStore();
  source.say(
    'blocks',
    Array.from({ length: 1_000 }, (_, at) => block(at)),
  );
  expect(store.get().blocks).toHaveLength(240);
  expect(store.get().blocks.at(-1)?.height).toBe(999);
  const before = told();
  source.say('blocks', []);
  expect(told()).toBe(before);
  store.stop();
  expect(source.isClosed).toBe(true);
});
