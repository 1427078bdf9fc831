/**
 * Staking: coins behind a validator key. They belong to the owner that bonded first; the key agreed to it
 * with a signature. What leaves waits for `stakeUnbondingMs` and can be slashed until it is withdrawn, so
 * nobody can do harm and be gone with the stake before the evidence comes.
 *
 * Rejected: several owners for one validator (delegation): each would need a share of every slash.
 * See docs/spec/chain.md, "Staking".
 */
import { amountMax } from '@aitbc/primitives';
import {
  accept,
  addressOf,
  type Hex,
  refuse,
  type Verdict,
  verifyStakeProof,
} from '@aitbc/protocol';
import type { ValidatorState } from '../entries.ts';
import { enterRoster, leaveRoster, stakeMinOf } from '../epoch/validator-set.ts';
import { type Overlay, validatorOf } from '../state.ts';
import { checkKey } from './channel.ts';
import { dateInForce } from './dates.ts';
import { applied, checkNotZero, credit, lacking, type Rule } from './rule.ts';

export const validatorBond: Rule<'validator_bond'> = {
  form(_from, { validator, stake }) {
    const key = checkKey(validator, 'validator');
    return key.ok ? checkNotZero(stake) : key;
  },
  spend: ({ stake }) => stake,
  apply({ overlay, context, from, body }) {
    const { validator, stake: added, keySignature } = body;
    if (!verifyStakeProof(context.network, from, { validator, keySignature })) {
      return refuse('TX_SIGNATURE_INVALID', { from: validator });
    }
    const known = validatorOf(overlay, validator);
    if (known && known.owner !== from) return notOwner(validator, known);
    if (known?.slashed) return refuse('VALIDATOR_SLASHED', { validator });
    const stake = (known?.stake ?? 0n) + added;
    if (stake > amountMax) return refuse('TX_AMOUNT_OVERFLOW');
    const expected = stakeMinOf(context.params);
    if (stake < expected) return refuse('STAKE_LOW', { got: stake, expected });
    const entered = enterRoster(overlay, { publicKey: validator, stake });
    if (!entered.ok) return entered;
    overlay.put('validator', validator, { ...(known ?? newcomer(from)), stake });
    return applied;
  },
};

function newcomer(owner: Hex): ValidatorState {
  const nothing = { stake: 0n, leaving: 0n, leavingDueMs: 0, jailedUntilMs: 0, missedViews: 0 };
  return { owner, ...nothing, slashed: false };
}

export const validatorUnbond: Rule<'validator_unbond'> = {
  form: (_from, { amount }) => checkNotZero(amount),
  apply({ overlay, context, from, body: { validator, amount } }) {
    const own = ownValidatorOf(overlay, from, validator);
    if (!own.ok) return own;
    const { stake: before, leaving } = own.value;
    if (before < amount) return lacking(`the stake of validator ${validator}`, before, amount);
    const stake = before - amount;
    const leavingDueMs = context.timeMs + context.params.stakeUnbondingMs;
    if (stake < stakeMinOf(context.params)) leaveRoster(overlay, validator);
    const entry = { ...own.value, stake, leaving: leaving + amount, leavingDueMs };
    overlay.put('validator', validator, entry);
    return applied;
  },
};

export const stakeWithdraw: Rule<'stake_withdraw'> = {
  apply({ overlay, context, body: { validator } }) {
    const known = validatorOf(overlay, validator);
    if (!known) return refuse('VALIDATOR_UNKNOWN', { validator });
    const { owner, leaving, leavingDueMs } = known;
    const dateMs = dateInForce({ overlay, context }, leavingDueMs);
    if (leavingDueMs === 0 || context.timeMs < dateMs) {
      const dueAt = dateMs || 'a time that validator_unbond sets';
      return refuse('STAKE_LOCKED', { validator, dueAt, now: context.timeMs });
    }
    overlay.put('validator', validator, { ...known, leaving: 0n, leavingDueMs: 0 });
    const paid = credit(overlay, owner, { balance: leaving });
    return paid.ok ? applied : paid;
  },
};

export const validatorUnjail: Rule<'validator_unjail'> = {
  apply({ overlay, context, from, body: { validator } }) {
    const own = ownValidatorOf(overlay, from, validator);
    if (!own.ok) return own;
    const { jailedUntilMs: dueAt, slashed } = own.value;
    if (slashed) return refuse('VALIDATOR_SLASHED', { validator });
    if (dueAt === 0) return refuse('VALIDATOR_NOT_JAILED', { validator });
    const { timeMs: now } = context;
    if (now < dueAt) return refuse('VALIDATOR_JAILED', { validator, dueAt, now });
    overlay.put('validator', validator, { ...own.value, jailedUntilMs: 0, missedViews: 0 });
    return applied;
  },
};

/** A validator of this owner. Refusals: VALIDATOR_UNKNOWN, VALIDATOR_NOT_OWNER. */
export function ownValidatorOf(
  overlay: Overlay,
  owner: Hex,
  validator: Hex,
): Verdict<ValidatorState> {
  const known = validatorOf(overlay, validator);
  if (!known) return refuse('VALIDATOR_UNKNOWN', { validator });
  return known.owner === owner ? accept(known) : notOwner(validator, known);
}

function notOwner(validator: Hex, { owner }: ValidatorState): Verdict<never> {
  return refuse('VALIDATOR_NOT_OWNER', { validator, owner: addressOf(owner) });
}
