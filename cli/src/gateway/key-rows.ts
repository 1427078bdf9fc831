import type { gatewayEndpoints, OutputOf } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';

/** An API key as the gateway shows it. */
export type ShownKey = OutputOf<typeof gatewayEndpoints.listKeys>['keys'][number];

export const keyHead = ['name', 'models', 'a call', 'a day', 'spent today'];
export const keyRight = [2, 3, 4];

/** A row of the table of keys. */
export function keyRow({ name, models, jobMax, dayMax, spentToday }: ShownKey): string[] {
  const limit = (amount: string | null) => (amount === null ? '–' : aitText(amount));
  return [name, models?.join(', ') ?? 'all', limit(jobMax), limit(dayMax), aitText(spentToday)];
}
