/**
 * What a seller would have earned: its price against the jobs that were really bought.
 *
 * A recorded job goes to the seller only when it would have by the price rule of the ranking: its step lies below the
 * steps of all other offers that stood when the job began; in one step with n others it is first in one of n + 1 (the
 * draw is a hash of job and seed). And its step never lies above that of the price that the buyer really paid: nobody
 * is assumed to pay more than they did. A job whose price is not on the tape, and a job that finds all own slots busy,
 * goes to others. So demand is as recorded and never invented.
 *
 * Own jobs take a slot for as long as they took in reality. They pay the price list in force, cost `costNait` per
 * million tokens, and every `claimEveryMs` a claim is paid for: its fee, and a fee for each channel that paid.
 *
 * Limits: speed, reputation and queues of others do not count; other sellers do not answer to the price.
 */
import { fullCharge, type Price } from '@aitbc/protocol';
import type { SellerDecision, SellerTrader } from './strategy.ts';
import type { TapeJob } from './tape.ts';
import { priceListAt, unitPriceOf } from './unit-price.ts';
import {
  boardOf,
  compareByPrice,
  type Made,
  othersOf,
  type Period,
  type Ranking,
  type RunResult,
  type Span,
  seenAt,
  type World,
} from './world.ts';

/** A seller and its costs. */
export interface SellerSetup {
  /** Prices at the beginning; their proportions stay. */
  readonly prices: Price;
  /** What a million tokens cost, nait. */
  readonly costNait: bigint;
  readonly slots: number;
  /** Address of the seller when it is on the tape: its own offers are no competition. */
  readonly self?: string | undefined;
  readonly fees: {
    readonly claimNait: bigint;
    readonly rowNait: bigint;
    readonly claimEveryMs: number;
  };
  readonly ranking?: Ranking;
  readonly seed: number;
}

/** Who decides at a bar; asked once for each. */
export type SellerAt = (at: number) => SellerTrader;

const tokensPerMTok = 1_000_000n;
const whole = 10_000n;

/** Runs a seller over a span. */
export function runSeller(
  world: World,
  setup: SellerSetup,
  { traderAt, knownMs = Number.POSITIVE_INFINITY, from, end }: SellerRunOptions,
): RunResult {
  const { byStart: jobs, barMs } = world;
  const board = boardOf(world, setup.self);
  const shop = createShop(setup, barMs);
  const result: { periods: Period[]; decisions: Made[] } = { periods: [], decisions: [] };
  let next = firstFrom(jobs, world.bars[from]?.startMs ?? 0);
  for (let at = from; at < end; at += 1) {
    const seen = seenAt(world, at);
    board.advance(seen.nowMs);
    const others = othersOf(board.prices);
    const decision = shop.ask(traderAt(at).decide({ ...seen, others, own: shop.own() }));
    result.decisions.push({ startMs: seen.nowMs, text: `${decision.price} ${decision.reason}` });
    for (let job = jobs[next]; job && job.startMs < seen.nowMs + barMs; job = jobs[next]) {
      next += 1;
      if (job.atMs >= knownMs) continue;
      board.advance(job.startMs);
      if (wins(job, shop.price(), { others: board.prices, ...setup })) shop.serve(job);
    }
    result.periods.push(shop.close(seen.nowMs));
  }
  return result;
}

interface SellerRunOptions extends Span {
  readonly traderAt: SellerAt;
  /** Jobs that were reported from then on do not count. */
  readonly knownMs?: number | undefined;
}

/** Number of the first job that began at or after a time. */
function firstFrom(jobs: readonly TapeJob[], fromMs: number): number {
  let [low, high] = [0, jobs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((jobs[middle] as TapeJob).startMs < fromMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Contest {
  readonly others: ReadonlyMap<string, bigint>;
  readonly ranking?: Ranking;
  readonly seed: number;
}

function wins(job: TapeJob, price: bigint, { others, ranking = 'steps', seed }: Contest): boolean {
  if (job.price === null || compareByPrice(price, job.price, ranking) > 0) return false;
  let equals = 0;
  for (const other of others.values()) {
    const place = compareByPrice(price, other, ranking);
    if (place > 0) return false;
    if (place === 0) equals += 1;
  }
  return equals === 0 || drawOf(job.jobId, seed) % (equals + 1) === 0;
}

/** FNV-1a over the id and the seed: the same job is drawn the same way in every run. */
function drawOf(jobId: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < jobId.length; at += 1) {
    hash = Math.imul(hash ^ jobId.charCodeAt(at), 0x01000193) >>> 0;
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}

function createShop(setup: SellerSetup, barMs: number) {
  const { prices, costNait, slots, fees } = setup;
  const firstPrice = unitPriceOf(prices);
  const busyUntilMs: number[] = new Array<number>(slots).fill(0);
  const owing = new Set<string>();
  let [price, list] = [firstPrice, prices];
  let [busyMs, busyBps, claimedMs] = [0, 0n, 0];
  let sums = { profitNait: 0n, turnoverNait: 0n, feesNait: 0n, jobs: 0, tokens: 0 };
  return {
    price: () => price,
    own: () => ({ price, firstPrice, cost: costNait, busyBps }),
    ask(decision: SellerDecision): SellerDecision {
      price = decision.price < 1n ? 1n : decision.price;
      list = price === firstPrice ? prices : priceListAt(prices, price);
      return { ...decision, price };
    },
    serve({ startMs, durationMs, promptTokens, outputTokens, channelId }: TapeJob): void {
      const slot = busyUntilMs.findIndex((untilMs) => untilMs <= startMs);
      if (slot < 0) return;
      busyUntilMs[slot] = startMs + durationMs;
      busyMs += durationMs;
      owing.add(channelId);
      const tokens = promptTokens + outputTokens;
      const charge = fullCharge(list, { promptTokens, outputTokens });
      sums.profitNait += charge - (BigInt(tokens) * costNait) / tokensPerMTok;
      sums.turnoverNait += charge;
      sums.jobs += 1;
      sums.tokens += tokens;
    },
    /** Ends a bar: claims when it is time, and answers what the bar brought. */
    close(startMs: number): Period {
      if (owing.size > 0 && startMs + barMs - claimedMs >= fees.claimEveryMs) {
        const fee = fees.claimNait + fees.rowNait * BigInt(owing.size);
        sums.feesNait += fee;
        sums.profitNait -= fee;
        owing.clear();
        claimedMs = startMs + barMs;
      }
      busyBps = (BigInt(Math.min(busyMs, slots * barMs)) * whole) / BigInt(slots * barMs);
      const period = { startMs, ...sums };
      busyMs = 0;
      sums = { profitNait: 0n, turnoverNait: 0n, feesNait: 0n, jobs: 0, tokens: 0 };
      return period;
    },
  };
}
