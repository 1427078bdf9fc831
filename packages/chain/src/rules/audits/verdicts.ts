/**
 * Judging: counting the verdicts of a round, and taking the bond. A verdict stands when more than half of all jurors
 * that were drawn gave it, so silence never convicts and never acquits. `honest` and `void` both acquit: what cannot
 * be judged is no proof. See docs/spec/chain.md, "Audits", "Verdict".
 */
import { auditParamsOf, convictionIdOf, type Hex, zeroHash } from '@aitbc/protocol';
import type { AuditEntry, AuditOutcome, SeatState } from '../../audit-entries.ts';
import { type Overlay, providerOf } from '../../state.ts';
import { applied, type BlockContext, type Outcome } from '../rule.ts';
import { payOut } from './payout.ts';
import { takeOff } from './roster.ts';
import { noVerdict, seatsOf, sidesOf } from './seats.ts';

function resultOf(seats: readonly SeatState[]): Exclude<AuditOutcome, 'none'> {
  const { guilty, acquitted } = sidesOf(seats);
  if (guilty.length * 2 > seats.length) return 'guilty';
  return acquitted.length * 2 > seats.length ? 'acquitted' : 'undecided';
}

/**
 * Ends the vote of a round: the silent lose their place on the roster, a guilty provider a part of its bond. After
 * round 1 the loser may appeal until a date; round 2 is final.
 */
export function decide(
  overlay: Overlay,
  context: BlockContext,
  { auditId, audit }: { readonly auditId: Hex; readonly audit: AuditEntry },
): Outcome {
  const seats = seatsOf(audit);
  const result = resultOf(seats);
  const silent = seats.filter(({ verdict }) => verdict === noVerdict).map(({ juror }) => juror);
  takeOff(overlay, audit.digest, silent);
  const isNew = result === 'guilty' && audit.first !== 'guilty';
  const held = isNew ? takeBond(overlay, context, { auditId, audit }) : audit.held;
  if (audit.round > 1) {
    return payOut(overlay, context, { auditId, audit: { ...audit, held }, second: result });
  }
  const dueMs = context.timeMs + auditParamsOf(context.params).voteMs;
  overlay.put('audit', auditId, { ...audit, held, first: result, phase: 'decided', dueMs });
  return applied;
}

const wholeBps = 10_000n;

/** What the provider loses, nait: nothing when another audit has convicted it for the same job. */
function takeBond(
  overlay: Overlay,
  { network, params }: BlockContext,
  { auditId, audit }: { readonly auditId: Hex; readonly audit: AuditEntry },
): bigint {
  const id = convictionIdOf(network, audit);
  const convictedBy = overlay.entry('conviction', id)?.auditId ?? zeroHash;
  if (convictedBy !== zeroHash) return 0n;
  overlay.put('conviction', id, { auditId });
  const known = providerOf(overlay, audit.provider);
  if (!known) return 0n;
  const loss = (known.bond * BigInt(auditParamsOf(params).slashBps) + wholeBps - 1n) / wholeBps;
  const bond = known.bond - loss;
  const unbondDueMs = bond === 0n ? 0 : known.unbondDueMs;
  overlay.put('provider', audit.provider, { ...known, bond, unbondDueMs });
  return loss;
}
