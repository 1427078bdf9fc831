/**
 * Appeals, and going on without those who are silent.
 *
 *   open ─→ DRAWING ─2 blocks→ COMMIT ─all, or date→ REVEAL ─all, or date→ DECIDED ─date→ CLOSED
 *              ↑                                        │ (round 2)           │
 *              └───────────────── audit_appeal, once ───┼─────────────────────┘
 *                                                       └──────────────────────────────→ CLOSED
 *
 * Each phase lasts `auditVoteMs` from the block in which it begins; at its date anyone may send `audit_close`, which
 * takes one step. So every coin in an audit has a date and a way out that needs no party's consent.
 * See docs/spec/chain.md, "Audits".
 */
import { auditParamsOf, refuse } from '@aitbc/protocol';
import { dateInForce } from '../dates.ts';
import { applied, type Rule } from '../rule.ts';
import { awaitDraw, checkDrawable } from './docket.ts';
import { changeBack, checkDeposit, holdBond } from './open.ts';
import { payOut } from './payout.ts';
import { decide } from './verdicts.ts';
import { auditOf, toReveal } from './votes.ts';

export const auditClose: Rule<'audit_close'> = {
  apply({ overlay, context, body: { auditId } }) {
    const found = auditOf(overlay, auditId);
    if (!found.ok) return found;
    const audit = found.value;
    const { phase } = audit;
    if (phase === 'closed' || phase === 'drawing') {
      return refuse('AUDIT_PHASE_WRONG', { auditId, phase });
    }
    const { timeMs: now } = context;
    const dueAt = dateInForce({ overlay, context }, audit.dueMs);
    if (now < dueAt) return refuse('AUDIT_EARLY', { auditId, dueAt, now });
    if (phase === 'reveal') return decide(overlay, context, { auditId, audit });
    if (phase === 'decided') return payOut(overlay, context, { auditId, audit, second: 'none' });
    overlay.put('audit', auditId, toReveal(context, audit));
    return applied;
  },
};

const appealDeposits = 2n;

export const auditAppeal: Rule<'audit_appeal'> = {
  spend: ({ deposit }) => deposit,
  apply({ overlay, context, from, body: { auditId, deposit } }) {
    const found = auditOf(overlay, auditId);
    if (!found.ok) return found;
    const audit = found.value;
    const { phase, first, provider, opener } = audit;
    if (phase !== 'decided') return refuse('AUDIT_PHASE_WRONG', { auditId, phase });
    const loser = first === 'guilty' ? provider : opener;
    if (from !== loser) return refuse('AUDIT_NOT_PARTY', { auditId, role: 'the loser of round 1' });
    const { timeMs: now } = context;
    const dueAt = dateInForce({ overlay, context }, audit.dueMs);
    if (now >= dueAt) return refuse('AUDIT_LATE', { dueAt, now });
    const appealDeposit = appealDeposits * audit.deposit;
    const paid = checkDeposit(deposit, appealDeposit);
    if (!paid.ok) return paid;
    const dueMs = now + auditParamsOf(context.params).voteMs;
    const appealed = { ...audit, appellant: from, appealDeposit, round: 2, dueMs };
    const drawable = checkDrawable(overlay, context, appealed);
    if (!drawable.ok) return drawable;
    if (first !== 'guilty') holdBond(overlay, context, provider);
    overlay.put('audit', auditId, { ...appealed, phase: 'drawing' });
    awaitDraw(overlay, context, auditId);
    return changeBack({ overlay, from }, deposit - appealDeposit);
  },
};
