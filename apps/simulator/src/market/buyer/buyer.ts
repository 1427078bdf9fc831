/**
 * A buyer of a market run: the shell of the gateway around the real books, the real check of receipts and the real
 * progress of an answer, over a disk that loses what was not synced. Promise, store, sign, send; go on elsewhere
 * when a provider fails; settle by receipts, asked for until they are there.
 */
import type { ChannelState, Hex } from '@aitbc/protocol';
import type { Book, BuyerChange, ChannelRow } from '@aitbc/sdk/books';
import type { Disk } from '../../engine/disk.ts';
import type { Random } from '../../engine/random.ts';
import type { Actor, World } from '../../engine/world.ts';
import { genesisTimeMs } from '../../whole/ground.ts';
import { type Commits, createCommits } from '../commits.ts';
import type { MarketGround, Party } from '../ground.ts';
import { type ChainLink, createChainLink } from '../ledger/chain-link.ts';
import type { MarketMessage } from '../messages.ts';
import type { Conduct } from '../rules.ts';
import type { MarketWatch } from '../watch.ts';
import type { Calls, Wish } from './call.ts';
import { createCalls } from './calls.ts';
import { createSettler, type Settler } from './settler.ts';
import { readBuyer } from './store.ts';

export interface BuyerParts {
  readonly world: World<MarketMessage>;
  readonly ground: MarketGround;
  readonly party: Party;
  readonly disk: Disk<BuyerChange>;
  readonly conduct: Conduct;
  readonly random: Random;
  readonly watch: MarketWatch;
  /** Bound of an ordinary hop, ms: what patience is counted in. */
  readonly hopMs: number;
  /** Counts the keys of calls across lives. */
  readonly nextKey: () => string;
}

/** A buyer that is up. */
export interface Buyer extends Actor<MarketMessage> {
  readonly book: Book;
  /** Begins a job; tells whether it was answered in full. */
  buy(wish: Wish): void;
  /** No more jobs, no more withdrawals. */
  rest(): void;
}

/** One life of a buyer. */
export interface Desk extends BuyerParts {
  readonly book: Book;
  readonly commits: Commits;
  readonly link: ChainLink;
  readonly calls: Calls;
  readonly settler: Settler;
  /** Channels with a withdrawal under way: no provider takes new work on them. */
  readonly closing: Set<Hex>;
  /** When money was last asked for, by channel. */
  readonly fundedAtMs: Map<string, number>;
  /** Writes a change, and does something when it is on the disk. */
  save(change: BuyerChange, done?: () => void): void;
}

const budget = { jobMax: 1_000_000n, dayMax: 1_000_000_000n };
const idleShare = 0.15;
/** Share of calls that a client repeats when its gateway is back. */
const repeatShare = 0.5;

/** Starts a buyer from its disk. */
export function startBuyer(parts: BuyerParts): Buyer {
  const { world, ground, party, disk, conduct } = parts;
  const { endpoint } = party;
  const nowMs = (): number => genesisTimeMs + world.nowUs() / 1000;
  const commits = createCommits(disk);
  const stored = readBuyer(disk);
  const link = createChainLink({
    world,
    ground,
    endpoint,
    random: parts.random,
    onChannel: (channel) => observe(desk, channel),
    onHeard: () => {},
  });
  const desk: Desk = {
    ...parts,
    book: conduct.rules.createBook(stored, budget, nowMs),
    commits,
    link,
    calls: createCalls(() => desk),
    closing: new Set(),
    fundedAtMs: new Map(),
    settler: createSettler(() => desk),
    save(change, done) {
      disk.write(change);
      if (!conduct.habits.waitsForDisk) done?.();
      else commits.written(done ?? (() => {}));
    },
  };
  link.start(parts.hopMs * 50);
  for (const call of desk.book.openCalls()) {
    desk.settler.resume(call);
    const isMoved = stored.calls.filter(({ jobId }) => jobId === call.jobId).length > 1;
    if (!isMoved && parts.random.chance(repeatShare)) desk.calls.repeat(call);
  }
  const life = { isResting: false };
  live(desk, life);
  return {
    book: desk.book,
    buy: (wish) => desk.calls.begin(wish),
    rest() {
      life.isResting = true;
    },
    receive(from, message) {
      if (message.type === 'news') link.hear(message);
      else if (message.type === 'receiptsOf') desk.settler.hear(from, message);
      else desk.calls.hear(from, message);
    },
  };
}

/** Jobs and now and then a withdrawal, until told to rest. */
function live(desk: Desk, life: { isResting: boolean }): void {
  const { world, party, random, hopMs, conduct } = desk;
  world.after(party.endpoint, hopMs * random.between(2, 60), () => {
    if (life.isResting) return;
    if (random.chance(conduct.habits.withdrawsAll ? 0.5 : idleShare)) withdraw(desk);
    else desk.calls.begin();
    live(desk, life);
  });
}

function observe({ book, save, closing, conduct }: Desk, channel: ChannelState): void {
  const { channelId, balance, withdrawAmount, withdrawDueMs, closed } = channel;
  const known = book.channel(channelId);
  if (!known) return;
  const leaving = conduct.habits.withdrawsAll ? 0n : withdrawAmount;
  if (withdrawDueMs > 0 && leaving > 0n) closing.add(channelId);
  else closing.delete(channelId);
  const status = closed ? 'closed' : known.status === 'opening' ? 'open' : known.status;
  const next: ChannelRow = { ...known, status, balance: balance - leaving };
  if (next.status === known.status && next.balance === known.balance) return;
  save(book.putChannel(next));
}

/** Takes money back that is not promised; a dishonest buyer takes all of it. */
function withdraw({ book, link, party, random, conduct }: Desk): void {
  const channels = book.channels().filter(({ status }) => status === 'open');
  if (channels.length === 0) return;
  const { channelId } = random.pick(channels);
  const room = book.room(channelId);
  const amount = conduct.habits.withdrawsAll ? 2n ** 60n : room / 2n;
  if (random.chance(0.5)) link.send(party.hotKey, 'withdraw_finalize', { channelId });
  else if (amount > 0n) link.send(party.person, 'withdraw_init', { channelId, amount });
}
