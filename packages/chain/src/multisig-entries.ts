/**
 * Entries of shared accounts: who shares one, and what its members have proposed. What the values mean is told by
 * the rules in `rules/multisig.ts`. See docs/spec/chain.md, "Shared accounts" and "State".
 */
import {
  type Fields,
  field,
  limits,
  type MultisigOperation,
  multisigOperationKinds,
  type RecordOf,
} from '@aitbc/protocol';
import { nameField } from './work-entries.ts';

/** States of a proposal in the order of their numbers. */
export const multisigStates = ['open', 'done', 'cancelled'] as const;

const memberFields = { member: field.account } as const satisfies Fields;
const members = field.list(memberFields, limits.multisigMembers);

const multisigFields = {
  threshold: field.u8,
  members,
  version: field.count,
} as const satisfies Fields;

const proposalFields = {
  multisig: field.account,
  proposer: field.account,
  slot: field.u8,
  number: field.count,
  version: field.count,
  proposalId: field.hash,
  expiresAtMs: field.count,
  state: nameField(multisigStates, 'a proposal'),
  approvals: members,
  operations: field.choices(multisigOperationKinds, limits.multisigOperations),
} as const satisfies Fields;

/** Letters and fields of these entries. */
export const multisigTables = {
  multisig: { letter: 'h', fields: multisigFields },
  multisigProposal: { letter: 'i', fields: proposalFields },
} as const satisfies Record<string, { letter: string; fields: Fields }>;

type MemberRows = readonly Readonly<RecordOf<typeof memberFields>>[];

/** Who shares an account, in the order of their ids; `version` grows with each change of them. */
export interface MultisigState extends Readonly<Omit<RecordOf<typeof multisigFields>, 'members'>> {
  readonly members: MemberRows;
}

/**
 * What stands in a slot of a member: `number` counts what stood there before, `version` is that of the members who
 * may approve it. One that is over has no operations.
 */
export interface MultisigProposalState
  extends Readonly<Omit<RecordOf<typeof proposalFields>, 'approvals' | 'operations'>> {
  readonly approvals: MemberRows;
  readonly operations: readonly MultisigOperation[];
}

/** Record of each of these kinds. */
export interface MultisigEntries {
  readonly multisig: MultisigState;
  readonly multisigProposal: MultisigProposalState;
}
