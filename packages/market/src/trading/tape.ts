/**
 * The market of one model as it was recorded: which offers stood when, and which jobs were sold.
 *
 * It is made of the events of a coordinator (docs/spec/market.md, "Events") and of nothing else, so two people with
 * the same events have the same tape, and its hash says so. Of an offer its unit price counts; of a provider with
 * several offers of the model the cheapest. A job is known from the moment its receipt was reported; it began so much
 * earlier as it took. Events are numbered when they are stored; they count in the order in which they happened.
 */
import { canonicalJson, type JsonValue, sha256Hex, utf8 } from '@aitbc/primitives';
import { amountOf, type EventFacts, type MarketEvent } from '@aitbc/protocol';
import { unitPriceOf } from './unit-price.ts';

/** A job that was sold. */
export interface TapeJob {
  readonly jobId: string;
  readonly provider: string;
  readonly channelId: string;
  /** When it began: the choice of its provider. */
  readonly startMs: number;
  /** When its receipt was reported. */
  readonly atMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** nait */
  readonly charged: bigint;
  /** Unit price of the offer it was bought at; null when that offer is not on the tape. */
  readonly price: bigint | null;
  readonly firstTokenMs: number;
  readonly durationMs: number;
}

/** From this moment on the provider asks this unit price; null: it offers the model no more. */
export interface Quote {
  readonly atMs: number;
  readonly provider: string;
  readonly price: bigint | null;
}

/** What was recorded of one model. */
export interface Tape {
  readonly model: string;
  readonly fromMs: number;
  /** Nothing at or after this time is on the tape. */
  readonly untilMs: number;
  /** In the order of their reports. */
  readonly jobs: readonly TapeJob[];
  /** In the order of time. */
  readonly quotes: readonly Quote[];
}

/** What of the events is wanted. */
export interface TapeOptions {
  readonly model: string;
  /** Jobs from before are left out, offers that still stand then are not. */
  readonly fromMs: number;
  readonly untilMs: number;
}

type OfferUp = Extract<EventFacts, { kind: 'offer_up' }>;
type Receipt = Extract<EventFacts, { kind: 'receipt' }>;

/** The tape of a model. Events of other models and kinds are passed over. */
export function tapeOf(events: Iterable<MarketEvent>, options: TapeOptions): Tape {
  const { model, fromMs, untilMs } = options;
  const board = createBoard();
  const jobs: TapeJob[] = [];
  for (const { atMs, provider, facts } of inOrderOfTime(events)) {
    if (atMs >= untilMs || ('model' in facts && facts.model !== model)) continue;
    if (facts.kind === 'offer_up') board.up(atMs, provider, facts);
    else if (facts.kind === 'offer_down') board.down(atMs, provider, facts.offerId);
    else if (facts.kind === 'provider_out') board.out(atMs, provider);
    else if (facts.kind === 'receipt' && atMs >= fromMs) {
      jobs.push(jobOf(facts, { atMs, provider, price: board.priceOf(facts.offerId) }));
    }
  }
  return { model, fromMs, untilMs, jobs, quotes: board.quotes };
}

function inOrderOfTime(events: Iterable<MarketEvent>): MarketEvent[] {
  return [...events].sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
}

function jobOf(facts: Receipt, known: Pick<TapeJob, 'atMs' | 'provider' | 'price'>): TapeJob {
  const { jobId, channelId, promptTokens, outputTokens, firstTokenMs, durationMs } = facts;
  const charged = amountOf(facts.charged);
  const times = { startMs: known.atMs - durationMs, firstTokenMs, durationMs };
  return { jobId, channelId, promptTokens, outputTokens, charged, ...times, ...known };
}

/** Offers as they go up and down; a provider's quote is its cheapest standing offer. */
function createBoard() {
  const quotes: Quote[] = [];
  const prices = new Map<string, bigint>();
  const standing = new Map<string, Set<string>>();
  const last = new Map<string, bigint | null>();
  const tell = (atMs: number, provider: string): void => {
    let price: bigint | null = null;
    for (const offerId of standing.get(provider) ?? []) {
      const own = prices.get(offerId) as bigint;
      if (price === null || own < price) price = own;
    }
    if (price === (last.get(provider) ?? null)) return;
    last.set(provider, price);
    quotes.push({ atMs, provider, price });
  };
  return {
    quotes,
    priceOf: (offerId: string) => prices.get(offerId) ?? null,
    up(atMs: number, provider: string, facts: OfferUp): void {
      const price = {
        inputPerMTok: amountOf(facts.inputPerMTok),
        outputPerMTok: amountOf(facts.outputPerMTok),
        perRequest: amountOf(facts.perRequest),
      };
      prices.set(facts.offerId, unitPriceOf(price));
      const offers = standing.get(provider) ?? new Set<string>();
      standing.set(provider, offers.add(facts.offerId));
      tell(atMs, provider);
    },
    down(atMs: number, provider: string, offerId: string): void {
      standing.get(provider)?.delete(offerId);
      tell(atMs, provider);
    },
    out(atMs: number, provider: string): void {
      standing.delete(provider);
      tell(atMs, provider);
    },
  };
}

/** SHA-256 of a tape, hex: the same events give the same hash, on any machine. */
export function tapeHashOf({ jobs, quotes, ...rest }: Tape): string {
  const document = {
    ...rest,
    jobs: jobs.map((job) => ({ ...job, charged: `${job.charged}`, price: textOf(job.price) })),
    quotes: quotes.map((quote) => ({ ...quote, price: textOf(quote.price) })),
  };
  return sha256Hex(utf8(canonicalJson(document as unknown as JsonValue)));
}

function textOf(price: bigint | null): string | null {
  return price === null ? null : `${price}`;
}

/** Who asks what at a moment that only moves forward. */
export interface QuoteBoard {
  /** Moves on to a time, quotes of that very moment included. */
  advance(toMs: number): void;
  /** Unit prices of all providers that offer the model, in no order. */
  readonly prices: ReadonlyMap<string, bigint>;
}

/** A board over the quotes of a tape, before the first one. `except` is left out. */
export function createQuoteBoard(quotes: readonly Quote[], except?: string): QuoteBoard {
  const prices = new Map<string, bigint>();
  let next = 0;
  return {
    prices,
    advance(toMs) {
      for (let quote = quotes[next]; quote && quote.atMs <= toMs; quote = quotes[next]) {
        next += 1;
        if (quote.provider === except) continue;
        if (quote.price === null) prices.delete(quote.provider);
        else prices.set(quote.provider, quote.price);
      }
    },
  };
}
