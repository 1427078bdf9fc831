/**
 * What a provider is told about a decision: the one factor that decided, the figures, a short sentence.
 *
 * Figures are those at the time of the decision. Compared with the winner, not with the next in rank:
 * a provider wants to know what would have won. Public things only: prices, gauges and measured
 * figures stand in the list of offers too; who the buyer was and who won is not told.
 */
import type { Exclusion } from './filter-offers.ts';
import type { Listing } from './listing.ts';
import { decidingFactor, type Placed, type Ranking, type RankReason } from './rank-offers.ts';

/** Why an offer had its rank, or had none. */
export type DecisionFactor = RankReason | Exclusion | 'won';

/** One decision as one provider sees it. */
export interface DecisionLine {
  readonly provider: string;
  readonly model: string;
  readonly offerId: string;
  /** 0 is the winner; null: left out, or behind all that were looked at. */
  readonly rank: number | null;
  /** Offers that were looked at and fitted. */
  readonly candidates: number;
  readonly factor: DecisionFactor;
  /** Figures of this provider and of the winner, in the unit of the factor. */
  readonly own: number | null;
  readonly best: number | null;
}

/** Lines of a ranking, one for each listing that was looked at. */
export function linesOf({ looked, leftOut }: Ranking): DecisionLine[] {
  const winner = looked[0];
  const candidates = looked.length;
  const lines: DecisionLine[] = [];
  for (let rank = 0; rank < looked.length; rank += 1) {
    const placed = looked[rank] as Placed;
    const factor = rank === 0 || !winner ? 'won' : decidingFactor(winner, placed);
    lines.push(lineOf(placed.listing, factor, { winner, rank, candidates }));
  }
  for (const { listing, exclusion } of leftOut) {
    lines.push(lineOf(listing, exclusion, { winner, rank: null, candidates }));
  }
  return lines;
}

/** Line of a listing that fits but stood behind all that were looked at. */
export function lineBehind({ looked }: Ranking, listing: Listing): DecisionLine | undefined {
  const winner = looked[0];
  if (!winner || looked.some((placed) => placed.listing === listing)) return undefined;
  const { model, sort } = winner;
  const factor = decidingFactor(winner, { listing, model, sort, by: 'rank' });
  return lineOf(listing, factor, { winner, rank: null, candidates: looked.length });
}

interface LinePlace {
  readonly winner: Placed | undefined;
  readonly rank: number | null;
  readonly candidates: number;
}

function lineOf(
  listing: Listing,
  factor: DecisionFactor,
  { winner, rank, candidates }: LinePlace,
): DecisionLine {
  const { provider, model, offerId } = listing.entry;
  const figure = winner && factor !== 'won' ? figures[factor] : undefined;
  const own = figure ? figure(listing) : null;
  const best = figure && winner ? figure(winner.listing) : null;
  return { provider, model, offerId, rank, candidates, factor, own, best };
}

const figures: Partial<Record<DecisionFactor, (listing: Listing) => number | null>> = {
  price: ({ entry }) => Number(entry.referencePrice),
  latency: ({ measured }) => measured.firstTokenMsP50,
  throughput: ({ measured }) => measured.tokensPerSecondP50,
  queue: ({ seat }) => seat.gauges.running + seat.gauges.waiting,
  reputation: ({ seat }) => seat.reputation,
  newcomer: ({ measured }) => measured.samples,
};

/** The sentence of a line. */
export function decisionText({ factor, own, best, rank }: Omit<DecisionLine, 'provider'>): string {
  if (factor === 'won') return 'ranked first';
  const text = own !== null && best !== null ? comparison(factor, own, best) : undefined;
  const known = text ?? sentences[factor] ?? factor;
  return rank === null && best !== null ? `${known}; behind all that were looked at` : known;
}

function comparison(factor: DecisionFactor, own: number, best: number): string | undefined {
  if (factor === 'price') return priceText(own, best);
  if (factor === 'latency') {
    return `first token after ${Math.round(own)} ms, the winner's after ${Math.round(best)} ms`;
  }
  if (factor === 'throughput') {
    return `${own.toFixed(1)} tokens/s, the winner gives ${best.toFixed(1)}`;
  }
  if (factor === 'queue') {
    return own > best ? `queue ${own - best} ahead of the winner's` : sentences.queue;
  }
  if (factor === 'reputation') return `reputation ${own} of 1000, the winner has ${best}`;
  if (factor === 'newcomer') {
    return own === 0
      ? 'no receipt yet: new provider share used up'
      : `only ${own} of 3 receipts yet: new provider share used up`;
  }
  return undefined;
}

function priceText(own: number, best: number): string {
  if (best === 0) return 'the winner asks nothing';
  const percent = (own / best - 1) * 100;
  if (percent <= 0) return 'price';
  return `price ${percent < 1 ? 'less than 1' : Math.round(percent)} % above the winner`;
}

const sentences: Partial<Record<DecisionFactor, string>> = {
  model: 'the buyer named another model first',
  order: 'the buyer named another provider first',
  preference: 'slower than the buyer prefers, or not measured yet',
  exploration: 'a new provider had its turn',
  tie: 'equal to the winner, whose turn it was',
  queue: "fewer slots for its queue than the winner's",
  latency: 'no measured first-token time yet',
  throughput: 'no measured speed yet',
  only: 'the buyer asked for other providers only',
  ignore: 'the buyer leaves this provider out',
  quantizations: 'the buyer asked for another quantization',
  max_price: "above the buyer's highest price",
  context: 'context shorter than asked for',
  output: 'longest answer shorter than asked for',
  serves: 'does not do this kind of job',
  resume: 'cannot continue answers',
  verifiable: 'its answers cannot be audited, or an audit speaks against it',
  validity: 'the offer had run out or was not valid yet',
  lease: 'silent for two heartbeats',
};
