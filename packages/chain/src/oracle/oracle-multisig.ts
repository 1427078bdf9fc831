/** The oracle on shared accounts. See docs/spec/chain.md, "Shared accounts". */
import { amountMax } from '@aitbc/primitives';
import {
  type Hex,
  type MultisigOperation,
  multisigIdOf,
  multisigProposalIdOf,
  multisigSlotIdOf,
  type TxBody,
} from '@aitbc/protocol';
import type { MultisigProposalState, MultisigState } from '../multisig-entries.ts';
import { accountIn, known, need, needKey, type Stage } from './oracle-state.ts';

/** What the rest of the oracle knows of operations before they happen. */
export interface Knowing {
  readonly form: (from: Hex, operation: MultisigOperation) => void;
  readonly spent: (operation: MultisigOperation) => bigint;
}

/** And how it lets them happen. */
export interface Doing {
  readonly spent: Knowing['spent'];
  readonly effect: (stage: Stage, operation: MultisigOperation) => void;
}

/** Form of `multisig_create`, and of `multisig_change` but for its account. */
export function sharingForm({ threshold, members }: TxBody<'multisig_change'>): void {
  const ids = members.map(({ member }) => member);
  need(ids.length >= 2 && threshold >= 1 && threshold <= ids.length, 'MULTISIG_INVALID');
  const sorted = [...new Set(ids)].sort();
  need(sorted.join() === ids.join(), 'MULTISIG_INVALID');
  ids.forEach(needKey);
}

/** Form of `multisig_change`. */
export function changeForm(from: Hex, body: TxBody<'multisig_change'>): void {
  need(!body.members.some(({ member }) => member === from), 'MULTISIG_INVALID');
  sharingForm(body);
}

/** Form of `multisig_propose`. */
export function proposeForm(knowing: Knowing, body: TxBody<'multisig_propose'>): void {
  const { multisig, slot, operations } = body;
  need(slot < 4, 'MULTISIG_INVALID');
  need(operations.length > 0, 'BATCH_EMPTY');
  for (const operation of operations) knowing.form(multisig, operation);
  need(sumOf(knowing, operations) <= amountMax, 'TX_AMOUNT_OVERFLOW');
}

const sumOf = (
  { spent }: Pick<Knowing, 'spent'>,
  operations: readonly MultisigOperation[],
): bigint => operations.reduce((sum, operation) => sum + spent(operation), 0n);

/** `multisig_create`. */
export function createShared(stage: Stage, body: TxBody<'multisig_create'>): void {
  const { tables, network, from } = stage;
  const id = multisigIdOf(network, from, body);
  need(!tables.multisig.has(id), 'MULTISIG_EXISTS');
  const { threshold, members } = body;
  tables.multisig.set(id, { threshold, members, version: 0 });
}

/** `multisig_change`. */
export function changeShared({ tables, from }: Stage, body: TxBody<'multisig_change'>): void {
  const { version } = known(tables.multisig.get(from), 'MULTISIG_UNKNOWN');
  tables.multisig.set(from, { ...body, version: version + 1 });
}

/** `multisig_propose`. */
export function propose(stage: Stage, doing: Doing, body: TxBody<'multisig_propose'>): void {
  const { tables, network, from, timeMs } = stage;
  const { multisig, slot, expiresAtMs } = body;
  const account = known(tables.multisig.get(multisig), 'MULTISIG_UNKNOWN');
  needMember(account, from);
  const spanMs = expiresAtMs - timeMs;
  need(spanMs > 0 && spanMs <= 30 * 86_400_000, 'MULTISIG_INVALID');
  const slotId = multisigSlotIdOf(network, { multisig, proposer: from, slot });
  const before = tables.multisigProposal.get(slotId);
  need(before === undefined || !isAlive(stage, account, before), 'MULTISIG_SLOT_TAKEN');
  const number = before === undefined ? 0 : before.number + 1;
  const wish = { ...body, proposer: from, number };
  tables.multisigProposal.set(slotId, {
    ...wish,
    version: account.version,
    proposalId: multisigProposalIdOf(network, wish),
    state: 'open',
    approvals: [],
  });
  agree(stage, doing, slotId);
}

/** `multisig_approve`. */
export function approve(stage: Stage, doing: Doing, body: TxBody<'multisig_approve'>): void {
  const { account, proposal, slotId } = find(stage, body);
  needMember(account, stage.from);
  need(isAlive(stage, account, proposal), 'MULTISIG_PROPOSAL_OVER');
  need(!approversOf(proposal).includes(stage.from), 'MULTISIG_APPROVED');
  agree(stage, doing, slotId);
}

/** `multisig_cancel`. */
export function takeBack(stage: Stage, body: TxBody<'multisig_cancel'>): void {
  const { tables, from } = stage;
  const { account, proposal, slotId } = find(stage, body);
  need(proposal.state === 'open', 'MULTISIG_PROPOSAL_OVER');
  if (!isAlive(stage, account, proposal) || from === proposal.proposer) {
    tables.multisigProposal.set(slotId, { ...proposal, state: 'cancelled', operations: [] });
    return;
  }
  needMember(account, from);
  need(approversOf(proposal).includes(from), 'MULTISIG_NOT_APPROVED');
  const approvals = proposal.approvals.filter(({ member }) => member !== from);
  tables.multisigProposal.set(slotId, { ...proposal, approvals });
}

function find({ tables, network }: Stage, body: TxBody<'multisig_approve'>) {
  const account = known(tables.multisig.get(body.multisig), 'MULTISIG_UNKNOWN');
  const slotId = multisigSlotIdOf(network, body);
  const proposal = known(tables.multisigProposal.get(slotId), 'MULTISIG_PROPOSAL_UNKNOWN');
  need(proposal.proposalId === body.proposalId, 'MULTISIG_PROPOSAL_UNKNOWN');
  return { account, proposal, slotId };
}

const approversOf = ({ approvals }: MultisigProposalState): Hex[] =>
  approvals.map(({ member }) => member);

function needMember({ members }: MultisigState, from: Hex): void {
  const isMember = members.some(({ member }) => member === from);
  need(isMember, 'MULTISIG_NOT_MEMBER');
}

function isAlive({ timeMs }: Stage, account: MultisigState, one: MultisigProposalState): boolean {
  return one.state === 'open' && one.version === account.version && timeMs < one.expiresAtMs;
}

/** The sender approves; with enough approvals the account acts. */
function agree(stage: Stage, doing: Doing, slotId: Hex): void {
  const { tables, from } = stage;
  const proposal = known(tables.multisigProposal.get(slotId), 'INTERNAL');
  const { multisig, operations } = proposal;
  const approvals = [...proposal.approvals, { member: from }];
  tables.multisigProposal.set(slotId, { ...proposal, approvals });
  if (approvals.length < (tables.multisig.get(multisig)?.threshold ?? 0)) return;
  tables.multisigProposal.set(slotId, { ...proposal, approvals, state: 'done', operations: [] });
  const sum = sumOf(doing, operations);
  const account = accountIn(tables, multisig);
  need(account.balance >= sum, 'TX_FUNDS_INSUFFICIENT');
  if (sum > 0n) tables.account.set(multisig, { ...account, balance: account.balance - sum });
  for (const operation of operations) doing.effect({ ...stage, from: multisig }, operation);
}
