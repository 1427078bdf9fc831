/**
 * The oracle: a second implementation of the whole ledger, written from docs/spec/chain.md in the plainest
 * way that works. Maps instead of overlays and a tree, a copy of everything instead of an undo log, no
 * caches, no bounds on cost. Its only purpose is to disagree with the real one when one of both is wrong, so
 * it shares formats and signatures (the protocol package) and the shapes of the entries, but no rule.
 */
import { amountMax, isSafePublicKey } from '@aitbc/primitives';
import {
  bytes32,
  type ChainParams,
  type ErrorCode,
  type Hex,
  type Network,
  zeroHash,
} from '@aitbc/protocol';
import type { AccountState, Entries, EntryKind } from '../entries.ts';

/** Entries by kind and id. */
export type Tables = { readonly [K in EntryKind]: Map<Hex, Entries[K]> };

/** A transaction at work. */
export interface Stage {
  readonly tables: Tables;
  readonly network: Network;
  readonly params: ChainParams;
  readonly height: number;
  readonly timeMs: number;
  readonly from: Hex;
}

/** When a date is over: the date, or the end of the time to catch up when the chain stood still at it. */
export function endOf(
  { tables, height }: Pick<Stage, 'tables' | 'height'>,
  dateMs: number,
  moreMs = 0,
): number {
  const halt = tables.standstill.get(zeroHash);
  if (halt === undefined || dateMs <= halt.beganMs) return dateMs;
  if (height >= halt.resumedHeight + 1_000) return dateMs;
  return Math.max(dateMs, halt.untilMs + moreMs);
}

/** A block more than three heartbeats after its parent: the chain stood still in between. */
export function rememberHalt(
  { tables, params, height, timeMs }: Omit<Stage, 'from' | 'network'>,
  parentMs: number,
): void {
  const beats = params.catchUpBeats ?? 0;
  const isHalt = height > 1 && timeMs > parentMs + 3 * params.heartbeatMs;
  if (!isHalt || beats === 0) return;
  const untilMs = timeMs + beats * params.heartbeatMs;
  const before = tables.standstill.get(zeroHash);
  const goesOn =
    before !== undefined && parentMs < before.untilMs && height <= before.resumedHeight + 1_000;
  const first = goesOn ? before : { beganMs: parentMs, resumedHeight: height };
  tables.standstill.set(zeroHash, { ...first, untilMs });
}

/** A refusal on its way out; the copy that it happened on is thrown away. */
export class Refused extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode) {
    super(code);
    this.code = code;
  }
}

/** Refuses unless the condition holds. */
export function need(condition: boolean, code: ErrorCode): asserts condition {
  if (!condition) throw new Refused(code);
}

/** The value, or a refusal when there is none. */
export function known<T>(value: T | undefined, code: ErrorCode): T {
  if (value === undefined) throw new Refused(code);
  return value;
}

/** Refuses a key that cannot sign. */
export function needKey(key: Hex): void {
  need(isSafePublicKey(bytes32(key)), 'KEY_INVALID');
}

/** Tables without entries. */
export function emptyTables(): Tables {
  return {
    account: new Map(),
    channel: new Map(),
    agent: new Map(),
    provider: new Map(),
    lane: new Map(),
    expiring: new Map(),
    mandate: new Map(),
    task: new Map(),
    validator: new Map(),
    valset: new Map(),
    roster: new Map(),
    burned: new Map(),
    proposal: new Map(),
    overrides: new Map(),
    upgrade: new Map(),
    audit: new Map(),
    jury: new Map(),
    docket: new Map(),
    conviction: new Map(),
    formerKey: new Map(),
    standstill: new Map(),
    multisig: new Map(),
    multisigProposal: new Map(),
  };
}

/** A copy; records are never changed in place. */
export function copyTables(tables: Tables): Tables {
  return Object.fromEntries(
    Object.entries(tables).map(([kind, table]) => [kind, new Map<Hex, unknown>(table)]),
  ) as unknown as Tables;
}

/** An account, zeros when it was never written. */
export function accountIn(tables: Tables, id: Hex): AccountState {
  return tables.account.get(id) ?? { balance: 0n, nonce: 0, vault: 0n };
}

/** Adds to the two purses of an account. */
export function give(tables: Tables, id: Hex, gain: { balance?: bigint; vault?: bigint }): void {
  const before = accountIn(tables, id);
  const balance = before.balance + (gain.balance ?? 0n);
  const vault = before.vault + (gain.vault ?? 0n);
  need(balance <= amountMax && vault <= amountMax, 'TX_AMOUNT_OVERFLOW');
  tables.account.set(id, { ...before, balance, vault });
}

/** Takes from the vault of an account. */
export function takeVault(tables: Tables, id: Hex, amount: bigint): void {
  const before = accountIn(tables, id);
  need(before.vault >= amount, 'TX_FUNDS_INSUFFICIENT');
  tables.account.set(id, { ...before, vault: before.vault - amount });
}

/** The smaller amount. */
export function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
