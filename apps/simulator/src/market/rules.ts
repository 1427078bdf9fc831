/**
 * The rules under test, as one table: planted faults and dishonest parties replace rows of it, and no rule knows. Beside
 * it the habits of the shells around the rules: what a daemon does before it answers.
 */
import { buildBlock } from '@aitbc/chain';
import {
  acknowledgeTokens,
  admitJob,
  checkMandate,
  claimRowOf,
  deliverTokens,
  endJob,
  extendJob,
  observeChannel,
} from '@aitbc/market';
import { type SignedReceipt, signVoucher, verifyResume } from '@aitbc/protocol';
import { createBook, createReceiptChecker } from '@aitbc/sdk/books';

export const realRules = {
  buildBlock,
  admitJob,
  extendJob,
  deliverTokens,
  endJob,
  acknowledgeTokens,
  observeChannel,
  claimRowOf,
  checkMandate,
  verifyResume,
  createBook,
  createReceiptChecker,
  signVoucher,
};

export type Rules = typeof realRules;

/** What a party does around its rules. */
export interface Habits {
  /** A provider answers and runs only what is on its disk; a buyer signs only what is on its disk. */
  readonly waitsForDisk: boolean;
  /** A provider claims only what its disk has receipts for. */
  readonly claimsFromDisk: boolean;
  /** The journal knows jobs of earlier lives. */
  readonly remembersJobs: boolean;
  /** A provider does not run what its buyer gave up. */
  readonly heedsGivingUp: boolean;
  /** Vouchers are waited for. */
  readonly waitsForCover: boolean;
  /** A buyer gives up a reservation only when the provider says that it never heard of the call. */
  readonly keepsReservations: boolean;
  /** A provider claims when its payer withdraws. */
  readonly claimsOnWithdrawal: boolean;
  /** Tokens after which the engine says nothing more. */
  readonly stallsAfter: number;
  /** A buyer pays for the next window. */
  readonly paysOn: boolean;
  /** A buyer whose key spends by a mandate promises no more than that allows. */
  readonly obeysMandate: boolean;
  /** A buyer withdraws what it has promised. */
  readonly withdrawsAll: boolean;
  /** What a provider does to its receipts before it signs them. */
  readonly receipt: (honest: SignedReceipt['payload']) => SignedReceipt['payload'];
}

export const goodHabits: Habits = Object.freeze<Habits>({
  waitsForDisk: true,
  claimsFromDisk: true,
  remembersJobs: true,
  heedsGivingUp: true,
  waitsForCover: true,
  keepsReservations: true,
  claimsOnWithdrawal: true,
  stallsAfter: Number.POSITIVE_INFINITY,
  paysOn: true,
  obeysMandate: true,
  withdrawsAll: false,
  receipt: (honest) => honest,
});

/** How a party works: with which rules and habits. */
export interface Conduct {
  readonly rules: Rules;
  readonly habits: Habits;
}

/** A change of somebody's conduct. */
export interface Change {
  readonly what: string;
  readonly rules?: (real: Rules) => Partial<Rules>;
  readonly habits?: Partial<Habits>;
}

/** A conduct with changes made to it. */
export function conductOf(changes: readonly Change[]): Conduct {
  const honest: Conduct = { rules: realRules, habits: goodHabits };
  return changes.reduce(
    ({ rules, habits }, change) => ({
      rules: { ...rules, ...change.rules?.(rules) },
      habits: { ...habits, ...change.habits },
    }),
    honest,
  );
}
