/**
 * Opening an audit. What the opener brings is a receipt that the provider signed, so nobody can be accused of a job it
 * did not do; the record behind it is judged by the jurors, who void one that does not fit.
 *
 * Ways out for a cheat that are closed here: taking the bond away (an open audit keeps a bond that is leaving for
 * three phases), changing the key (receipts of the former key count), and having the job audited first over a record
 * that nobody can judge (the record is part of the id). See docs/spec/chain.md, "Audits", "Opening".
 */
import {
  accept,
  addressOf,
  auditDigestOf,
  auditIdOf,
  auditParamsOf,
  convictionIdOf,
  type Hex,
  limits,
  type ReceiptPayload,
  readAuditReceipt,
  refuse,
  type SignedReceipt,
  type Verdict,
  verifyReceipt,
  zeroHash,
} from '@aitbc/protocol';
import type { AuditEntry } from '../../audit-entries.ts';
import { type Overlay, providerOf } from '../../state.ts';
import { dateInForce } from '../dates.ts';
import { applied, type BlockContext, credit, type Outcome, type Rule, type Step } from '../rule.ts';
import { awaitDraw, checkDrawable } from './docket.ts';

type OpenStep = Step<'audit_open'>;

export const auditOpen: Rule<'audit_open'> = {
  form: (from, { provider }) => (from === provider ? refuse('AUDIT_OWN') : accept(true)),
  spend: ({ deposit }) => deposit,
  apply(step) {
    const receipt = receiptOf(step);
    if (!receipt.ok) return receipt;
    const { overlay, context, from, body } = step;
    const { depositMinNait } = auditParamsOf(context.params);
    const { provider, recordHash } = body;
    const { jobId, digest } = receipt.value.payload;
    const auditId = auditIdOf(context.network, { jobId, provider, recordHash });
    const audit = newAudit({ provider, opener: from, jobId, recordHash }, auditDigestOf(digest));
    const fresh = checkNew(step, auditId, audit);
    if (!fresh.ok) return fresh;
    const paid = checkDeposit(body.deposit, depositMinNait);
    if (!paid.ok) return paid;
    const drawable = checkDrawable(overlay, context, audit);
    if (!drawable.ok) return drawable;
    const signed = checkSigner(step, receipt.value);
    if (!signed.ok) return signed;
    holdBond(overlay, context, provider);
    const dueMs = context.timeMs + auditParamsOf(context.params).voteMs;
    overlay.put('audit', auditId, { ...audit, deposit: depositMinNait, dueMs });
    awaitDraw(overlay, context, auditId);
    return changeBack(step, body.deposit - depositMinNait);
  },
};

function newAudit(
  parties: Pick<AuditEntry, 'provider' | 'opener' | 'jobId' | 'recordHash'>,
  digest: Hex,
): AuditEntry {
  const money = { deposit: 0n, appellant: zeroHash, appealDeposit: 0n, held: 0n };
  const course = { round: 1, phase: 'drawing', dueMs: 0, first: 'none', outcome: 'none' } as const;
  return { ...parties, digest, ...money, ...course, seats: [] };
}

/** The receipt, fresh enough, of a bonded provider. Refusals: PROVIDER_UNKNOWN, RECEIPT_INVALID, AUDIT_RECEIPT_AGE. */
function receiptOf({ overlay, context, body }: OpenStep): Verdict<SignedReceipt> {
  const account = addressOf(body.provider);
  const bond = providerOf(overlay, body.provider)?.bond ?? 0n;
  if (bond === 0n) return refuse('PROVIDER_UNKNOWN', { account });
  const receipt = readAuditReceipt(body.receipt);
  if (!receipt.ok) return receipt;
  const { provider, atMs }: ReceiptPayload = receipt.value.payload;
  if (provider !== account) {
    return refuse('RECEIPT_INVALID', { reason: `it is of ${provider}` });
  }
  const { timeMs: now } = context;
  const { receiptAgeMs } = auditParamsOf(context.params);
  const [from, to] = [now - receiptAgeMs, now + limits.clockSkewMs];
  const isOld = now > dateInForce({ overlay, context }, atMs + receiptAgeMs);
  return isOld || atMs > to ? refuse('AUDIT_RECEIPT_AGE', { atMs, now, from, to }) : receipt;
}

/** Refusal AUDIT_EXISTS: for a job that was judged, or over a record that is being judged. */
function checkNew(
  { overlay, context: { network } }: OpenStep,
  auditId: Hex,
  audit: AuditEntry,
): Verdict<true> {
  const { jobId } = audit;
  const before = overlay.entry('audit', auditId);
  const convictedBy = overlay.entry('conviction', convictionIdOf(network, audit))?.auditId;
  const isJudged = before !== undefined && before.outcome !== 'undecided';
  return isJudged || (convictedBy !== undefined && convictedBy !== zeroHash)
    ? refuse('AUDIT_EXISTS', { auditId, jobId })
    : accept(true);
}

/** Refusal AUDIT_DEPOSIT_LOW. */
export function checkDeposit(got: bigint, expected: bigint): Verdict<true> {
  return got < expected ? refuse('AUDIT_DEPOSIT_LOW', { got, expected }) : accept(true);
}

/** By the registered key, or the one before it while that counts. Refusal: RECEIPT_INVALID. */
function checkSigner(
  { overlay, context, body: { provider } }: OpenStep,
  receipt: SignedReceipt,
): Verdict<ReceiptPayload> {
  const { network, timeMs } = context;
  const former = overlay.entry('formerKey', provider);
  const untilMs = dateInForce({ overlay, context }, former?.untilMs ?? 0);
  const isFormer = former?.authorizer === receipt.signer && timeMs < untilMs;
  const authorizer = providerOf(overlay, provider)?.authorizer ?? zeroHash;
  return verifyReceipt(network, receipt, isFormer ? receipt.signer : authorizer);
}

const phasesHeld = 3;

/** A bond that is leaving stays until the round that begins now can have ended. */
export function holdBond(overlay: Overlay, context: BlockContext, provider: Hex): void {
  const known = providerOf(overlay, provider);
  const heldUntilMs = context.timeMs + phasesHeld * auditParamsOf(context.params).voteMs;
  if (!known || known.unbondDueMs === 0 || known.unbondDueMs >= heldUntilMs) return;
  overlay.put('provider', provider, { ...known, unbondDueMs: heldUntilMs });
}

/** What was offered as a deposit beyond what it takes goes back to the balance of its sender. */
export function changeBack(
  { overlay, from }: Pick<OpenStep, 'overlay' | 'from'>,
  balance: bigint,
): Outcome {
  const paid = balance > 0n ? credit(overlay, from, { balance }) : accept(true);
  return paid.ok ? applied : paid;
}
