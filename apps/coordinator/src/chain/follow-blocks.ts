/**
 * Follows the final blocks of the node and hands them to the parts that keep an index of the chain.
 *
 * Each consumer has a name and a durable cursor: the height and hash of the last block it has done. A block comes
 * in order, and at least once: the cursor is stored after a page of blocks, so the blocks of a page that was not
 * finished come again after a crash, and a consumer has to write so that twice is the same as once. Coordinators
 * that share a database each follow on their own; the stored cursor only grows.
 *
 * The node pokes; without a poke the follower looks every two seconds. A consumer that is far behind gets at most
 * one page every `pageEveryMs`, so that catching up leaves time for buyers. A consumer that fails is tried again from
 * the same block and holds up nobody else. Blocks are read once for all who are at the same place.
 *
 * A node that was started from a snapshot has no old blocks: the consumer goes on with the first one there is and
 * is told of the gap. Final blocks do not change, so a block that does not follow the last one is another chain: the
 * follower stops there, and the watch of the chain (chain-link.ts) ends the process.
 *
 * Rejected: one cursor for all (a new consumer could not read the past), blocks through the subscription alone
 * (it forgets while nobody listens).
 */
import { asAppError, type Hex } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import { shared } from './audit-chain.ts';
import { type BlockHead, type BlockSource, type FinalBlock, headsMax } from './block-source.ts';

/** The last block a consumer has done. */
export interface BlockCursor {
  readonly height: number;
  readonly hash: Hex;
}

/** Where cursors are kept. */
export interface CursorRows {
  get(consumer: string): Promise<BlockCursor | undefined>;
  /** Keeps the higher one of the stored cursor and this one. */
  put(consumer: string, cursor: BlockCursor): Promise<void>;
}

/** Somebody who wants to see every final block. */
export interface BlockConsumer {
  /** Name of its cursor; never changed, because a new name begins with the first block. */
  readonly name: string;
  /** Does the block. Must be idempotent; what it throws is logged and the block comes again. */
  onBlock(block: FinalBlock): Promise<void>;
  /** These blocks are not to be had: heights from and to, both included. */
  onGap?(gap: { readonly from: number; readonly to: number }): Promise<void>;
}

/** The follower. */
export interface BlockFollower {
  /** Adds a consumer; before `start`. */
  listen(consumer: BlockConsumer): void;
  start(): void;
  /** Ends when the page that is being done has ended. */
  stop(): Promise<void>;
  /** Does all blocks there are now; for tests and for who cannot wait for the next poke. Never throws. */
  round(): Promise<void>;
}

/** What a follower is made with. */
export interface BlockFollowerDeps {
  readonly source: BlockSource;
  readonly cursors: CursorRows;
  readonly log: Log;
  /** False while the node is away or not known to be on our chain: then nothing is read. */
  isUp(): boolean;
}

const lookEveryMs = 2_000;
const pageEveryMs = 20;
const blocksKept = 16; // a large one is several MiB
const firstHeight = 1; // the genesis block has no transactions

interface Follow {
  readonly consumer: BlockConsumer;
  cursor: BlockCursor | undefined;
  /** There may be blocks that the run has not seen. */
  isPoked: boolean;
  running: Promise<void> | undefined;
  isFailing: boolean;
}

/** A follower without consumers. */
export function createBlockFollower(deps: BlockFollowerDeps): BlockFollower {
  const { source } = deps;
  const follows: Follow[] = [];
  const ending = new AbortController();
  const look = { readBlock: createBlockReader(source), ending: ending.signal };
  const height = shared(() => source.height());
  let timer: NodeJS.Timeout | undefined;
  let forget = (): void => {};

  /** Each consumer runs on its own, so that one that is far behind holds up nobody. */
  const run = async (follow: Follow): Promise<void> => {
    while (follow.isPoked && !ending.signal.aborted) {
      follow.isPoked = false;
      if (deps.isUp()) await catchUp(deps, follow, { ...look, height });
    }
    follow.running = undefined;
  };
  const poke = (follow: Follow): Promise<void> => {
    follow.isPoked = true;
    follow.running ??= Promise.resolve().then(() => run(follow));
    return follow.running;
  };
  const pokeAll = (): void => {
    for (const follow of follows) void poke(follow);
  };
  return {
    listen(consumer) {
      follows.push({
        ...{ consumer, cursor: undefined, isPoked: false, running: undefined, isFailing: false },
      });
    },
    start() {
      if (follows.length === 0) return;
      forget = source.onFinal(pokeAll);
      timer = setInterval(pokeAll, lookEveryMs);
      pokeAll();
    },
    async stop() {
      forget();
      clearInterval(timer);
      ending.abort();
      await Promise.all(follows.map(({ running }) => running));
    },
    async round() {
      await Promise.all(follows.map(poke));
    },
  };
}

interface Look {
  readonly ending: AbortSignal;
  /** Height of the newest block. */
  height(): Promise<number>;
  readBlock(head: BlockHead): Promise<FinalBlock>;
}

/** Brings one consumer up to the head. Never throws. */
async function catchUp(deps: BlockFollowerDeps, follow: Follow, look: Look): Promise<void> {
  const { name } = follow.consumer;
  try {
    follow.cursor ??= await deps.cursors.get(name);
    const head = await look.height();
    for (;;) {
      const from = (follow.cursor?.height ?? firstHeight - 1) + 1;
      if (from > head || look.ending.aborted) break;
      const limit = Math.min(headsMax, head - from + 1);
      const heads = await deps.source.heads(from, limit);
      if (!(await doPage(deps, follow, { ...look, from, to: from + limit - 1, heads }))) return;
      if (follow.cursor && follow.cursor.height < head) await pause(pageEveryMs, look.ending);
    }
    follow.isFailing = false;
  } catch (error) {
    const { code, message } = asAppError(error);
    if (!follow.isFailing) {
      deps.log.warn({ consumer: name, code, reason: message }, 'a block was not done');
    }
    follow.isFailing = true;
  }
}

interface Page extends Look {
  readonly from: number;
  readonly to: number;
  readonly heads: readonly BlockHead[];
}

/** Does the blocks of a page and keeps how far it came; false when nothing more can be done now. */
async function doPage(
  { cursors, log }: BlockFollowerDeps,
  follow: Follow,
  { from, to, heads, readBlock, ending }: Page,
): Promise<boolean> {
  const { consumer } = follow;
  const first = heads[0]?.height ?? to + 1;
  if (first > from) {
    log.warn({ consumer: consumer.name, from, to: first - 1 }, 'the node does not have old blocks');
    await consumer.onGap?.({ from, to: first - 1 });
  }
  const before = follow.cursor;
  let done = heads.length === 0 ? { height: to, hash: '' } : before;
  try {
    for (const head of heads) {
      if (ending.aborted) return false;
      if (!followsOn(done, head)) {
        log.error({ height: head.height }, 'the node shows another chain than before');
        return false;
      }
      await consumer.onBlock(await readBlock(head));
      done = { height: head.height, hash: head.hash };
    }
    return true;
  } finally {
    follow.cursor = done;
    if (done && done !== before) await cursors.put(consumer.name, done);
  }
}

function followsOn(done: BlockCursor | undefined, head: BlockHead): boolean {
  if (done === undefined || done.height !== head.height - 1 || done.hash === '') return true;
  return done.hash === head.parent;
}

/** Reads the transactions of a block once for all who are at the same place. */
function createBlockReader(source: BlockSource): (head: BlockHead) => Promise<FinalBlock> {
  const kept = new Map<string, Promise<FinalBlock>>();
  return ({ txCount, ...head }) => {
    if (txCount === 0) return Promise.resolve({ ...head, txs: [] });
    const known = kept.get(head.hash);
    if (known) return known;
    const block = source.txs(head.height).then((txs) => ({ ...head, txs }));
    block.catch(() => kept.delete(head.hash));
    kept.set(head.hash, block);
    const [oldest] = kept.keys();
    if (kept.size > blocksKept && oldest !== undefined) kept.delete(oldest);
    return block;
  };
}

/** Waits, or returns early when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
