/**
 * The end of an audit: who gets what it holds.
 *
 * A round is paid one deposit, whatever it decided, as long as its verdict stands: a juror that earned more by one
 * verdict than by the other would give that one. So a conviction pays jurors no more than an acquittal, and what a
 * guilty provider loses beyond that is burned, but for the opener's reward, which is the part that evidence against a
 * validator earns. Jurors whose verdict was overturned, or who were in the minority, get nothing.
 *
 *   what                       final: guilty                      acquitted                       undecided
 *   opener's deposit D         opener                             the acquitting jurors ¹         opener
 *   taken from the bond        D to the convicting jurors,        back                            back
 *                              a reward to the opener, rest burned
 *   appellant's deposit 2 D    appeal lost: D to the jurors of round 2, D to the other party; else back
 *
 *   ¹ of round 1 when it acquitted, of round 2 when that overturned; back to the opener when round 1 was undecided.
 *
 * Whatever is paid to nobody is burned, remainders of shares too: so coins are conserved by construction.
 * Rejected: half of what was taken for the jurors (to convict would pay ten times as much as to acquit).
 * See docs/spec/chain.md, "Audits", "Payouts".
 */
import { amountMax } from '@aitbc/primitives';
import { convictionIdOf, type Hex, refuse, zeroHash } from '@aitbc/protocol';
import {
  type AuditEntry,
  type AuditOutcome,
  coinsIn,
  type SeatState,
} from '../../audit-entries.ts';
import { type Overlay, providerOf } from '../../state.ts';
import { applied, type BlockContext, burn, credit, type Outcome } from '../rule.ts';
import { sidesOf } from './seats.ts';

/** An audit to end; `second` is what round 2 decided, `none` when it had no say. */
export interface Ending {
  readonly auditId: Hex;
  readonly audit: AuditEntry;
  readonly second: AuditOutcome;
}

type Payment = readonly [to: Hex, amount: bigint];

/** Pays all that an audit holds and closes it. */
export function payOut(overlay: Overlay, context: BlockContext, ending: Ending): Outcome {
  const { auditId, audit } = ending;
  const outcome = outcomeOf(ending);
  const home = outcome === 'guilty' ? 0n : audit.held;
  const payments = paymentsOf(ending, BigInt(context.params.evidenceRewardBps));
  overlay.put('audit', auditId, { ...audit, phase: 'closed', dueMs: 0, outcome });
  for (const [to, balance] of payments) {
    const paid = balance > 0n ? credit(overlay, to, { balance }) : applied;
    if (!paid.ok) return paid;
  }
  burn(overlay, coinsIn(audit) - home - payments.reduce((sum, [, amount]) => sum + amount, 0n));
  if (audit.first === 'guilty' && outcome !== 'guilty') takeBack(overlay, context, ending);
  return home > 0n ? giveBack(overlay, audit.provider, home) : applied;
}

/** What holds for good: round 2 where there was one, else round 1; an audit that was never judged is undecided. */
function outcomeOf({ audit, second }: Ending): AuditOutcome {
  const last = second === 'none' ? audit.first : second;
  return last === 'none' ? 'undecided' : last;
}

function paymentsOf(ending: Ending, rewardBps: bigint): readonly Payment[] {
  return [...ofDeposit(ending), ...ofAppeal(ending), ...ofFine(ending, rewardBps)];
}

function ofDeposit(ending: Ending): readonly Payment[] {
  const { first, deposit, opener } = ending.audit;
  const stays = outcomeOf(ending) !== 'acquitted' || first === 'undecided';
  if (stays) return [[opener, deposit]];
  return shared(deposit, jurorsBehind(ending.audit, first === 'acquitted' ? 1 : 2));
}

function ofAppeal({ audit, second }: Ending): readonly Payment[] {
  const { appellant, provider, opener, deposit, appealDeposit } = audit;
  if (appellant === zeroHash) return [];
  const isProvider = appellant === provider;
  if (second !== (isProvider ? 'guilty' : 'acquitted')) return [[appellant, appealDeposit]];
  const other = isProvider ? opener : provider;
  return [...shared(deposit, jurorsBehind(audit, 2)), [other, appealDeposit - deposit]];
}

const wholeBps = 10_000n;

function ofFine(ending: Ending, rewardBps: bigint): readonly Payment[] {
  const { first, held, deposit, opener } = ending.audit;
  if (outcomeOf(ending) !== 'guilty') return [];
  const pot = held < deposit ? held : deposit;
  const reward = ((held - pot) * rewardBps) / wholeBps;
  const jurors = jurorsBehind(ending.audit, first === 'guilty' ? 1 : 2);
  return [...shared(pot, jurors), [opener, reward]];
}

/** Jurors of a round that were of the opinion which its majority had. */
function jurorsBehind({ seats }: AuditEntry, round: number): readonly Hex[] {
  const { guilty, acquitted } = sidesOf(seats.filter((seat: SeatState) => seat.round === round));
  return (guilty.length > acquitted.length ? guilty : acquitted).map(({ juror }) => juror);
}

function shared(amount: bigint, jurors: readonly Hex[]): readonly Payment[] {
  return jurors.map((juror) => [juror, amount / BigInt(jurors.length)]);
}

/** The provider is not convicted for this job any more, unless another audit did it first. */
function takeBack(overlay: Overlay, { network }: BlockContext, { auditId, audit }: Ending): void {
  const id = convictionIdOf(network, audit);
  if (overlay.entry('conviction', id)?.auditId !== auditId) return;
  overlay.put('conviction', id, { auditId: zeroHash });
}

/** To the bond; to the balance of a provider that has none any more. */
function giveBack(overlay: Overlay, provider: Hex, amount: bigint): Outcome {
  const known = providerOf(overlay, provider);
  if (!known || known.bond === 0n) {
    const paid = credit(overlay, provider, { balance: amount });
    return paid.ok ? applied : paid;
  }
  const bond = known.bond + amount;
  if (bond > amountMax) return refuse('TX_AMOUNT_OVERFLOW');
  overlay.put('provider', provider, { ...known, bond });
  return applied;
}
