/**
 * The docket: audits that wait for their jurors. One that enters in block h is drawn after the last transaction of
 * block h+2, by the hash of block h+1, which nobody knows in block h. The docket is bounded by what one block may have
 * to draw, and empties by itself every second block, so that filling it keeps nobody out for long.
 *
 * Not prevented: the proposer of block h+1 may try several blocks and publish the one whose hash it likes. An appeal
 * is drawn by another block. See docs/spec/chain.md, "Audits", "Draw".
 */
import {
  accept,
  auditParamsOf,
  drawOrder,
  type Hex,
  limits,
  refuse,
  type Verdict,
  zeroHash,
} from '@aitbc/protocol';
import { type AuditEntry, jurorsOfRound } from '../../audit-entries.ts';
import type { Overlay } from '../../state.ts';
import type { BlockContext } from '../rule.ts';
import { payOut } from './payout.ts';
import { eligibleFor } from './roster.ts';

const blocksUntilDraw = 2;

/** Jurors of the present round. */
export function jurorCountOf({ round }: Pick<AuditEntry, 'round'>): number {
  return round === 1 ? jurorsOfRound[1] : jurorsOfRound[2];
}

/** Enough jurors and room on the docket. Refusals: AUDIT_JURORS_FEW, AUDIT_DOCKET_FULL. */
export function checkDrawable(
  overlay: Overlay,
  context: BlockContext,
  audit: Pick<AuditEntry, 'digest' | 'provider' | 'opener' | 'seats' | 'round'>,
): Verdict<true> {
  const { digest } = audit;
  const found = eligibleFor(overlay, context, audit).length;
  const needed = jurorCountOf(audit);
  if (found < needed) return refuse('AUDIT_JURORS_FEW', { digest, found, needed });
  const count = waitingIn(overlay).length;
  return count < limits.auditDocket ? accept(true) : refuse('AUDIT_DOCKET_FULL', { count });
}

/** Puts an audit on the docket. */
export function awaitDraw(overlay: Overlay, { height }: BlockContext, auditId: Hex): void {
  const row = { auditId, drawHeight: height + blocksUntilDraw };
  overlay.put('docket', zeroHash, { waiting: [...waitingIn(overlay), row] });
}

/** Draws the jurors of all audits whose block has come: after the last transaction of a block. `seed` is its parent's hash. */
export function drawDue(overlay: Overlay, context: BlockContext, seed: Hex): void {
  const waiting = waitingIn(overlay);
  const due = waiting.filter(({ drawHeight }) => drawHeight <= context.height);
  if (due.length === 0) return;
  overlay.put('docket', zeroHash, { waiting: waiting.slice(due.length) });
  for (const { auditId } of due) {
    const drawn = draw(overlay, context, { auditId, seed });
    if (!drawn.ok) throw new RangeError('an audit pays more than 2^64-1: coins were made');
  }
}

/** Seats the first of the draw. With too few who could judge, the audit ends with what was decided before. */
function draw(
  overlay: Overlay,
  context: BlockContext,
  { auditId, seed }: { readonly auditId: Hex; readonly seed: Hex },
): Verdict<unknown> {
  const audit = overlay.entry('audit', auditId);
  if (!audit) throw new RangeError(`audit ${auditId} waits for its draw and does not exist`);
  const candidates = eligibleFor(overlay, context, audit);
  const count = jurorCountOf(audit);
  if (candidates.length < count)
    return payOut(overlay, context, { auditId, audit, second: 'none' });
  const order = drawOrder(context.network, { seed, subject: auditId, candidates });
  const empty = { round: audit.round, commitment: zeroHash, verdict: 0, reportHash: zeroHash };
  const drawn = order.slice(0, count).map((juror) => ({ juror, ...empty }));
  const seats = [...audit.seats, ...drawn];
  const dueMs = context.timeMs + auditParamsOf(context.params).voteMs;
  overlay.put('audit', auditId, { ...audit, seats, phase: 'commit', dueMs });
  return accept(true);
}

function waitingIn(overlay: Overlay) {
  return overlay.entry('docket', zeroHash)?.waiting ?? [];
}
