/** The whole chain through a second, naive ledger: the state after it has to be the same. */
import { entryOfPair, type StateKey } from '@aitbc/chain';
import { createOracle } from '@aitbc/chain/oracle';
import type { BlockHeader, Genesis, SignedTx } from '@aitbc/protocol';
import type { Facts } from '../engine/violation.ts';

/** A final block with what it wrote. */
export interface WrittenBlock {
  readonly header: BlockHeader;
  readonly txs: readonly SignedTx[];
  readonly writes: ReadonlyMap<StateKey, Uint8Array>;
}

/** Where both ledgers come apart; undefined when they agree. */
export function naiveDifference(
  genesis: Genesis,
  first: ReadonlyMap<StateKey, Uint8Array>,
  blocks: readonly WrittenBlock[],
): Facts | undefined {
  const oracle = createOracle(genesis);
  const state = new Map<StateKey, Uint8Array>(first);
  for (const { header, txs, writes } of blocks) {
    const results = oracle.apply({ ...header, txs });
    const refused = results.find(({ code }) => code !== null);
    if (refused) return { height: header.height, code: refused.code ?? '' };
    for (const [key, value] of writes) state.set(key, value);
  }
  const rows = [...state].map(([key, value]) => entryOfPair(key, value));
  const [real, naive] = [sorted(rows), sorted(oracle.entries())];
  const at = real.findIndex((text, index) => text !== naive[index]);
  if (at < 0 && real.length === naive.length) return undefined;
  return { real: real[at], naive: naive[at], rows: real.length };
}

function sorted(entries: readonly object[]): string[] {
  return entries.map(entryText).sort();
}

/** An entry as text that does not depend on the order of its fields. */
function entryText(entry: unknown): string {
  return JSON.stringify(entry, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
