/**
 * What happens now, for everybody who looks: final blocks of the chain and stored events of the market.
 *
 *   IDLE ─first viewer→ FOLLOWING ─stop→ ENDED
 *
 * FOLLOWING holds the newest blocks and events in two rings and hands each of them on once. All viewers share
 * one subscription at the node and one reader of the event log, so a thousand of them cost the node what one does. Blocks are
 * handed on in groups twice a second: a busy chain makes more of them than anybody can look at one by one.
 *
 * A viewer that comes back names the last block and event it has seen and gets what is in the rings after them; one
 * that was away for longer begins anew. The rings are the only memory, so a viewer can never make the
 * coordinator read the past from disk.
 *
 * `finalMs` is what this machine saw: from the time in a block's header until the node told that it is final. It
 * contains the difference of two clocks where proposer and coordinator are two machines.
 */
import type { Clock } from '@aitbc/primitives';
import type { LiveBlock, MarketEvent } from '@aitbc/protocol';
import { createNodeClient, type NodeClient } from '@aitbc/sdk';
import type { Log } from '@aitbc/service';
import type { EventLog } from '../events/event-log.ts';
import { seqAt } from '../store/job-store.ts';

/** How far a viewer has come. */
export interface LiveCursor {
  readonly height: number;
  readonly seq: number;
}

/** Something new. */
export interface LiveNews {
  readonly blocks: readonly LiveBlock[];
  readonly events: readonly MarketEvent[];
  readonly cursor: LiveCursor;
}

/** The feed. */
export interface LiveFeed {
  /** What is known after a cursor, or all that is kept without one. Begins to follow at the first call. */
  since(cursor: LiveCursor | undefined): LiveNews;
  /** Calls back with each piece of news until the answer is called. */
  follow(onNews: (news: LiveNews) => void): () => void;
  stop(): Promise<void>;
}

/** What a feed is made with. */
export interface LiveFeedDeps {
  readonly nodeUrl: string;
  readonly events: Pick<EventLog, 'page'>;
  readonly clock: Clock;
  readonly log: Log;
  /** In place of the node at `nodeUrl`. */
  readonly node?: Pick<NodeClient, 'rpc' | 'subscribe' | 'close'>;
}

const roundMs = 500;
const blocksKept = 240;
const eventsKept = 500;
const pageSize = 100;
const pagesPerRound = 5;
const historyMs = 15 * 60_000;
const heardKept = 1_000;

/** A feed that follows nothing yet. */
export function createLiveFeed(deps: LiveFeedDeps): LiveFeed {
  const ring: { blocks: LiveBlock[]; events: MarketEvent[] } = { blocks: [], events: [] };
  const viewers = new Set<(news: LiveNews) => void>();
  const heard = new Map<number, number>();
  let node: LiveFeedDeps['node'];
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let newest = 0;
  let nextSeq = 0;

  const cursor = (): LiveCursor => ({
    height: ring.blocks.at(-1)?.height ?? 0,
    seq: ring.events.at(-1)?.seq ?? 0,
  });
  const round = async (): Promise<void> => {
    if (!node) return;
    const after = ring.blocks.at(-1)?.height ?? newest - blocksKept;
    const [blocks, events] = await Promise.all([
      newest > after ? readBlocks(node, { after, newest, heard }) : [],
      readEvents(deps.events, nextSeq),
    ]);
    nextSeq = events.at(-1)?.seq ?? nextSeq;
    if (blocks.length + events.length === 0) return;
    ring.blocks = [...ring.blocks, ...blocks].slice(-blocksKept);
    ring.events = [...ring.events, ...events].slice(-eventsKept);
    for (const tell of viewers) tell({ blocks, events, cursor: cursor() });
  };
  const tick = (): void => {
    running = round()
      .catch((error: unknown) => deps.log.debug({ err: error }, 'the live feed waits'))
      .then(() => {
        if (node) timer = setTimeout(tick, roundMs);
      });
  };
  const begin = (): void => {
    if (node) return;
    node = deps.node ?? createNodeClient({ url: deps.nodeUrl });
    nextSeq = seqAt(deps.clock.nowMs() - historyMs);
    node.subscribe('finalBlocks', ({ data }) => {
      const height = (data as { header?: { height?: unknown } }).header?.height;
      if (typeof height !== 'number') return;
      newest = Math.max(newest, height);
      heard.set(height, deps.clock.nowMs());
      if (heard.size > heardKept) heard.delete(heard.keys().next().value as number);
    });
    tick();
  };
  return {
    since(from) {
      begin();
      const { blocks, events } = ring;
      const isKnown = from && from.height >= (blocks[0]?.height ?? 0) - 1;
      if (!isKnown) return { blocks, events, cursor: cursor() };
      return {
        blocks: blocks.filter(({ height }) => height > from.height),
        events: events.filter(({ seq }) => seq > from.seq),
        cursor: cursor(),
      };
    },
    follow(onNews) {
      viewers.add(onNews);
      return () => void viewers.delete(onNews);
    },
    async stop() {
      const open = node;
      node = undefined;
      clearTimeout(timer);
      await running;
      await open?.close();
    },
  };
}

interface Wanted {
  /** Height of the last one that is known. */
  readonly after: number;
  readonly newest: number;
  /** When each height was heard of, ms. */
  readonly heard: ReadonlyMap<number, number>;
}

/** The blocks above a height, oldest first; of very many the newest. */
async function readBlocks(
  node: Pick<NodeClient, 'rpc'>,
  { after, newest, heard }: Wanted,
): Promise<LiveBlock[]> {
  const found: LiveBlock[] = [];
  const lowest = Math.max(after + 1, newest - blocksKept + 1, 1);
  for (let from: number | null = newest; from !== null && from >= lowest; ) {
    const limit = Math.min(pageSize, from - lowest + 1);
    const page: Awaited<ReturnType<NodeClient['rpc']['chain_listBlocks']>> =
      await node.rpc.chain_listBlocks({ from, limit });
    for (const { hash, header, txCount } of page.blocks) {
      const { height, timeMs, view, epoch, proposer } = header;
      const atMs = heard.get(height);
      const finalMs = atMs === undefined ? null : Math.max(0, atMs - timeMs);
      found.push({ height, hash, timeMs, view, epoch, proposer, txCount, finalMs });
    }
    from = page.next;
  }
  return found.filter(({ height }) => height >= lowest).reverse();
}

async function readEvents(events: Pick<EventLog, 'page'>, after: number): Promise<MarketEvent[]> {
  const found: MarketEvent[] = [];
  let next = after;
  for (let page = 0; page < pagesPerRound; page += 1) {
    const answer = await events.page({ after: next, limit: pageSize });
    found.push(...answer.events);
    next = answer.next;
    if (answer.events.length < pageSize) break;
  }
  return found;
}
