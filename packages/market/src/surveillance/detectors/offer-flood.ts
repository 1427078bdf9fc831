/**
 * Floods of offers: prices that are shown and taken back within seconds, again and again, and never sold. They move what
 * others see of the market (the cheapest price, the number of sellers) without anybody being able to buy.
 *
 * Of each provider the last cancellations within `windowMs` count. A short one lived at most `lifeMaxMs` and sold
 * nothing. Cancellations of one moment are one: a list of sixty models that is replaced is one change. A session that
 * ends takes its offers with it and cancels none, so restarts are no flood.
 */
import { createBounded, pushBounded } from '../bounded.ts';
import {
  createReporter,
  type Detector,
  noAlerts,
  savedPart,
  type WatchedEvent,
} from '../detector.ts';
import { isKind, isReceipt, type MarketEventOf } from '../receipt-event.ts';

interface Shown {
  up: number;
  atMs: number;
  /** The first receipt for it. */
  sold?: number;
}

/** seq of the offer, seq of its end, time of the end, how long it lived, its first receipt or 0 */
type Cancelled = [up: number, down: number, atMs: number, lifeMs: number, sold: number];

const offersKept = 20_000;
const providersKept = 4_096;
const cancelledKept = 64;

const thresholds = {
  cancelsMin: { value: 20, unit: 'cancellations', about: 'at different moments within the window' },
  lifeMaxMs: { value: 20_000, unit: 'ms', about: 'an offer that was shown longer counts as meant' },
  windowMs: { value: 600_000, unit: 'ms', about: 'cancellations that count' },
  sharePercent: { value: 90, unit: '%', about: 'of the cancellations were short and sold nothing' },
} as const;

/** Finds offers that are there to be seen and not to be bought. */
export const offerFlood: Detector = {
  name: 'offer-flood',
  about: 'A provider shows offers and takes them back within seconds, and sells none of them',
  watches: ['offer_up', 'offer_down', 'receipt'],
  thresholds,
  create(limits, options = {}) {
    const { saved } = options;
    const { cancelsMin = 0, lifeMaxMs = 0, windowMs = 0, sharePercent = 0 } = limits;
    const reporter = createReporter('offer-flood', limits, options);
    const shown = createBounded<Shown>(offersKept, savedPart(saved, 'shown'));
    const providers = createBounded<Cancelled[]>(providersKept, savedPart(saved, 'providers'));

    const judge = (atMs: number, provider: string, all: readonly Cancelled[]) => {
      const recent = all.filter(([, , endMs]) => atMs - endMs <= windowMs);
      const short = recent.filter(([, , , lifeMs, sold]) => lifeMs <= lifeMaxMs && sold === 0);
      const moments = new Set(short.map(([, , endMs]) => endMs)).size;
      if (moments < cancelsMin || short.length * 100 < sharePercent * recent.length)
        return noAlerts;
      return reporter.say(atMs, {
        level: 'medium',
        confidence: 85,
        subjects: [{ role: 'provider', address: provider }],
        text: `${short.length} of ${recent.length} offers were taken back within ${lifeMaxMs / 1_000} s and sold nothing`,
        events: recent.flatMap(([up, down, , , sold]) => (sold ? [up, down, sold] : [up, down])),
      });
    };
    const cancel = ({ provider, atMs, seq, facts }: MarketEventOf<'offer_down'>) => {
      const offer = shown.get(facts.offerId);
      if (!offer) return noAlerts;
      shown.delete(facts.offerId);
      const all = providers.open(provider, () => []);
      const row: Cancelled = [offer.up, seq, atMs, atMs - offer.atMs, offer.sold ?? 0];
      pushBounded(all, row, cancelledKept);
      return all.length < cancelsMin ? noAlerts : judge(atMs, provider, all);
    };
    return {
      take(event: WatchedEvent) {
        if (isKind(event, 'offer_down')) return cancel(event);
        if (isKind(event, 'offer_up')) {
          shown.set(event.facts.offerId, { up: event.seq, atMs: event.atMs });
        } else if (isReceipt(event)) {
          const offer = shown.get(event.facts.offerId);
          if (offer) offer.sold ??= event.seq;
        }
        return noAlerts;
      },
      save: () => ({
        ...{ said: reporter.save(), shown: shown.save(), providers: providers.save() },
      }),
    };
  },
};
