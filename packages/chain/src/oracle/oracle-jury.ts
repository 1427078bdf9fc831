/** The oracle on rosters of jurors and former keys. See docs/spec/chain.md, "Audits". */
import type { Hex, TxBody } from '@aitbc/protocol';
import type { AuditEntry } from '../audit-entries.ts';
import type { ProviderState } from '../entries.ts';
import { endOf, need, type Stage, type Tables } from './oracle-state.ts';

/** The end of a block has no sender. */
export type EndStage = Omit<Stage, 'from'>;

const rosterSize = 64;

/** A provider with a whole bond that stays. */
export function isFit({ tables, params }: EndStage, id: Hex): boolean {
  const provider = tables.provider.get(id);
  if (!provider || provider.unbondDueMs > 0) return false;
  return provider.bond >= BigInt(params.providerBondMin);
}

/** Who is on the roster of a digest. */
export function rosterOf(tables: Tables, digest: Hex): Hex[] {
  return (tables.jury.get(digest)?.members ?? []).map(({ juror }) => juror);
}

/** Writes the roster of a digest. */
export function setRoster(tables: Tables, digest: Hex, jurors: readonly Hex[]): void {
  tables.jury.set(digest, { members: jurors.map((juror) => ({ juror })) });
}

/** `auditor_enroll`. */
export function enroll(stage: Stage, { digest }: TxBody<'auditor_enroll'>): void {
  const { tables, from } = stage;
  need(isFit(stage, from), 'AUDITOR_UNFIT');
  const before = rosterOf(tables, digest);
  need(!before.includes(from), 'AUDITOR_ENROLLED');
  let stay = before.filter((id) => isFit(stage, id));
  if (stay.length === rosterSize) {
    const bond = (id: Hex) => (tables.provider.get(id) as ProviderState).bond;
    const smallest = stay.map(bond).sort((a, b) => (a < b ? -1 : 1))[0] as bigint;
    need(bond(from) > smallest, 'AUDIT_ROSTER_FULL');
    const loser = stay.findLast((id) => bond(id) === smallest);
    stay = stay.filter((id) => id !== loser);
  }
  setRoster(tables, digest, [...stay, from]);
}

/** `auditor_leave`. */
export function leaveRoster({ tables, from }: Stage, { digest }: TxBody<'auditor_leave'>): void {
  const before = rosterOf(tables, digest);
  need(before.includes(from), 'AUDITOR_UNKNOWN');
  setRoster(
    tables,
    digest,
    before.filter((id) => id !== from),
  );
}

/** Who may be drawn. */
export function candidates(stage: EndStage, audit: AuditEntry): Hex[] {
  const sat = audit.seats.map(({ juror }) => juror);
  return rosterOf(stage.tables, audit.digest).filter(
    (id) => isFit(stage, id) && id !== audit.provider && id !== audit.opener && !sat.includes(id),
  );
}

/** What a provider replaced its key with: the old one counts for half of the time a bond takes to leave. */
export function rememberKey(stage: Stage, authorizer: Hex): void {
  const { tables, timeMs, params, from } = stage;
  const before = tables.provider.get(from);
  if (before === undefined || before.authorizer === authorizer) return;
  const former = tables.formerKey.get(from);
  const isOver = former === undefined || timeMs >= endOf(stage, former.untilMs);
  need(isOver || former.authorizer === authorizer, 'PROVIDER_KEY_FRESH');
  const untilMs = timeMs + Math.floor(params.unbondingMs / 2);
  tables.formerKey.set(from, { authorizer: before.authorizer, untilMs });
}
