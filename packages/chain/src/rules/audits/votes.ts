/**
 * Voting: each juror commits to its verdict, and when all have, or at the date, they reveal. A juror that saw the
 * others' verdicts first could copy them and save the replay. See docs/spec/chain.md, "Audits", "Votes".
 */
import {
  accept,
  addressOf,
  auditCommitmentOf,
  auditParamsOf,
  auditVerdictOf,
  type Hex,
  refuse,
  type TxBody,
  type Verdict,
  zeroHash,
} from '@aitbc/protocol';
import type { AuditEntry, AuditPhase, SeatState } from '../../audit-entries.ts';
import type { Overlay } from '../../state.ts';
import { dateInForce } from '../dates.ts';
import { applied, type BlockContext, type Rule, type Step } from '../rule.ts';
import { noVerdict, seatsOf } from './seats.ts';
import { decide } from './verdicts.ts';

export const auditCommit: Rule<'audit_commit'> = {
  form: (from, { auditId, commitment }) =>
    commitment === zeroHash ? wrong(from, auditId) : accept(true),
  apply(step) {
    const { overlay, context, from, body } = step;
    const { auditId, commitment } = body;
    const found = auditOf(overlay, auditId);
    if (!found.ok) return found;
    const place = seatFor(step, { auditId, audit: found.value, phase: 'commit' });
    if (!place.ok) return place;
    if (place.value.commitment !== zeroHash) return voted(from, auditId);
    const audit = withSeat(found.value, { ...place.value, commitment });
    const isLast = seatsOf(audit).every((seat) => seat.commitment !== zeroHash);
    overlay.put('audit', auditId, isLast ? toReveal(context, audit) : audit);
    return applied;
  },
};

export const auditReveal: Rule<'audit_reveal'> = {
  form: (_from, { verdict }) =>
    auditVerdictOf(verdict) === undefined
      ? refuse('AUDIT_VERDICT_UNKNOWN', { verdict })
      : accept(true),
  apply(step) {
    const { overlay, context, from, body } = step;
    const { auditId, verdict, reportHash } = body;
    const found = auditOf(overlay, auditId);
    if (!found.ok) return found;
    const before = inPhaseOf(step, found.value);
    const place = seatFor(step, { auditId, audit: before, phase: 'reveal' });
    if (!place.ok) return place;
    if (place.value.verdict !== noVerdict) return voted(from, auditId);
    if (commitmentOf(step, before) !== place.value.commitment) return wrong(from, auditId);
    const audit = withSeat(before, { ...place.value, verdict, reportHash });
    const open = seatsOf(audit).filter((seat) => seat.commitment !== zeroHash);
    if (open.every((seat) => seat.verdict !== noVerdict)) {
      return decide(overlay, context, { auditId, audit });
    }
    overlay.put('audit', auditId, audit);
    return applied;
  },
};

/** An audit by its id. Refusal: AUDIT_UNKNOWN. */
export function auditOf(overlay: Overlay, auditId: Hex): Verdict<AuditEntry> {
  const audit = overlay.entry('audit', auditId);
  return audit ? accept(audit) : refuse('AUDIT_UNKNOWN', { auditId });
}

/** The audit with its vote open: from now on jurors reveal. */
export function toReveal(context: BlockContext, audit: AuditEntry): AuditEntry {
  const dueMs = context.timeMs + auditParamsOf(context.params).voteMs;
  return { ...audit, phase: 'reveal', dueMs };
}

/** At its date a commit phase is over, whether somebody closed it or not. */
function inPhaseOf({ overlay, context }: Scene, audit: AuditEntry): AuditEntry {
  const dueMs = dateInForce({ overlay, context }, audit.dueMs);
  const isOver = audit.phase === 'commit' && context.timeMs >= dueMs;
  return isOver ? toReveal(context, audit) : audit;
}

type Scene = Pick<Step<'audit_commit'>, 'overlay' | 'context' | 'from'>;

interface Turn {
  readonly auditId: Hex;
  readonly audit: AuditEntry;
  readonly phase: AuditPhase;
}

/** Seat of a juror whose turn it is. Refusals: AUDIT_PHASE_WRONG, AUDIT_NOT_PARTY, AUDIT_LATE. */
function seatFor(scene: Scene, { auditId, audit, phase }: Turn): Verdict<SeatState> {
  const { overlay, context, from } = scene;
  if (audit.phase !== phase) return refuse('AUDIT_PHASE_WRONG', { auditId, phase: audit.phase });
  const seat = seatsOf(audit).find(({ juror }) => juror === from);
  if (!seat) return refuse('AUDIT_NOT_PARTY', { auditId, role: 'a juror of the present round' });
  const dueAt = dateInForce({ overlay, context }, audit.dueMs);
  const { timeMs: now } = context;
  return now < dueAt ? accept(seat) : refuse('AUDIT_LATE', { dueAt, now });
}

function withSeat(audit: AuditEntry, changed: SeatState): AuditEntry {
  const seats = audit.seats.map((seat) => (seat.juror === changed.juror ? changed : seat));
  return { ...audit, seats };
}

function commitmentOf({ context, from, body }: Step<'audit_reveal'>, { round }: AuditEntry): Hex {
  const { auditId, verdict: number, reportHash, salt }: TxBody<'audit_reveal'> = body;
  const verdict = auditVerdictOf(number) ?? 'void';
  return auditCommitmentOf(context.network, {
    ...{ auditId, juror: from, round, verdict, reportHash, salt },
  });
}

function voted(from: Hex, auditId: Hex): Verdict<never> {
  return refuse('AUDIT_VOTED', { juror: addressOf(from), auditId });
}

function wrong(from: Hex, auditId: Hex): Verdict<never> {
  return refuse('AUDIT_COMMITMENT_WRONG', { juror: addressOf(from), auditId });
}
