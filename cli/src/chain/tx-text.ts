/** Transactions and blocks as lines for people. */
import type { nodeRpc, OutputOf } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';

/** A transaction of the node's API. */
export type TxJson = OutputOf<typeof nodeRpc.tx_get>['tx'];

const amountKeys = new Set(['amount', 'bond', 'maxClaimable', 'totalClaimed']);

/** Rows of the body: amounts in AIT, lists by their length, nothing that is empty. */
export function bodyRows({ body }: TxJson): string[][] {
  return Object.entries(body).flatMap(([name, value]) =>
    value === '' ? [] : [[name, valueText(name, value)]],
  );
}

function valueText(name: string, value: unknown): string {
  if (typeof value === 'string' && amountKeys.has(name)) return aitText(value);
  if (Array.isArray(value)) return `${value.length} ${value.length === 1 ? 'row' : 'rows'}`;
  if (name === 'memo' && typeof value === 'string') return memoText(value);
  return String(value);
}

/** A memo as text when it is readable, else its hex digits. */
function memoText(memo: string): string {
  const text = Buffer.from(memo, 'hex').toString('utf8');
  return /^[^\p{C}\ufffd]*$/u.test(text) ? text : memo;
}
