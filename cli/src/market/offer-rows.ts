/** Offers as rows of a table. */
import type { coordinatorEndpoints, OutputOf } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';

/** An offer with what was measured of it. */
export type RankedOffer = OutputOf<typeof coordinatorEndpoints.listOffers>['offers'][number];

/** Titles of the columns of `offerRow`. */
export const offerHead = [
  'model',
  'provider',
  'input / M',
  'output / M',
  'first token',
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

/** Head and tail of an address, for tables; JSON has all of it. */
export function shortAddress(address: string): string {
  return address.length > 20 ? `${address.slice(0, 10)}…${address.slice(-6)}` : address;
}
