/**
 * Coordinated undercutting: the same providers drop the price of the same weights to the same price in the same moment, and
 * do so again. It drives others out, or sets a price that nobody found.
 *
 * A drop is a new price at least `dropPercent` below the seller's own price before. Drops of at least `sellersMin`
 * sellers within `togetherMs`, at prices within `samePercent`, are a round. `roundsMin` rounds of the same
 * sellers within `windowMs` are an alert. One sale, and robots that follow a leader some seconds or minutes
 * later, each at its own pace, are none.
 */
import type { ThresholdValues } from '@aitbc/protocol';
import { createBounded, pushBounded } from '../bounded.ts';
import { createReporter, type Detector, noAlerts, savedPart } from '../detector.ts';
import { createOfferBook, type Seller } from '../offer-book.ts';
import { isKind } from '../receipt-event.ts';

interface Drop {
  provider: string;
  /** Events of the price before and of the new one. */
  seqs: [number, number];
  atMs: number;
  priceNait: number;
}

interface Round {
  atMs: number;
  drops: Drop[];
}

interface Model {
  drops: Drop[];
  rounds: Round[];
}

const dropsKept = 24;
const roundsKept = 8;
const modelsKept = 512;

const thresholds = {
  dropPercent: { value: 20, unit: '%', about: 'below the own price before' },
  togetherMs: { value: 5_000, unit: 'ms', about: 'between the first and the last of a round' },
  samePercent: { value: 1, unit: '%', about: 'between the prices of a round' },
  sellersMin: { value: 3, unit: 'providers', about: 'in every round' },
  roundsMin: { value: 2, unit: 'rounds', about: 'of the same sellers' },
  windowMs: { value: 86_400_000, unit: 'ms', about: 'rounds that count' },
} as const;

/** Finds sellers that move as one. */
export const coordinatedUndercutting: Detector = {
  name: 'coordinated-undercutting',
  about: 'The same providers drop to the same price in the same moment, more than once',
  watches: ['offer_up'],
  thresholds,
  create(limits, options = {}) {
    const { dropPercent = 0, sellersMin = 0, roundsMin = 0, windowMs = 0, togetherMs = 0 } = limits;
    const reporter = createReporter('coordinated-undercutting', limits, options);
    const book = createOfferBook(savedPart(options.saved, 'book'));
    const models = createBounded<Model>(modelsKept, savedPart(options.saved, 'models'));

    const judge = (atMs: number, { rounds }: Model) => {
      const recent = rounds.filter((round) => atMs - round.atMs <= windowMs);
      const newest = recent.at(-1);
      const same = newest && alwaysIn(recent, newest, { sellersMin, roundsMin });
      if (!same) return noAlerts;
      const { sellers, rounds: together } = same;
      const drops = together.flatMap((one) =>
        one.drops.filter((d) => sellers.includes(d.provider)),
      );
      return reporter.say(atMs, {
        level: 'medium',
        confidence: 80,
        subjects: sellers.map((address) => ({ role: 'provider' as const, address })),
        text: `${sellers.length} providers dropped to the same price within ${togetherMs / 1_000} s, ${together.length} times`,
        events: drops.flatMap(({ seqs }) => seqs),
      });
    };
    return {
      take(event) {
        const found = isKind(event, 'offer_up') ? book.take(event) : undefined;
        const drop = found && dropOf(found.seller, event.seq, dropPercent);
        if (!found || !drop) return noAlerts;
        const model = models.open(found.digest, () => ({ drops: [], rounds: [] }));
        pushBounded(model.drops, drop, dropsKept);
        const round = roundOf(model.drops, drop, limits);
        if (round.drops.length < sellersMin) return noAlerts;
        putRound(model.rounds, round, togetherMs);
        return judge(event.atMs, model);
      },
      save: () => ({ said: reporter.save(), book: book.save(), models: models.save() }),
    };
  },
};

/** The drop that the newest price of a seller is, if it is one. */
function dropOf({ provider, now, was }: Seller, seq: number, percent: number): Drop | undefined {
  if (now.seq !== seq || !was) return undefined;
  if (now.priceNait * 100 > (100 - percent) * was.priceNait) return undefined;
  return { provider, seqs: [was.seq, seq], atMs: now.atMs, priceNait: now.priceNait };
}

/** Drops of different sellers that belong to the newest one. */
function roundOf(
  drops: readonly Drop[],
  newest: Drop,
  { togetherMs = 0, samePercent = 0 }: ThresholdValues,
): Round {
  const near = drops.filter(
    ({ atMs, priceNait }) =>
      newest.atMs - atMs <= togetherMs &&
      Math.abs(priceNait - newest.priceNait) * 100 <= samePercent * newest.priceNait,
  );
  const bySeller = new Map(near.map((drop) => [drop.provider, drop]));
  return { atMs: Math.min(...near.map(({ atMs }) => atMs)), drops: [...bySeller.values()] };
}

/** A round that goes on takes the place of what it was before. */
function putRound(rounds: Round[], round: Round, togetherMs: number): void {
  const last = rounds.at(-1);
  if (last && round.atMs - last.atMs <= togetherMs) rounds.pop();
  pushBounded(rounds, round, roundsKept);
}

/** Sellers of the newest round that were in enough rounds before, and these rounds. */
function alwaysIn(
  rounds: readonly Round[],
  newest: Round,
  { sellersMin, roundsMin }: { sellersMin: number; roundsMin: number },
): { sellers: string[]; rounds: Round[] } | undefined {
  const has = (round: Round, provider: string) => round.drops.some((d) => d.provider === provider);
  const own = newest.drops.map(({ provider }) => provider);
  const shared = rounds.filter((one) => own.filter((p) => has(one, p)).length >= sellersMin);
  const sellers = own.filter((provider) => shared.every((round) => has(round, provider))).sort();
  if (shared.length < roundsMin || sellers.length < sellersMin) return undefined;
  return { sellers, rounds: shared };
}
