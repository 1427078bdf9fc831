import { createManualClock } from '@aitbc/primitives';
import { AppError, type MarketEvent } from '@aitbc/protocol';
import type { NodeClient, NotificationHandler } from '@aitbc/sdk';
import { createLog, until } from '@aitbc/service';
import { afterEach, expect, it } from 'vitest';
import { seqAt } from '../store/job-store.ts';
import { createLiveFeed, type LiveFeed, type LiveNews } from './live-feed.ts';

const startMs = 1_700_000_000_000;
let feed: LiveFeed | undefined;
afterEach(() => feed?.stop());

/** A node whose blocks are one second apart, and a log of events, both as the test says. */
function createScene() {
  const clock = createManualClock(startMs);
  const events: MarketEvent[] = [];
  const scene = { isUp: true, tell: undefined as NotificationHandler | undefined, listed: 0 };
  const header = (height: number) => ({
    ...{ height, timeMs: startMs + height * 1_000, view: height, epoch: 0 },
    proposer: 'aa',
  });
  const node = {
    rpc: {
      async chain_listBlocks({ from = 0, limit = 20 }) {
        scene.listed += 1;
        if (!scene.isUp) throw new AppError('UNAVAILABLE', { what: 'node', reason: 'down' });
        const heights = Array.from({ length: limit }, (_, at) => from - at).filter((at) => at >= 0);
        const blocks = heights.map((height) => ({
          ...{ hash: `h${height}`, header: header(height), txCount: height % 3 },
        }));
        return { blocks, next: from - limit >= 0 ? from - limit : null };
      },
    },
    subscribe(_topic: string, handler: NotificationHandler) {
      scene.tell = handler;
      return { cursor: () => undefined, close: () => {} };
    },
    close: async () => {},
  } as unknown as NodeClient;
  const page = async ({ after = 0, limit = 100 }) => {
    const found = events.filter(({ seq }) => seq > after).slice(0, limit);
    return { events: found, next: found.at(-1)?.seq ?? after };
  };
  const log = createLog({ name: 'coordinator', level: 'silent' });
  feed = createLiveFeed({ nodeUrl: '', events: { page }, clock, log, node });
  return {
    ...{ feed, clock, events, scene },
    /** A block becomes final so long after its time. */
    finish(height: number, afterMs: number) {
      clock.advance(startMs + height * 1_000 + afterMs - clock.nowMs());
      scene.tell?.({ topic: 'finalBlocks', cursor: '', data: { header: header(height) } });
    },
  };
}

const event = (atMs: number): MarketEvent =>
  ({ seq: seqAt(atMs), atMs, provider: 'p', facts: { kind: 'provider_out', heldMs: 1 } }) as never;

it('tells each block and each event once, with its time to finality', async () => {
  const { feed: live, events, finish } = createScene();
  const news: LiveNews[] = [];
  expect(live.since(undefined)).toMatchObject({ blocks: [], events: [] });
  live.follow((one) => void news.push(one));
  finish(300, 40);
  events.push(event(startMs));
  await until(() => news.flatMap(({ events: all }) => all).length === 1);
  finish(301, 65);
  finish(302, 20);
  await until(() => news.at(-1)?.cursor.height === 302);
  const blocks = news.flatMap((one) => one.blocks);
  const heights = blocks.map(({ height }) => height);
  expect(heights).toEqual([...new Set(heights)].sort((a, b) => a - b));
  expect(heights.at(0)).toBe(61); // not more than the ring holds
  expect(blocks.slice(-3).map(({ finalMs }) => finalMs)).toEqual([40, 65, 20]);
  expect(blocks.at(0)?.finalMs).toBeNull();
});

it('goes on behind a cursor, and begins anew for one that is too old', async () => {
  const { feed: live, events, finish } = createScene();
  live.since(undefined);
  events.push(event(startMs), event(startMs + 5));
  finish(500, 10);
  await until(() => live.since(undefined).cursor.height === 500);
  const from = { height: 498, seq: seqAt(startMs) };
  const { blocks, events: later } = live.since(from);
  expect(blocks.map(({ height }) => height)).toEqual([499, 500]);
  expect(later).toHaveLength(1);
  expect(live.since({ height: 3, seq: 0 }).blocks).toHaveLength(240);
});

it('waits for a node that is away and misses nothing when it is back', async () => {
  const { feed: live, finish, scene } = createScene();
  live.since(undefined);
  scene.isUp = false;
  finish(10, 5);
  await until(() => scene.listed > 0);
  expect(live.since(undefined).blocks).toEqual([]);
  scene.isUp = true;
  await until(() => live.since(undefined).cursor.height === 10);
});
