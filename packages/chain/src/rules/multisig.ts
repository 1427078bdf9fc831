/**
 * Shared accounts: m of n members must agree before such an account does anything.
 *
 *   create ─→ ACCOUNT         propose ─→ OPEN ─approvals reach the threshold→ DONE
 *                                          ├─cancel by its proposer→ CANCELLED
 *                                          └─date over, or other members since→ over; cancel by anyone, or
 *                                            the next proposal in its slot, takes its place
 *
 * The id of the account is a hash, so nobody has a key for it and no transaction is from it: it acts when members
 * have approved a proposal on chain. Approvals are ordinary transactions, so neither the envelope nor the check of
 * signatures knows anything of this. The operations of a proposal run as a batch of the account, with its balance
 * and vault, in the transaction that brings the last approval; that member pays the fee. When one of them is refused,
 * so is that transaction, and the proposal stays open for a better moment.
 *
 * An approval names the hash of the whole proposal. A wallet that has read the operations from a node hashes them itself
 * and signs that; a node that shows other operations gets an approval of something that does not exist.
 *
 * Each member has a few slots, and a slot holds one proposal. So nobody can fill the places of others, what an
 * account holds in the state is bounded, and all of it is found without an index. Other members, which the account
 * decides on like on anything else, make all open proposals void at once: their `version` is not the account's any more.
 *
 * Not prevented: members who lose their keys lock the account as a lost key locks another. A member that is itself a
 * shared account can never approve, because such kinds have no place in a proposal. Rejected: several signatures under one
 * transaction (every envelope, checker and pool would have to know them, and members would have to meet off
 * chain); open proposals in one list for all members (one of them could keep it full); taking a proposal over into another set of
 * members. See docs/spec/chain.md, "Shared accounts".
 */
import { amountMax } from '@aitbc/primitives';
import {
  accept,
  addressOf,
  type Hex,
  limits,
  type MultisigKind,
  multisigIdOf,
  multisigProposalIdOf,
  multisigSlotIdOf,
  refuse,
  type TxBody,
  type Verdict,
} from '@aitbc/protocol';
import type { MultisigProposalState, MultisigState } from '../multisig-entries.ts';
import { accountOf, type Overlay } from '../state.ts';
import { createOperationRule, type OperationRule, type RuleOf } from './batch.ts';
import { checkKey } from './channel.ts';
import { applied, type BlockContext, lacking, type Outcome, type Rule } from './rule.ts';

const membersMin = 2; // fewer share nothing

type Sharing = TxBody<'multisig_change'>;
type ProposalKind = 'multisig_approve' | 'multisig_cancel';

function invalid(reason: string): Verdict<never> {
  return refuse('MULTISIG_INVALID', { reason });
}

/** Refusals: MULTISIG_INVALID, KEY_INVALID. */
function checkSharing({ threshold, members }: Sharing): Verdict<true> {
  if (members.length < membersMin) return invalid(`it has ${members.length} members`);
  if (threshold < 1 || threshold > members.length) {
    return invalid(`${threshold} of ${members.length} members cannot agree`);
  }
  const isSorted = members.every(
    ({ member }, at) => at === 0 || member > memberAt(members, at - 1),
  );
  if (!isSorted) return invalid('its members are not in the order of their ids, each once');
  for (const { member } of members) {
    const checked = checkKey(member, 'member');
    if (!checked.ok) return checked;
  }
  return accept(true);
}

function memberAt(members: Sharing['members'], at: number): Hex {
  return members[at]?.member ?? '';
}

const create: Rule<'multisig_create'> = {
  form: (_from, body) => checkSharing(body),
  apply({ overlay, context, from, body }) {
    const id = multisigIdOf(context.network, from, body);
    if (overlay.entry('multisig', id)) return refuse('MULTISIG_EXISTS', { account: addressOf(id) });
    const { threshold, members } = body;
    overlay.put('multisig', id, { threshold, members, version: 0 });
    return applied;
  },
};

const change: Rule<'multisig_change'> = {
  form(from, body) {
    const isOwn = body.members.some(({ member }) => member === from);
    return isOwn ? invalid('it would be a member of itself') : checkSharing(body);
  },
  apply({ overlay, from, body }) {
    const known = sharedAccount(overlay, from);
    if (!known.ok) return known;
    overlay.put('multisig', from, { ...body, version: known.value.version + 1 });
    return applied;
  },
};

/** Rules of these kinds over the rules of the operations that a proposal may hold. */
export function createMultisigRules(ruleOf: RuleOf): {
  readonly [K in MultisigKind]: Rule<K>;
} {
  const operations = createOperationRule(ruleOf);
  return {
    multisig_create: create,
    multisig_propose: proposeRule(operations),
    multisig_approve: approveRule(operations),
    multisig_cancel: cancel,
    multisig_change: change,
  };
}

function proposeRule(rule: OperationRule): Rule<'multisig_propose'> {
  return {
    form(_from, { multisig, slot, operations }) {
      if (slot >= limits.multisigSlots) return invalid(`there is no slot ${slot}`);
      const checked = rule.form(multisig, operations);
      if (!checked.ok) return checked;
      return rule.spend(operations) > amountMax ? refuse('TX_AMOUNT_OVERFLOW') : accept(true);
    },
    apply({ overlay, context, from, body }) {
      const account = sharedAccount(overlay, body.multisig);
      if (!account.ok) return account;
      const allowed = checkMember(account.value, body.multisig, from);
      if (!allowed.ok) return allowed;
      const { timeMs, network } = context;
      const { expiresAtMs } = body;
      if (expiresAtMs <= timeMs || expiresAtMs > timeMs + limits.multisigSpanMsMax) {
        return invalid(`its end ${expiresAtMs} is not within ${limits.multisigSpanMsMax} ms`);
      }
      const place = { multisig: body.multisig, proposer: from, slot: body.slot };
      const slotId = multisigSlotIdOf(network, place);
      const before = overlay.entry('multisigProposal', slotId);
      if (before && overReasonOf(before, account.value, timeMs) === undefined) {
        const facts = { slot: body.slot, member: addressOf(from), dueAt: before.expiresAtMs };
        return refuse('MULTISIG_SLOT_TAKEN', facts);
      }
      const wish = { ...body, proposer: from, number: before ? before.number + 1 : 0 };
      const proposal: MultisigProposalState = {
        ...wish,
        version: account.value.version,
        proposalId: multisigProposalIdOf(network, wish),
        state: 'open',
        approvals: [],
      };
      return approveBy(rule, { overlay, context, from }, { slotId, proposal, ...account.value });
    },
  };
}

function approveRule(rule: OperationRule): Rule<'multisig_approve'> {
  return {
    apply({ overlay, context, from, body }) {
      const found = findProposal(overlay, context, body);
      if (!found.ok) return found;
      const { account, proposal, slotId } = found.value;
      const { multisig, proposalId } = body;
      const allowed = checkMember(account, multisig, from);
      if (!allowed.ok) return allowed;
      const reason = overReasonOf(proposal, account, context.timeMs);
      if (reason !== undefined) return refuse('MULTISIG_PROPOSAL_OVER', { proposalId, reason });
      if (hasApproved(proposal, from)) {
        return refuse('MULTISIG_APPROVED', { member: addressOf(from), proposalId });
      }
      return approveBy(rule, { overlay, context, from }, { slotId, proposal, ...account });
    },
  };
}

/** Adds an approval; with the last one that is needed the operations happen. */
function approveBy(
  rule: OperationRule,
  { overlay, context, from }: { overlay: Overlay; context: BlockContext; from: Hex },
  { slotId, proposal, threshold }: Found & Pick<MultisigState, 'threshold'>,
): Outcome {
  const approvals = [...proposal.approvals, { member: from }];
  if (approvals.length < threshold) {
    overlay.put('multisigProposal', slotId, { ...proposal, approvals });
    return applied;
  }
  const { multisig: id, operations } = proposal;
  overlay.put('multisigProposal', slotId, { ...proposal, approvals, ...over('done') });
  const needed = rule.spend(operations);
  const account = accountOf(overlay, id);
  if (account.balance < needed) return lacking(addressOf(id), account.balance, needed);
  if (needed > 0n) overlay.put('account', id, { ...account, balance: account.balance - needed });
  return rule.apply({ overlay, context, from: id }, operations);
}

/** The proposer takes it back; another member its approval; what is over goes by anyone. */
const cancel: Rule<'multisig_cancel'> = {
  apply({ overlay, context, from, body }) {
    const found = findProposal(overlay, context, body);
    if (!found.ok) return found;
    const { account, proposal, slotId } = found.value;
    const { multisig, proposalId } = body;
    if (proposal.state !== 'open') {
      return refuse('MULTISIG_PROPOSAL_OVER', { proposalId, reason: `it is ${proposal.state}` });
    }
    const isOver = overReasonOf(proposal, account, context.timeMs) !== undefined;
    if (isOver || from === proposal.proposer) {
      overlay.put('multisigProposal', slotId, { ...proposal, ...over('cancelled') });
      return applied;
    }
    const allowed = checkMember(account, multisig, from);
    if (!allowed.ok) return allowed;
    if (!hasApproved(proposal, from)) {
      return refuse('MULTISIG_NOT_APPROVED', { member: addressOf(from), proposalId });
    }
    const approvals = proposal.approvals.filter(({ member }) => member !== from);
    overlay.put('multisigProposal', slotId, { ...proposal, approvals });
    return applied;
  },
};

interface Found {
  readonly slotId: Hex;
  readonly proposal: MultisigProposalState;
}

/** Refusals: MULTISIG_UNKNOWN, MULTISIG_PROPOSAL_UNKNOWN. */
function findProposal(
  overlay: Overlay,
  { network }: BlockContext,
  body: TxBody<ProposalKind>,
): Verdict<Found & { readonly account: MultisigState }> {
  const known = sharedAccount(overlay, body.multisig);
  if (!known.ok) return known;
  const slotId = multisigSlotIdOf(network, body);
  const proposal = overlay.entry('multisigProposal', slotId);
  const { proposalId } = body;
  if (proposal?.proposalId !== proposalId) {
    const facts = { account: addressOf(body.multisig), proposalId };
    return refuse('MULTISIG_PROPOSAL_UNKNOWN', facts);
  }
  return accept({ account: known.value, proposal, slotId });
}

function sharedAccount(overlay: Overlay, id: Hex): Verdict<MultisigState> {
  const found = overlay.entry('multisig', id);
  return found ? accept(found) : refuse('MULTISIG_UNKNOWN', { account: addressOf(id) });
}

function checkMember({ members }: MultisigState, account: Hex, from: Hex): Verdict<true> {
  if (members.some(({ member }) => member === from)) return accept(true);
  const facts = { member: addressOf(from), account: addressOf(account) };
  return refuse('MULTISIG_NOT_MEMBER', facts);
}

/** Why a proposal can get no approval any more, in words; undefined while it can. */
export function overReasonOf(
  { state, version, expiresAtMs }: MultisigProposalState,
  account: Pick<MultisigState, 'version'>,
  timeMs: number,
): string | undefined {
  if (state !== 'open') return `it is ${state}`;
  if (version !== account.version) return 'the account has other members since';
  return timeMs >= expiresAtMs ? `its time ended at ${expiresAtMs}` : undefined;
}

function hasApproved({ approvals }: MultisigProposalState, from: Hex): boolean {
  return approvals.some(({ member }) => member === from);
}

/** What is left of a proposal that is over. */
function over<S extends 'done' | 'cancelled'>(state: S) {
  return { state, operations: [] } as const;
}
