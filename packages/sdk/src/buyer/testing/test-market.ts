/** Buyers over a chain in memory and small honest sellers, for tests: what is sold, who buys, how it is read. */
import type { Clock } from '@aitbc/primitives';
import { AppError, dialectBodies, inferenceOf, offerIdOf } from '@aitbc/protocol';
import { type BuyerStore, createMemoryStore } from '../../books/store.ts';
import { type TestChain, testHotKey } from '../../node/testing/chain.ts';
import { type Seller, startSeller } from '../../node/testing/seller.ts';
import type { SellerOptions } from '../../node/testing/seller-types.ts';
import type { JobReport } from '../../offers/report-jobs.ts';
import { type Buyer, type BuyerOptions, createBuyer } from '../buyer.ts';
import type { BuyCall, JobEnd, JobMoved, RunningJob } from '../types.ts';

/** What every seller says. */
export const words = Array.from({ length: 30 }, (_, index) => `w${index} `);

/** Price of one whole answer: 7 for the request, 5 prompt tokens at 1, 30 output tokens at 10. */
export const wholePrice = 312n;

const options: BuyerOptions = {
  jobMax: 10_000_000n,
  dayMax: 1_000_000_000n,
  channelFund: 1_000_000n,
  vaultFund: 10_000_000n,
  allowPrivate: true,
};

/** A chat that is answered with all words. */
export function callOf(key: string, more: object = {}, signal?: AbortSignal): BuyCall {
  const json = { model: 'tiny', messages: [{ role: 'user', content: 'hello' }], ...more };
  const request = inferenceOf('openai', dialectBodies.openai.parse(json));
  return { request, idempotencyKey: key, signal };
}

/** An answer as its reader saw it. */
export interface Drained {
  readonly answer: string;
  readonly end: JobEnd | undefined;
  readonly moves: readonly JobMoved[];
  readonly error: unknown;
}

/** How an answer is read. */
export interface Draining {
  /** Return what ended the answer early instead of throwing it. */
  readonly isQuiet?: boolean;
  /** Wait so long after each event. */
  readonly pauseMs?: number;
}

/** Reads an answer to its end. */
export async function drain(
  { events }: RunningJob,
  { isQuiet = false, pauseMs }: Draining = {},
): Promise<Drained> {
  let answer = '';
  let end: JobEnd | undefined;
  let error: unknown;
  const moves: JobMoved[] = [];
  try {
    for await (const event of events) {
      if (event.type === 'text') answer += event.text;
      if (event.type === 'moved') moves.push(event);
      if (event.type === 'end') end = event.end;
      if (pauseMs) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  } catch (caught) {
    if (!isQuiet) throw caught;
    error = caught;
  }
  return { answer, end, moves, error };
}

/** How a test's buyer differs from the others. */
export interface BuyerWishes extends Partial<BuyerOptions> {
  readonly store?: BuyerStore;
  readonly reports?: JobReport[];
  readonly clock?: Clock;
  /** Called when the coordinator is asked for offers. */
  readonly onRoute?: () => void;
}

/** Sellers in their rank, and buyers. */
export interface TestMarket {
  readonly sellers: Seller[];
  sell(chain: TestChain, more?: Partial<SellerOptions>): Promise<Seller>;
  buy(chain: TestChain, more?: BuyerWishes): Promise<Buyer>;
  close(): Promise<void>;
}

/** An empty market. */
export function createTestMarket(): TestMarket {
  const sellers: Seller[] = [];
  const buyers: Buyer[] = [];
  let seed = 10;
  return {
    sellers,
    async sell(chain, more = {}) {
      const { network, channelOf } = chain;
      const base = { network, channelOf, seed, tokens: words, model: 'tiny' };
      seed += 1;
      const seller = await startSeller({ ...base, ...more });
      chain.register(seller.offer);
      sellers.push(seller);
      return seller;
    },
    async buy(chain, more = {}) {
      const { store = createMemoryStore(), reports = [], clock, onRoute, ...rest } = more;
      const { node, sender } = chain;
      const coordinator = coordinatorOf(chain, sellers, { reports, onRoute });
      const deps = { node, sender, coordinator, hotKey: testHotKey(), store, clock };
      const buyer = await createBuyer({ ...options, ...rest }, deps);
      buyers.push(buyer);
      return buyer;
    },
    async close() {
      await Promise.all(buyers.splice(0).map((buyer) => buyer.close()));
      await Promise.all(sellers.splice(0).map(({ server }) => server.close()));
      seed = 10;
    },
  };
}

interface Heard {
  readonly reports: JobReport[];
  readonly onRoute: (() => void) | undefined;
}

function coordinatorOf(chain: TestChain, sellers: readonly Seller[], { reports, onRoute }: Heard) {
  const measured = {
    firstTokenMsP50: null,
    firstTokenMsP90: null,
    tokensPerSecondP50: null,
    samples: 0,
  };
  return {
    async route() {
      onRoute?.();
      const offers = sellers.map(({ offer }, rank) => ({
        offerId: offerIdOf(chain.network, offer.payload),
        offer,
        rank,
        reason: 'price',
        measured,
        gauges: { running: 0, waiting: 0, slots: 1 },
      }));
      return { offers };
    },
    submitJob: () => Promise.reject(new AppError('NO_OFFER', {})),
    getJob: () => Promise.reject(new AppError('JOB_UNKNOWN', {})),
    report: async (report: JobReport) => {
      reports.push(report);
      return { accepted: true };
    },
  };
}
