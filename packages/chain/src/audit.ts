/**
 * The audit: walks the whole state and says for each coin whose it is, or which transaction releases it.
 *
 * A balance is free. Everything else is a lock, and every lock names a transaction that ends it and, where
 * one runs, its date: a vault by its owner at any time; the free part of a channel by the payer, after the
 * channel's delay, and once that was begun by anyone; a bond and a stake likewise; a task and an audit by anyone at
 * its date. Money that no lock and no balance
 * holds, or an entry that breaks an invariant of the rules, is a problem. See docs/spec/chain.md, "Audit".
 */
import { amountMax, equalBytes } from '@aitbc/primitives';
import { AppError, type ChannelState, type Hex, type TxKind, zeroHash } from '@aitbc/protocol';
import { type AuditEntry, coinsIn, partsOf } from './audit-entries.ts';
import {
  type AccountState,
  type AnyEntry,
  encodeEntry,
  entryOfPair,
  type ProviderState,
  type StateKey,
  type ValidatorState,
} from './entries.ts';
import type { MultisigProposalState, MultisigState } from './multisig-entries.ts';
import { freePartOf } from './state.ts';
import { rewardIn, type TaskState } from './work-entries.ts';

/** Coins that are not in a balance, and the way out. */
export interface Lock {
  readonly key: StateKey;
  /** nait, above zero. */
  readonly amount: bigint;
  /** Account that gets the coins. */
  readonly owner: Hex;
  /** Transaction that moves them one step towards the owner's balance. */
  readonly releasedBy: TxKind;
  /** Chain time from which that transaction succeeds; null when it already does. */
  readonly dueMs: number | null;
}

/** Sums in nait. */
export interface FundsAudit {
  readonly balances: bigint;
  readonly vaults: bigint;
  /** Free parts of all channels. */
  readonly channels: bigint;
  readonly bonds: bigint;
  /** Stakes of validators, and what of them is on its way out. */
  readonly stakes: bigint;
  /** Rewards of tasks that have not ended. */
  readonly tasks: bigint;
  /** Deposits in audits that are not closed, and what they took from bonds. */
  readonly audits: bigint;
  /** Coins that exist. With `burned` it is the supply of the genesis document. */
  readonly supply: bigint;
  /** Coins that slashing took away for ever. */
  readonly burned: bigint;
  readonly locks: readonly Lock[];
  /** Broken invariants in words; empty in a sound state. */
  readonly problems: readonly string[];
}

interface Tally {
  balances: bigint;
  vaults: bigint;
  channels: bigint;
  bonds: bigint;
  stakes: bigint;
  tasks: bigint;
  audits: bigint;
  burned: bigint;
  readonly locks: Lock[];
  readonly problems: string[];
}

/** Counts every coin. With `timeMs`, the chain time, dates that are over count as open. */
export function auditFunds(
  entries: Iterable<readonly [StateKey, Uint8Array]>,
  timeMs?: number,
): FundsAudit {
  const tally: Tally = {
    balances: 0n,
    vaults: 0n,
    channels: 0n,
    bonds: 0n,
    stakes: 0n,
    tasks: 0n,
    audits: 0n,
    burned: 0n,
    locks: [],
    problems: [],
  };
  for (const [key, value] of entries) countPair(tally, key, value);
  const { locks: found, ...sums } = tally;
  const { balances, vaults, channels, bonds, stakes, tasks, audits, problems } = sums;
  const supply = balances + vaults + channels + bonds + stakes + tasks + audits;
  if (supply > amountMax) problems.push(`the supply ${supply} is above 2^64-1`);
  const isOpen = (dueMs: number | null) =>
    dueMs !== null && timeMs !== undefined && dueMs <= timeMs;
  const locks = found.map((lock) => (isOpen(lock.dueMs) ? { ...lock, dueMs: null } : lock));
  return { ...sums, supply, locks };
}

function countPair(tally: Tally, key: StateKey, value: Uint8Array): void {
  try {
    const found = entryOfPair(key, value);
    if (!equalBytes(encodeEntry(found.kind, found.entry), value)) {
      tally.problems.push(`${key}: its bytes are not canonical`);
    }
    countEntry(tally, key, found);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    tally.problems.push(`${key}: ${error.message}`);
  }
}

function countEntry(tally: Tally, key: StateKey, { kind, id, entry }: AnyEntry): void {
  if (kind === 'account') countAccount(tally, { key, id, entry });
  else if (kind === 'channel') countChannel(tally, key, entry);
  else if (kind === 'provider') countProvider(tally, { key, id, entry });
  else if (kind === 'validator') countValidator(tally, key, entry);
  else if (kind === 'task') countTask(tally, key, entry);
  else if (kind === 'audit') countAudit(tally, key, entry);
  else if (kind === 'multisig') checkMultisig(tally, key, entry);
  else if (kind === 'multisigProposal') checkProposal(tally, key, entry);
  else if (kind === 'burned') tally.burned += entry.amount;
}

function countAccount(
  tally: Tally,
  { key, id, entry }: { key: StateKey; id: Hex; entry: AccountState },
): void {
  tally.balances += entry.balance;
  tally.vaults += entry.vault;
  lock(tally, { key, amount: entry.vault, owner: id, releasedBy: 'vault_withdraw', dueMs: null });
}

function countChannel(tally: Tally, key: StateKey, channel: ChannelState): void {
  const free = freePartOf(channel);
  const { withdrawAmount, withdrawDueMs, closed, payer: owner } = channel;
  const faults: readonly (readonly [boolean, string])[] = [
    [free < 0n, 'more was claimed than was put in'],
    [
      withdrawAmount > 0n !== withdrawDueMs > 0,
      'its withdrawal has no date, or a date and no amount',
    ],
    [closed && free !== 0n, 'it is closed and holds coins that nothing releases'],
    [closed && withdrawAmount > 0n, 'it is closed and has a withdrawal'],
  ];
  for (const [broken, reason] of faults) if (broken) tally.problems.push(`${key}: ${reason}`);
  tally.channels += free;
  if (closed || free <= 0n) return;
  const leaving = withdrawAmount < free ? withdrawAmount : free;
  const out = { key, owner, amount: leaving };
  lock(tally, { ...out, releasedBy: 'withdraw_finalize', dueMs: withdrawDueMs });
  // While a withdrawal runs, the rest waits for its end before the payer can begin another.
  const dueMs = withdrawAmount > 0n ? withdrawDueMs : null;
  lock(tally, { ...out, amount: free - leaving, releasedBy: 'withdraw_init', dueMs });
}

function countProvider(
  tally: Tally,
  { key, id: owner, entry }: { key: StateKey; id: Hex; entry: ProviderState },
): void {
  const { bond: amount, unbondDueMs } = entry;
  tally.bonds += amount;
  if (unbondDueMs > 0 && amount === 0n) tally.problems.push(`${key}: it unbonds nothing`);
  if (unbondDueMs > 0) {
    lock(tally, { key, amount, owner, releasedBy: 'bond_withdraw', dueMs: unbondDueMs });
  } else lock(tally, { key, amount, owner, releasedBy: 'provider_unbond', dueMs: null });
}

function countValidator(tally: Tally, key: StateKey, validator: ValidatorState): void {
  const { owner, stake, leaving, leavingDueMs } = validator;
  tally.stakes += stake + leaving;
  if (leaving > 0n && leavingDueMs === 0) tally.problems.push(`${key}: what leaves has no date`);
  lock(tally, { key, amount: stake, owner, releasedBy: 'validator_unbond', dueMs: null });
  const out = { key, amount: leaving, owner };
  lock(tally, { ...out, releasedBy: 'stake_withdraw', dueMs: leavingDueMs });
}

/** Anyone may end a task at its date: submitted work goes to the worker, all else back to the poster. */
function countTask(tally: Tally, key: StateKey, task: TaskState): void {
  const { state, dueMs, worker, poster, reward, workerShareNait } = task;
  const hasEnded = state === 'ended';
  const hasWorker = worker !== zeroHash;
  const faults: readonly (readonly [boolean, string])[] = [
    [hasEnded !== (dueMs === 0), 'it has a date and has ended, or no date and has not'],
    [!hasWorker && state !== 'open' && !hasEnded, `it is ${state} and has no worker`],
    [workerShareNait > (hasEnded ? reward : 0n), 'its worker got more than there was'],
  ];
  for (const [broken, reason] of faults) if (broken) tally.problems.push(`${key}: ${reason}`);
  const amount = rewardIn(task);
  tally.tasks += amount;
  const owner = state === 'submitted' ? worker : poster;
  lock(tally, { key, amount, owner, releasedBy: 'task_expire', dueMs });
}

/** Anyone may take an audit on at its date, in a few steps to its end; one that waits for its draw moves by itself. */
function countAudit(tally: Tally, key: StateKey, audit: AuditEntry): void {
  const { phase, dueMs, outcome, round, appellant, seats, first } = audit;
  const isClosed = phase === 'closed';
  const faults: readonly (readonly [boolean, string])[] = [
    [isClosed !== (dueMs === 0), 'it has a date and is closed, or no date and is not'],
    [isClosed === (outcome === 'none'), 'it is closed and undecided, or decided and not closed'],
    [round > 1 !== (appellant !== zeroHash), 'it has a second round and no appellant, or no round'],
    [round > 1 && first === 'none', 'it has a second round and was not decided in the first'],
    [new Set(seats.map(({ juror }) => juror)).size < seats.length, 'a juror sits in it twice'],
  ];
  for (const [broken, reason] of faults) if (broken) tally.problems.push(`${key}: ${reason}`);
  tally.audits += coinsIn(audit);
  for (const [owner, amount] of partsOf(audit)) {
    lock(tally, { key, amount, owner, releasedBy: 'audit_close', dueMs });
  }
}

/** Shared accounts hold nothing beside the balance and vault of an account; who may move it must be able to. */
function checkMultisig(tally: Tally, key: StateKey, entry: MultisigState): void {
  const { threshold, members } = entry;
  if (threshold === 0 || threshold > members.length) {
    tally.problems.push(`${key}: ${threshold} of ${members.length} members cannot agree`);
  }
}

function checkProposal(tally: Tally, key: StateKey, entry: MultisigProposalState): void {
  const { state, operations, approvals } = entry;
  const isOpen = state === 'open';
  if (isOpen !== operations.length > 0) {
    tally.problems.push(`${key}: it is ${state} and has ${operations.length} operations`);
  }
  if (new Set(approvals.map(({ member }) => member)).size < approvals.length) {
    tally.problems.push(`${key}: a member approved it twice`);
  }
}

function lock(tally: Tally, found: Lock): void {
  if (found.amount > 0n) tally.locks.push(found);
}
