/**
 * Price jumps that buyers paid: a provider sold at one price, multiplied it, and sold on, while the others who sell the same
 * weights stayed where they were. Buyers with a fixed provider or an order of theirs pay it without noticing.
 *
 * A jump that nobody paid harms nobody, and a price that rises with those of others is a busy market: both are no alert.
 * Others may need some minutes to follow, so a jump counts when it has stood for `standsMs`.
 */

import type { ThresholdValues } from '@aitbc/protocol';
import { createReporter, type Detector, noAlerts, savedPart } from '../detector.ts';
import { median } from '../median.ts';
import { createOfferBook, type Seller } from '../offer-book.ts';
import { isReceipt } from '../receipt-event.ts';

const thresholds = {
  jumpPercent: { value: 250, unit: '%', about: 'the new price of the old one' },
  othersPercent: { value: 180, unit: '%', about: 'the new price of the median of the others' },
  othersMin: { value: 2, unit: 'providers', about: 'others who sell the same weights' },
  followPercent: { value: 40, unit: '%', about: 'of the others may have moved by half or more' },
  soldMin: { value: 3, unit: 'receipts', about: 'at the old price, and at the new one' },
  standsMs: { value: 1_200_000, unit: 'ms', about: 'how long the new price was asked' },
  windowMs: { value: 21_600_000, unit: 'ms', about: 'from the last of the old receipts to now' },
} as const;

/** Finds prices that jumped and were paid. */
export const priceJump: Detector = {
  name: 'price-jump',
  about:
    'A provider multiplied its price and still sold, while others with the same weights did not',
  watches: ['offer_up', 'receipt'],
  thresholds,
  create(limits, options = {}) {
    const reporter = createReporter('price-jump', limits, options);
    const book = createOfferBook(savedPart(options.saved, 'book'));
    const { othersPercent = 0, othersMin = 0, followPercent = 0 } = limits;

    const judge = (atMs: number, digest: string, seller: Seller) => {
      const { provider, now, was } = seller;
      if (!was || !isJump(seller, limits, atMs)) return noAlerts;
      const others = book.sellersOf(digest).filter((one) => one.provider !== provider);
      if (others.length < othersMin) return noAlerts;
      const moved = others.filter((one) => hasMoved(one, atMs, limits)).length;
      if (moved * 100 > followPercent * others.length) return noAlerts;
      const usual = median(others.map((one) => one.now.priceNait));
      if (now.priceNait * 100 < othersPercent * usual) return noAlerts;
      const times = (now.priceNait / was.priceNait).toFixed(1);
      return reporter.say(atMs, {
        level: 'medium',
        confidence: 80,
        subjects: [{ role: 'provider', address: provider }],
        text: `the price rose to ${times} times the one before and was paid; others ask ${(now.priceNait / usual).toFixed(1)} times less`,
        events: [
          ...[was.seq, now.seq],
          ...[...was.sold, ...now.sold].map(([seq]) => seq),
          ...others.flatMap((one) => (one.was ? [one.was.seq, one.now.seq] : [one.now.seq])),
        ],
      });
    };
    return {
      take(event) {
        const found = book.take(event);
        if (!found || !isReceipt(event)) return noAlerts;
        return judge(event.atMs, found.digest, found.seller);
      },
      save: () => ({ said: reporter.save(), book: book.save() }),
    };
  },
};

function isJump(
  { now, was }: Seller,
  { jumpPercent = 0, soldMin = 0, standsMs = 0, windowMs = 0 }: ThresholdValues,
  atMs: number,
): boolean {
  if (atMs - now.atMs < standsMs) return false;
  if (!was || was.priceNait === 0 || now.priceNait * 100 < jumpPercent * was.priceNait)
    return false;
  const lastMs = was.sold.at(-1)?.[1] ?? 0;
  return was.sold.length >= soldMin && now.sold.length >= soldMin && atMs - lastMs <= windowMs;
}

/** True for a price that lately rose or fell by half or more: on a busy market prices go both ways. */
function hasMoved({ now, was }: Seller, atMs: number, { windowMs = 0 }: ThresholdValues): boolean {
  if (!was || atMs - now.atMs > windowMs) return false;
  const [low, high] = [now.priceNait, was.priceNait].sort((a, b) => a - b);
  return (high ?? 0) >= 1.5 * (low ?? 0);
}
