/**
 * Entries of audits: the audit itself, the roster that its jurors are drawn from, the docket of audits that wait
 * for their draw, convictions, and the keys that providers signed with before. What the values mean is told by
 * the rules in `rules/audits`. See docs/spec/chain.md, "Audits" and "State".
 */
import {
  auditPhases,
  auditResults,
  type Fields,
  field,
  type Hex,
  limits,
  type RecordOf,
} from '@aitbc/protocol';
import { nameField } from './work-entries.ts';

/** Rounds of an audit, and how many jurors each has. */
export const jurorsOfRound = Object.freeze({ 1: 3, 2: 5 });
const seatsMax = jurorsOfRound[1] + jurorsOfRound[2];

/** What a round, or the whole audit, has decided; the order is that of their numbers. */
export const auditOutcomes = ['none', ...auditResults] as const;

/** What was decided, `none` while nothing is. */
export type AuditOutcome = (typeof auditOutcomes)[number];

/** Phase of an audit. */
export type AuditPhase = (typeof auditPhases)[number];

const memberFields = { juror: field.account } as const satisfies Fields;
const seatFields = {
  ...memberFields,
  round: field.u8,
  commitment: field.hash,
  verdict: field.u8,
  reportHash: field.hash,
} as const satisfies Fields;

const auditFields = {
  provider: field.account,
  opener: field.account,
  jobId: field.hash,
  digest: field.hash,
  recordHash: field.hash,
  deposit: field.amount,
  appellant: field.account,
  appealDeposit: field.amount,
  held: field.amount,
  round: field.u8,
  phase: nameField(auditPhases, 'an audit'),
  dueMs: field.count,
  first: nameField(auditOutcomes, 'an audit'),
  outcome: nameField(auditOutcomes, 'an audit'),
  seats: field.list(seatFields, seatsMax),
} as const satisfies Fields;

const waitingFields = { auditId: field.hash, drawHeight: field.count } as const satisfies Fields;

/** Letters and fields of these entries. */
export const auditTables = {
  audit: { letter: 'w', fields: auditFields },
  jury: { letter: 'j', fields: { members: field.list(memberFields, limits.auditJurors) } },
  docket: { letter: 'd', fields: { waiting: field.list(waitingFields, limits.auditDocket) } },
  conviction: { letter: 'k', fields: { auditId: field.hash } },
  formerKey: { letter: 'f', fields: { authorizer: field.key, untilMs: field.count } },
} as const satisfies Record<string, { letter: string; fields: Fields }>;

/** A juror's place in a round; zeros until it commits and reveals. */
export type SeatState = Readonly<RecordOf<typeof seatFields>>;

/**
 * An audit. `appellant` is zero until somebody appeals; `first` is what round 1 decided, `outcome` what holds for
 * good; `dueMs` is the chain time from which anyone may move it on, 0 when it is closed.
 */
export interface AuditEntry extends Readonly<Omit<RecordOf<typeof auditFields>, 'seats'>> {
  readonly seats: readonly SeatState[];
}

/** Record of each of these kinds. */
export interface AuditEntries {
  readonly audit: AuditEntry;
  readonly jury: { readonly members: readonly Readonly<RecordOf<typeof memberFields>>[] };
  readonly docket: { readonly waiting: readonly Readonly<RecordOf<typeof waitingFields>>[] };
  /** The audit that convicted, zero when an appeal took it back. */
  readonly conviction: { readonly auditId: Hex };
  /** The key before the registered one; its receipts count until the date. */
  readonly formerKey: { readonly authorizer: Hex; readonly untilMs: number };
}

/**
 * Coins that an audit holds, nait, and whose they are until it is decided: opener's, appellant's, provider's. The
 * amounts stay in a closed one as a record of what it held.
 */
export function partsOf(audit: AuditEntry): readonly (readonly [owner: Hex, amount: bigint])[] {
  const rows = [
    [audit.opener, audit.deposit],
    [audit.appellant, audit.appealDeposit],
    [audit.provider, audit.held],
  ] as const;
  return audit.phase === 'closed' ? rows.map(([owner]) => [owner, 0n]) : rows;
}

/** Sum of the coins that an audit holds, nait. */
export function coinsIn(audit: AuditEntry): bigint {
  return partsOf(audit).reduce((sum, [, amount]) => sum + amount, 0n);
}
