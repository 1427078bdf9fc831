/**
 * The roster of a digest: bonded providers that serve these weights and may be drawn to judge who else does.
 *
 * It is bounded, so it could be filled to keep others out. Hence a place is lost by who is not fit any more when the
 * next one comes, and, when all are fit, by the smallest bond to a larger one. See docs/spec/chain.md, "Audits".
 */
import { amountFromText, amountMax } from '@aitbc/primitives';
import {
  accept,
  addressOf,
  type ChainParams,
  type Hex,
  limits,
  refuse,
  type Verdict,
} from '@aitbc/protocol';
import type { AuditEntry } from '../../audit-entries.ts';
import { type Overlay, providerOf } from '../../state.ts';
import { applied, type BlockContext, type Rule } from '../rule.ts';

export const auditorEnroll: Rule<'auditor_enroll'> = {
  apply({ overlay, context: { params }, from, body: { digest } }) {
    const account = addressOf(from);
    if (!isFit(overlay, params, from)) {
      return refuse('AUDITOR_UNFIT', { account, expected: bondMinOf(params) });
    }
    const members = membersOf(overlay, digest);
    if (members.includes(from)) return refuse('AUDITOR_ENROLLED', { account, digest });
    const others = othersWith(overlay, params, { digest, from, members });
    if (!others.ok) return others;
    putMembers(overlay, digest, [...others.value, from]);
    return applied;
  },
};

interface Coming {
  readonly digest: Hex;
  readonly from: Hex;
  readonly members: readonly Hex[];
}

/** Who stays when a newcomer comes. Refusal: AUDIT_ROSTER_FULL. */
function othersWith(
  overlay: Overlay,
  params: ChainParams,
  { digest, from, members }: Coming,
): Verdict<readonly Hex[]> {
  const fit = members.filter((juror) => isFit(overlay, params, juror));
  if (fit.length < limits.auditJurors) return accept(fit);
  const weakest = fit.reduce((low, juror) =>
    bondOf(overlay, juror) <= bondOf(overlay, low) ? juror : low,
  );
  const bond = bondOf(overlay, weakest);
  return bondOf(overlay, from) > bond
    ? accept(fit.filter((juror) => juror !== weakest))
    : refuse('AUDIT_ROSTER_FULL', { digest, bond });
}

export const auditorLeave: Rule<'auditor_leave'> = {
  apply({ overlay, from, body: { digest } }) {
    if (!membersOf(overlay, digest).includes(from)) {
      return refuse('AUDITOR_UNKNOWN', { account: addressOf(from), digest });
    }
    takeOff(overlay, digest, [from]);
    return applied;
  },
};

/** Takes jurors off the roster of a digest; those who are not on it do no harm. */
export function takeOff(overlay: Overlay, digest: Hex, jurors: readonly Hex[]): void {
  const members = membersOf(overlay, digest);
  const left = members.filter((juror) => !jurors.includes(juror));
  if (left.length < members.length) putMembers(overlay, digest, left);
}

/** Those on the roster who could judge an audit: fit, neither of both parties, and in no round of it before. */
export function eligibleFor(
  overlay: Overlay,
  { params }: BlockContext,
  audit: Pick<AuditEntry, 'digest' | 'provider' | 'opener' | 'seats'>,
): readonly Hex[] {
  const out = [audit.provider, audit.opener, ...audit.seats.map(({ juror }) => juror)];
  return membersOf(overlay, audit.digest).filter(
    (juror) => !out.includes(juror) && isFit(overlay, params, juror),
  );
}

/** A provider with a whole bond that is not on its way out. */
function isFit(overlay: Overlay, params: ChainParams, account: Hex): boolean {
  const provider = providerOf(overlay, account);
  return provider?.unbondDueMs === 0 && provider.bond >= bondMinOf(params);
}

function bondMinOf({ providerBondMin }: ChainParams): bigint {
  return amountFromText(providerBondMin) ?? amountMax;
}

function bondOf(overlay: Overlay, account: Hex): bigint {
  return providerOf(overlay, account)?.bond ?? 0n;
}

function membersOf(overlay: Overlay, digest: Hex): readonly Hex[] {
  return (overlay.entry('jury', digest)?.members ?? []).map(({ juror }) => juror);
}

function putMembers(overlay: Overlay, digest: Hex, jurors: readonly Hex[]): void {
  overlay.put('jury', digest, { members: jurors.map((juror) => ({ juror })) });
}
