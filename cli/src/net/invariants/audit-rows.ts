/** Rows about audits: who was convicted, and who lost a bond. */
import type { InvariantRow } from '../contract.ts';
import type { Evidence } from './evidence.ts';
import { rowOf } from './row.ts';

/** What a desk says before, or without, a jury. */
const words: readonly string[] = ['honest', 'accused', 'disputed'];

/** The rows. */
export function auditRows(evidence: Evidence): InvariantRow[] {
  return [verdictsRow(evidence), bondsRow(evidence), punishedRow(evidence)];
}

function verdictsRow({ audits, facts }: Evidence): InvariantRow {
  const decided = audits.filter(({ state, found }) =>
    found === null ? words.includes(state) : found !== 'undecided',
  );
  const claim =
    'auditors and jurors found against those who run another model, and against nobody else';
  return rowOf({ name: 'audit verdicts are right', claim }, decided, (audit) => {
    const { provider, state, found, jobId } = audit;
    const place = facts.providers.find(({ keys }) => keys.address === provider);
    const isFound = found === null ? state !== 'honest' : found === 'guilty';
    if ((place?.role === 'otherModel') === isFound) return undefined;
    return `${place?.name} (${place?.role}) is ${found ?? state} for job ${jobId.slice(0, 8)}`;
  });
}

function bondsRow({ facts, bonds, bondMinNait }: Evidence): InvariantRow {
  const honest = facts.providers.filter(({ role }) => role !== 'otherModel');
  const claim = 'no provider that runs the model it sells has lost any of its bond';
  return rowOf({ name: 'no innocent is punished', claim }, honest, ({ name }) => {
    const bond = bonds.get(name) ?? 0n;
    return bond >= bondMinNait ? undefined : `${name} has a bond of ${bond} nait`;
  });
}

function punishedRow({ facts, bonds, bondMinNait, audits }: Evidence): InvariantRow {
  const guilty = new Set(
    audits.filter(({ found }) => found === 'guilty').map(({ provider }) => provider),
  );
  const cheats = facts.providers.filter(({ keys }) => guilty.has(keys.address));
  const claim = 'whoever was found guilty has lost a part of its bond';
  return rowOf({ name: 'cheats lose bond', claim }, cheats, ({ name }) => {
    const bond = bonds.get(name) ?? 0n;
    return bond < bondMinNait ? undefined : `${name} still has ${bond} nait`;
  });
}
