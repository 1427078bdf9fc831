/** Audits as rows and facts. */
import {
  AppError,
  type auditEndpoints,
  auditStates,
  type ChainAuditJson,
  type Hex,
  type OutputOf,
  type providerOwnerEndpoints,
} from '@aitbc/protocol';
import { aitText } from '../amounts.ts';
import { shortAddress, shortHash } from '../wording.ts';

type Audit = OutputOf<typeof auditEndpoints.listAudits>['audits'][number];
type Case = OutputOf<typeof providerOwnerEndpoints.ownCases>['cases'][number];

/** Argument of commands about one dispute. */
export const auditIdArgument = {
  name: 'audit',
  help: 'id of the dispute on chain, 64 hex digits (aitbc audit list)',
} as const;

/** An id as typed. Throws CLI_USAGE. */
export function auditIdOf(text: string): Hex {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new AppError('CLI_USAGE', {
    reason: `"${text.slice(0, 80)}" is no id of a dispute: 64 hex digits.`,
  });
}

/** A state as typed. Throws CLI_USAGE. */
export function stateOf(text: string): Audit['state'] {
  const state = auditStates.find((one) => one === text);
  if (state) return state;
  throw new AppError('CLI_USAGE', { reason: `--state is one of ${auditStates.join(', ')}` });
}

const timeOf = (atMs: number): string =>
  new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');

/** Titles of the columns of `auditRow`. */
export const auditHead = ['time (UTC)', 'provider', 'auditor', 'state', 'exact tokens', 'dispute'];

/** One audit of the coordinator's list. */
export function auditRow({ atMs, provider, auditor, state, report, auditId }: Audit): string[] {
  const { exactTokens, tokens } = report?.payload ?? { exactTokens: 0, tokens: 0 };
  return [
    timeOf(atMs),
    shortAddress(provider),
    auditor === null ? '–' : shortAddress(auditor),
    state,
    tokens === 0 ? '–' : `${exactTokens} of ${tokens}`,
    auditId ?? '–',
  ];
}

/** Titles of the columns of `caseRow`. */
export const caseHead = ['time (UTC)', 'you are', 'provider', 'state', 'dispute'];

/** One dispute that the own provider is in. */
export function caseRow({ changedAtMs, role, provider, state, auditId }: Case): string[] {
  return [timeOf(changedAtMs), role, shortAddress(provider), state, auditId];
}

/** Facts of a dispute. */
export function disputeFacts(dispute: ChainAuditJson): string[][] {
  const { provider, opener, jobId, recordHash, phase, round, dueMs } = dispute;
  const { result, firstResult, deposit, appellant, appealDeposit, held } = dispute;
  return [
    ['provider', provider],
    ['accuser', opener],
    ['job', jobId],
    ['record', recordHash],
    ['phase', round > 1 ? `${phase}, round ${round}` : phase],
    ...(phase === 'closed' ? [] : [['goes on at', `${timeOf(dueMs)} (chain time)`]]),
    ...(firstResult ? [['first verdict', firstResult]] : []),
    ...(result ? [['result', result]] : []),
    ['deposit', `${aitText(deposit)} AIT`],
    ...(appellant ? [['appeal', `${aitText(appealDeposit)} AIT of ${appellant}`]] : []),
    ['taken from the bond', `${aitText(held)} AIT`],
  ];
}

/** Titles of the columns of `seatRow`. */
export const seatHead = ['round', 'juror', 'vote', 'report'];

/** A juror's seat. */
export function seatRow({
  round,
  juror,
  committed,
  verdict,
  reportHash,
}: ChainAuditJson['seats'][number]): string[] {
  const vote = verdict ?? (committed ? 'hidden' : 'none');
  return [`${round}`, juror, vote, reportHash === null ? '–' : shortHash(reportHash)];
}
