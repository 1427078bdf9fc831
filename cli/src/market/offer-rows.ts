/** Offers as rows of a table. */
import type { coordinatorEndpoints, OutputOf } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';
import { shortAddress } from '../wording.ts';

/** An offer with what was measured of it. */
export type RankedOffer = OutputOf<typeof coordinatorEndpoints.listOffers>['offers'][number];

/** Titles of the columns of `offerRow`. */
export const offerHead = [
  'model',
  'provider',
  'in / M',
  'out / M',
  '1st token',
  'tokens/s',
  'load',
] as const;

/** Columns of numbers. */
export const offerRight = [2, 3, 4, 5, 6] as const;

/** One offer; what nobody has measured yet is a dash. */
export function offerRow({ offer, measured, gauges }: RankedOffer): string[] {
  const { model, provider, price } = offer.payload;
  const { firstTokenMsP50, tokensPerSecondP50 } = measured;
  return [
    model,
    shortAddress(provider),
    aitText(price.inputPerMTok),
    aitText(price.outputPerMTok),
    firstTokenMsP50 === null ? '–' : `${Math.round(firstTokenMsP50)} ms`,
    tokensPerSecondP50 === null ? '–' : tokensPerSecondP50.toFixed(1),
    loadText(gauges),
  ];
}

/** `2/4 +1`: running of slots, and how many wait. */
export function loadText({ running, slots, waiting }: RankedOffer['gauges']): string {
  return `${running}/${slots}${waiting > 0 ? ` +${waiting}` : ''}`;
}
