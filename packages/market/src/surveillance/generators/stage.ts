/** Where a run is written: accounts, coins, channels, offers and jobs, in any order; read as one stream in order of time. */
import { sha256Hex, utf8 } from '@aitbc/primitives';
import { addressOf, type Hex } from '@aitbc/protocol';
import type { WatchedEvent } from '../detector.ts';
import { createRandom, type Random } from './random.ts';

/** A seller of a run. */
export interface Seller {
  readonly address: string;
  readonly model: string;
  readonly slots: number;
  readonly tokensPerSecond: number;
  /** The newest price that was set, nait for a million output tokens; input costs a quarter. */
  price: number;
  /** All prices, in any order. */
  readonly asked: Asked[];
}

/** A price from a time on. */
interface Asked {
  readonly atMs: number;
  readonly price: number;
  readonly offerId: Hex;
}

/** A job of a run; what is left out is drawn. */
export interface Job {
  readonly payer: string;
  readonly seller: Seller;
  readonly promptTokens?: number;
  readonly outputTokens?: number;
  readonly tokensPerSecond?: number;
  /** Wait in the queue of the provider. */
  readonly queuedMs?: number;
  /** How much later than the job's end the buyer reports. */
  readonly reportedLaterMs?: number;
}

/** The stage of one run. */
export interface Stage {
  readonly random: Random;
  /** Beginning and length of the run. */
  readonly startMs: number;
  readonly lengthMs: number;
  /** An exchange that everybody gets coins from. */
  readonly exchange: string;
  /** A fresh address. */
  account(): string;
  /** A fresh id. */
  id(): Hex;
  add(atMs: number, event: Unplaced): void;
  transfer(atMs: number, coins: { from: string; to: string; ait: number }): void;
  /** An account with coins from the exchange. */
  funded(ait?: number): string;
  /** A seller that came on stage; funded by the exchange when no address is given. */
  seller(options: Partial<Omit<Seller, 'asked'>> & { readonly model: string }): Seller;
  /** Shows a price, and takes the one before back. */
  reprice(atMs: number, seller: Seller, price: number): void;
  /** The session ends and begins again; offers come back without having been taken away. */
  restart(atMs: number, seller: Seller): void;
  /** Ends at `endMs`, at the price of that time. */
  job(endMs: number, job: Job): void;
  /** A moment of the run, drawn between two shares of its length. */
  moment(from?: number, to?: number): number;
  /** All that was added, in order. */
  events(): WatchedEvent[];
}

type Unplaced = DistributedOmit<WatchedEvent, 'seq' | 'atMs'>;
type DistributedOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

const nait = 1_000_000_000;
const hourMs = 3_600_000;

/** Prices of the models of a run, nait for a million output tokens. */
export const basePrices: Readonly<Record<string, number>> = {
  'qwen3:8b': 150_000_000,
  'llama3:70b': 900_000_000,
  'gemma3:4b': 60_000_000,
};

/** An empty stage. */
export function createStage(seed: number): Stage {
  const random = createRandom(seed);
  const planned: Planned[] = [];
  const sellers: Seller[] = [];
  const channels = new Map<string, Hex>();
  let ids = 0;
  const id = (): Hex => {
    ids += 1;
    return sha256Hex(utf8(`${seed} ${ids}`));
  };
  const account = (): string => addressOf(id());
  const exchange = account();
  const plan = (atMs: number, make: () => Unplaced): void => {
    planned.push({ atMs: Math.round(atMs), order: planned.length, make });
  };
  const stage: Stage = {
    ...{ random, exchange, account, id, startMs, lengthMs },
    add: (atMs, event) => plan(atMs, () => event),
    transfer(atMs, { from, to, ait }) {
      const amount = `${Math.round(ait * nait)}`;
      stage.add(atMs, { txId: id(), facts: { kind: 'transfer', from, to, amount } });
    },
    funded(ait = 100) {
      const to = account();
      stage.transfer(startMs - hourMs + ids, { from: exchange, to, ait });
      return to;
    },
    seller(given) {
      const seller = drawSeller(stage, given);
      sellers.push(seller);
      const { address: provider, slots } = seller;
      stage.add(openMs, { provider, facts: { kind: 'provider_in', endpoint } });
      stage.add(openMs + 5_000, { provider, facts: { kind: 'capacity', slots } });
      return seller;
    },
    reprice(atMs, seller, price) {
      seller.price = Math.round(price);
      seller.asked.push({ atMs: Math.round(atMs), price: seller.price, offerId: id() });
    },
    restart(atMs, seller) {
      const { address: provider } = seller;
      stage.add(atMs, { provider, facts: { kind: 'provider_out', heldMs: 600_000 } });
      stage.add(atMs + 4_000, { provider, facts: { kind: 'provider_in', endpoint } });
      plan(atMs + 4_200, () => offerOf(seller, askedAt(seller, atMs)));
    },
    job(endMs, job) {
      const { payer, seller } = job;
      const key = `${payer} ${seller.address}`;
      const channelId = channels.get(key) ?? id();
      if (!channels.has(key)) {
        channels.set(key, channelId);
        const parties = { payer, receiver: seller.address, amount: `${20 * nait}` };
        const facts = { kind: 'channel' as const, channelId, ...parties };
        stage.add(openMs + 30_000, { txId: id(), facts });
      }
      const drawn = drawJob(stage, job);
      const later = 300 + (job.reportedLaterMs ?? 0);
      const jobId = id();
      plan(endMs + later, () => receiptOf(drawn, { jobId, channelId, endMs }));
    },
    moment: (from = 0.05, to = 0.95) => startMs + random.between(from, to) * lengthMs,
    events: () => placed([...planned, ...sellers.flatMap(offersOf)]),
  };
  return stage;
}

interface Planned {
  readonly atMs: number;
  readonly order: number;
  readonly make: () => Unplaced;
}

const startMs = 1_700_000_000_000;
const lengthMs = 8 * hourMs;
/** Sellers open a minute before the run. */
const openMs = startMs - 60_000;
const endpoint = 'https://p.example';

function placed(planned: Planned[]): WatchedEvent[] {
  planned.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
  return planned.map(({ atMs, make }, at) => ({ seq: at + 1, atMs, ...make() }) as WatchedEvent);
}

function drawSeller(
  { random, ...stage }: Stage,
  given: Partial<Seller> & { readonly model: string },
): Seller {
  const base = basePrices[given.model] ?? 100_000_000;
  const price = Math.round(given.price ?? base * random.between(0.85, 1.2));
  return {
    address: given.address ?? stage.funded(),
    model: given.model,
    slots: given.slots ?? random.whole(2, 8),
    tokensPerSecond: given.tokensPerSecond ?? random.between(25, 90),
    price,
    asked: [{ atMs: openMs + 6_000, price, offerId: stage.id() }],
  };
}

/** Prices of a seller as events: each new one is shown, then the one before is taken back. */
function offersOf(seller: Seller): Planned[] {
  const asked = seller.asked.sort((a, b) => a.atMs - b.atMs);
  return asked.flatMap((one, at) => {
    const up = { atMs: one.atMs, order: 0, make: () => offerOf(seller, one) };
    const before = asked[at - 1];
    if (!before) return [up];
    const { address: provider, model } = seller;
    const facts = { kind: 'offer_down' as const, offerId: before.offerId, model };
    return [up, { atMs: one.atMs, order: 1, make: () => ({ provider, facts }) }];
  });
}

function offerOf({ address: provider, model }: Seller, { offerId, price }: Asked): Unplaced {
  const terms = { model, digest: `sha256:${model}`, quantization: 'Q4_K_M', perRequest: '0' };
  const prices = { inputPerMTok: `${Math.round(price / 4)}`, outputPerMTok: `${price}` };
  return { provider, facts: { kind: 'offer_up', offerId, ...terms, ...prices } };
}

function askedAt({ asked }: Seller, atMs: number): Asked {
  const before = asked.filter((one) => one.atMs <= atMs);
  const newest = (before.length > 0 ? before : asked).reduce((a, b) => (b.atMs > a.atMs ? b : a));
  return newest;
}

function drawJob({ random }: Stage, job: Job) {
  const { seller, queuedMs = 0 } = job;
  const promptTokens = job.promptTokens ?? Math.round(random.scaled(20, 2_000));
  const outputTokens = job.outputTokens ?? Math.round(random.scaled(20, 600));
  const rate = job.tokensPerSecond ?? seller.tokensPerSecond * random.between(0.8, 1.1);
  const firstTokenMs = Math.round(queuedMs + random.between(80, 600) + promptTokens / 4);
  const durationMs = firstTokenMs + Math.round(((outputTokens - 1) * 1_000) / rate);
  return { seller, promptTokens, outputTokens, firstTokenMs, durationMs };
}

function receiptOf(
  { seller, promptTokens, outputTokens, ...times }: ReturnType<typeof drawJob>,
  { endMs, ...ids }: { jobId: Hex; channelId: Hex; endMs: number },
): Unplaced {
  const { address: provider, model } = seller;
  const { offerId, price } = askedAt(seller, endMs - times.durationMs);
  const charged = `${Math.round(((promptTokens / 4 + outputTokens) * price) / 1_000_000)}`;
  const receiptAtMs = Math.round(endMs);
  const sold = { ...ids, offerId, model, promptTokens, outputTokens, charged };
  return {
    provider,
    facts: { kind: 'receipt', ...sold, outcome: 'complete', ...times, receiptAtMs },
  };
}
