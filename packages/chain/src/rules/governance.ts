/**
 * Votes of validators on parameters and on the version of the rules. Each has the weight of its stake in
 * the present set; owners send them. A proposal is named by what it says, so nobody has to open it: the
 * first vote does. With a quorum, the same as for a block, it is armed: a parameter changes with the next
 * epoch, a version at its height. A quorum, because a smaller part could stop the chain by an upgrade that
 * too few have installed. See docs/spec/chain.md, "Votes on parameters", "Upgrades".
 */
import { createWriter, utf8 } from '@aitbc/primitives';
import {
  accept,
  changeParams,
  type Hex,
  type Network,
  type ParamChange,
  quorumOf,
  refuse,
  taggedHash,
  type Verdict,
  zeroHash,
} from '@aitbc/protocol';
import { epochOf, lastHeightOf } from '../epoch/epochs.ts';
import { armChange } from '../epoch/overrides.ts';
import { validatorsOfState } from '../epoch/validator-set.ts';
import { upgradeAt, versionAt } from '../epoch/version.ts';
import type { Overlay } from '../state.ts';
import { applied, type BlockContext, type Rule } from './rule.ts';
import { ownValidatorOf } from './staking.ts';

/** What is voted on; `untilHeight` is the last height for votes. */
export interface Proposal extends ParamChange {
  readonly untilHeight: number;
}

const upgradeName = 'upgrade'; // no parameter has this name

/** Id of a proposal: what it says. */
export function proposalIdOf(network: Network, { name, value, untilHeight }: Proposal): Hex {
  const writer = createWriter().variable(utf8(name)).variable(utf8(value));
  return taggedHash('proposal', network, writer.u64(BigInt(untilHeight)).finish());
}

export const paramVote: Rule<'param_vote'> = {
  apply({ overlay, context, from, body }) {
    const { name, value, untilHeight, validator } = body;
    const change = changeParams(context.params, [{ name, value }]);
    if (!change.ok) return change;
    const proposal = { name, value, untilHeight };
    const armed = castVote({ overlay, context, proposal, from, validator });
    if (!armed.ok) return armed;
    if (armed.value) armChange(overlay, { name, value });
    return applied;
  },
};

export const upgradeSignal: Rule<'upgrade_signal'> = {
  apply({ overlay, context, from, body: { version, height, validator } }) {
    const fault = upgradeFault(overlay, context, { version, height });
    if (fault !== undefined) return refuse('UPGRADE_INVALID', { version, height, reason: fault });
    const proposal = { name: upgradeName, value: `${version}`, untilHeight: height };
    const armed = castVote({ overlay, context, proposal, from, validator });
    if (!armed.ok) return armed;
    if (armed.value) {
      const present = versionAt(overlay, context.height);
      overlay.put('upgrade', zeroHash, { present, next: version, height });
    }
    return applied;
  },
};

/** Why a version cannot be next; undefined when it can. */
function upgradeFault(
  overlay: Overlay,
  { height: now, params }: BlockContext,
  { version, height }: { version: number; height: number },
): string | undefined {
  const present = versionAt(overlay, now);
  const lastHeight = lastHeightOf(params, epochOf(params, now));
  if (version <= present) return `the chain runs version ${present}`;
  if (height <= lastHeight) return `the present epoch goes on until ${lastHeight}`;
  const waiting = upgradeAt(overlay);
  return waiting && waiting.height > now
    ? `version ${waiting.next} at height ${waiting.height} waits`
    : undefined;
}

interface Ballot {
  readonly overlay: Overlay;
  readonly context: BlockContext;
  readonly proposal: Proposal;
  readonly from: Hex;
  readonly validator: Hex;
}

/**
 * Counts a vote; true when it is the one that completes a quorum. Refusals: VALIDATOR_UNKNOWN,
 * VALIDATOR_NOT_OWNER, VALIDATOR_NOT_IN_SET, PROPOSAL_EXPIRED, PROPOSAL_ARMED, PROPOSAL_VOTED.
 */
function castVote({ overlay, context, proposal, from, validator }: Ballot): Verdict<boolean> {
  const own = ownValidatorOf(overlay, from, validator);
  if (!own.ok) return own;
  const set = validatorsOfState(overlay);
  if (!set.some(({ publicKey }) => publicKey === validator)) {
    return refuse('VALIDATOR_NOT_IN_SET', { validator });
  }
  const { untilHeight } = proposal;
  const { height } = context;
  if (height > untilHeight) return refuse('PROPOSAL_EXPIRED', { untilHeight, height });
  const id = proposalIdOf(context.network, proposal);
  const known = overlay.entry('proposal', id);
  if (known?.armed) return refuse('PROPOSAL_ARMED');
  const before = known?.voters.map((voter) => voter.validator) ?? [];
  if (before.includes(validator)) return refuse('PROPOSAL_VOTED', { validator });
  // Who left the set since its vote has no weight any more.
  const seats = set.filter(
    ({ publicKey }) => publicKey === validator || before.includes(publicKey),
  );
  const stake = seats.reduce((sum, seat) => sum + seat.stake, 0n);
  const armed = stake >= quorumOf(set);
  const voters = seats.map(({ publicKey }) => ({ validator: publicKey }));
  overlay.put('proposal', id, { ...proposal, voters, armed });
  return accept(armed);
}
