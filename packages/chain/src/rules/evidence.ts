/**
 * Evidence on chain: two contradicting votes cost the validator a part of its stake, also of what is on
 * its way out, and its place for ever. Each validator is convicted once. A part of the loss goes to the
 * sender, so that somebody cares to send it; the rest is burned, so that nobody gains by convicting itself.
 * See docs/spec/chain.md, "Evidence".
 */
import { evidenceOfBody, refuse, verifyEvidence } from '@aitbc/protocol';
import type { ValidatorState } from '../entries.ts';
import { leaveRoster } from '../epoch/validator-set.ts';
import { validatorOf } from '../state.ts';
import { checkKey } from './channel.ts';
import { applied, burn, credit, type Rule } from './rule.ts';

const wholeBps = 10_000n;

export const evidenceSubmit: Rule<'evidence_submit'> = {
  form: (_from, { validator }) => checkKey(validator, 'validator'),
  apply({ overlay, context, from, body }) {
    const { validator } = body;
    const known = validatorOf(overlay, validator);
    if (!known) return refuse('VALIDATOR_UNKNOWN', { validator });
    if (known.slashed) return refuse('VALIDATOR_SLASHED', { validator });
    if (known.stake + known.leaving === 0n) {
      return refuse('EVIDENCE_INVALID', { reason: 'the stake was withdrawn before it came' });
    }
    const guilty = verifyEvidence(context.network, evidenceOfBody(body));
    if (!guilty.ok) return guilty;
    const { equivocationSlashBps, evidenceRewardBps } = context.params;
    const slashed = convict(known, equivocationSlashBps);
    const reward = partOf(slashed.loss, evidenceRewardBps);
    leaveRoster(overlay, validator);
    overlay.put('validator', validator, slashed.entry);
    burn(overlay, slashed.loss - reward);
    const paid = credit(overlay, from, { balance: reward });
    return paid.ok ? applied : paid;
  },
};

function convict(known: ValidatorState, slashBps: number): { entry: ValidatorState; loss: bigint } {
  const ofStake = partOf(known.stake, slashBps);
  const ofLeaving = partOf(known.leaving, slashBps);
  const stake = known.stake - ofStake;
  const leaving = known.leaving - ofLeaving;
  return { entry: { ...known, stake, leaving, slashed: true }, loss: ofStake + ofLeaving };
}

/** A part in 1/10 000 of an amount, rounded down. */
function partOf(amount: bigint, bps: number): bigint {
  return (amount * BigInt(bps)) / wholeBps;
}
