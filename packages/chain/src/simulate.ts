/** What a transaction would do: its verdict and every purse it changes, without changing anything. */
import { addressOf, type Hex, type Verdict } from '@aitbc/protocol';
import { type ApplicableTx, applyTx } from './apply.ts';
import { partsOf } from './audit-entries.ts';
import { type AnyEntry, decodeEntry, partsOfKey, type StateKey } from './entries.ts';
import type { TxReceipt } from './receipt.ts';
import type { BlockContext } from './rules/rule.ts';
import { createOverlay, freePartOf, type StateReader } from './state.ts';
import { rewardIn } from './work-entries.ts';

/** Purses: two of an account, the bond of a provider, the free part of a channel, a stake, a task, a part of an audit. */
export type Purse = 'balance' | 'vault' | 'bond' | 'channel' | 'stake' | 'task' | 'audit';

/** One purse before and after, nait. `id` is the channel's id or the account's. */
export interface Effect {
  readonly account: Hex;
  readonly what: Purse;
  readonly id: Hex;
  readonly before: bigint;
  readonly after: bigint;
}

/** A simulation. A refused transaction has no effects. */
export interface Simulation {
  readonly verdict: Verdict<TxReceipt>;
  readonly effects: readonly Effect[];
}

/**
 * Applies a transaction above the state and compares. Signatures inside its body count, the one of its
 * envelope does not. The fee leaves the sender; whose it becomes depends on the proposer and is not shown.
 */
export function simulateTx(
  reader: StateReader,
  context: BlockContext,
  tx: ApplicableTx,
): Simulation {
  const overlay = createOverlay(reader);
  const verdict = applyTx(overlay, context, tx);
  if (!verdict.ok) return { verdict, effects: [] };
  const effects: Effect[] = [];
  for (const [key, value] of overlay.writes()) {
    effects.push(...changesOf(key, reader.get(key), value));
  }
  return { verdict, effects };
}

/** JSON form of an effect, as `tx_simulate` shows it. */
export function effectToJson({ account, what, id, before, after }: Effect): {
  address: string;
  what: Purse;
  id: string;
  before: string;
  after: string;
} {
  const address = addressOf(account);
  const shownId = what === 'channel' || what === 'audit' ? id : address;
  return { address, what, id: shownId, before: before.toString(), after: after.toString() };
}

function changesOf(key: StateKey, before: Uint8Array | undefined, after: Uint8Array): Effect[] {
  const { kind, id } = partsOfKey(key);
  const old = before && ({ kind, id, entry: decodeEntry(kind, id, before) } as AnyEntry);
  const now = pursesOf({ kind, id, entry: decodeEntry(kind, id, after) } as AnyEntry);
  const then = old ? pursesOf(old) : [];
  return now
    .map(({ account, what, amount }, at) => {
      return { account, what, id, before: then[at]?.amount ?? 0n, after: amount };
    })
    .filter((effect) => effect.before !== effect.after);
}

interface Held {
  readonly account: Hex;
  readonly what: Purse;
  readonly amount: bigint;
}

function pursesOf({ kind, id, entry }: AnyEntry): Held[] {
  switch (kind) {
    case 'account':
      return [
        { account: id, what: 'balance', amount: entry.balance },
        { account: id, what: 'vault', amount: entry.vault },
      ];
    case 'channel':
      return [{ account: entry.payer, what: 'channel', amount: freePartOf(entry) }];
    case 'provider':
      return [{ account: id, what: 'bond', amount: entry.bond }];
    case 'validator':
      return [{ account: entry.owner, what: 'stake', amount: entry.stake + entry.leaving }];
    case 'task':
      return [{ account: entry.poster, what: 'task', amount: rewardIn(entry) }];
    case 'audit':
      return partsOf(entry).map(([account, amount]) => ({ account, what: 'audit', amount }));
    default:
      return [];
  }
}
