/** The oracle on audits. See docs/spec/chain.md, "Audits". */
import {
  addressOf,
  auditDigestOf,
  bytes32,
  type ChainParams,
  type Hex,
  readAuditReceipt,
  type TxBody,
  taggedHash,
  verifyReceipt,
  zeroHash,
} from '@aitbc/protocol';
import type { AuditEntry, AuditOutcome } from '../audit-entries.ts';
import type { ProviderState } from '../entries.ts';
import { candidates, type EndStage, rosterOf, setRoster } from './oracle-jury.ts';
import {
  endOf,
  give,
  known,
  need,
  Refused,
  type Stage,
  smaller,
  type Tables,
} from './oracle-state.ts';

const docketSize = 64;

const depositIn = (params: ChainParams): bigint => BigInt(params.auditDepositMin ?? '1000000000');
const voteMsIn = (params: ChainParams): number => params.auditVoteMs ?? 600_000;

/** Form of `audit_open`. */
export function openForm(from: Hex, { provider }: TxBody<'audit_open'>): void {
  need(provider !== from, 'AUDIT_OWN');
}

/** `audit_open`. */
export function openAudit(stage: Stage, body: TxBody<'audit_open'>): void {
  const { tables, network, params, timeMs, from } = stage;
  const { provider: id, recordHash } = body;
  const provider = known(tables.provider.get(id), 'PROVIDER_UNKNOWN');
  need(provider.bond > 0n, 'PROVIDER_UNKNOWN');
  const read = readAuditReceipt(body.receipt);
  if (!read.ok) throw new Refused('RECEIPT_INVALID');
  const { jobId, digest, atMs, provider: address } = read.value.payload;
  need(address === addressOf(id), 'RECEIPT_INVALID');
  const oldMs = endOf(stage, atMs + Math.floor(params.unbondingMs / 2));
  const isFresh = timeMs <= oldMs && atMs <= timeMs + 120_000;
  need(isFresh, 'AUDIT_RECEIPT_AGE');
  const parts = [bytes32(jobId), bytes32(id), bytes32(recordHash)];
  const auditId = taggedHash('audit', network, ...parts);
  const before = tables.audit.get(auditId);
  need(before === undefined || before.outcome === 'undecided', 'AUDIT_EXISTS');
  const convicted = tables.conviction.get(convictionIn(stage, jobId, id))?.auditId ?? zeroHash;
  need(convicted === zeroHash, 'AUDIT_EXISTS');
  const deposit = depositIn(params);
  need(body.deposit >= deposit, 'AUDIT_DEPOSIT_LOW');
  const audit: AuditEntry = {
    provider: id,
    opener: from,
    jobId,
    digest: auditDigestOf(digest),
    recordHash,
    deposit,
    appellant: zeroHash,
    appealDeposit: 0n,
    held: 0n,
    round: 1,
    phase: 'drawing',
    dueMs: timeMs + voteMsIn(params),
    first: 'none',
    outcome: 'none',
    seats: [],
  };
  need(candidates(stage, audit).length >= 3, 'AUDIT_JURORS_FEW');
  needDocket(tables);
  const former = tables.formerKey.get(id);
  const keys = [provider.authorizer];
  if (former && timeMs < endOf(stage, former.untilMs)) keys.push(former.authorizer);
  const isSigned = keys.some((key) => verifyReceipt(network, read.value, key).ok);
  need(isSigned, 'RECEIPT_INVALID');
  keepBond(stage, id);
  tables.audit.set(auditId, audit);
  enqueue(stage, auditId);
  give(tables, from, { balance: body.deposit - deposit });
}

function convictionIn({ network }: EndStage, jobId: Hex, provider: Hex): Hex {
  return taggedHash('audit', network, bytes32(jobId), bytes32(provider));
}

function docketIn(tables: Tables) {
  return tables.docket.get(zeroHash)?.waiting ?? [];
}

function needDocket(tables: Tables): void {
  need(docketIn(tables).length < docketSize, 'AUDIT_DOCKET_FULL');
}

function enqueue({ tables, height }: EndStage, auditId: Hex): void {
  const waiting = [...docketIn(tables), { auditId, drawHeight: height + 2 }];
  tables.docket.set(zeroHash, { waiting });
}

function keepBond({ tables, timeMs, params }: EndStage, id: Hex): void {
  const provider = tables.provider.get(id);
  const untilMs = timeMs + 3 * voteMsIn(params);
  if (provider && provider.unbondDueMs > 0 && provider.unbondDueMs < untilMs) {
    tables.provider.set(id, { ...provider, unbondDueMs: untilMs });
  }
}

/** Form of `audit_commit`. */
export function commitForm(_from: Hex, { commitment }: TxBody<'audit_commit'>): void {
  need(commitment !== zeroHash, 'AUDIT_COMMITMENT_WRONG');
}

/** `audit_commit`. */
export function commit(stage: Stage, { auditId, commitment }: TxBody<'audit_commit'>): void {
  const { tables, timeMs, from } = stage;
  const audit = known(tables.audit.get(auditId), 'AUDIT_UNKNOWN');
  need(audit.phase === 'commit', 'AUDIT_PHASE_WRONG');
  const at = audit.seats.findIndex(({ juror, round }) => juror === from && round === audit.round);
  need(at >= 0, 'AUDIT_NOT_PARTY');
  need(timeMs < endOf(stage, audit.dueMs), 'AUDIT_LATE');
  need(audit.seats[at]?.commitment === zeroHash, 'AUDIT_VOTED');
  const seats = audit.seats.map((seat, place) => (place === at ? { ...seat, commitment } : seat));
  tables.audit.set(auditId, { ...audit, seats });
  const missing = seats.filter(
    (seat) => seat.round === audit.round && seat.commitment === zeroHash,
  );
  if (missing.length === 0) beginReveal(stage, auditId);
}

function beginReveal({ tables, timeMs, params }: EndStage, auditId: Hex): void {
  const audit = tables.audit.get(auditId) as AuditEntry;
  tables.audit.set(auditId, { ...audit, phase: 'reveal', dueMs: timeMs + voteMsIn(params) });
}

/** Form of `audit_reveal`. */
export function revealForm(_from: Hex, { verdict }: TxBody<'audit_reveal'>): void {
  need(verdict >= 1 && verdict <= 3, 'AUDIT_VERDICT_UNKNOWN');
}

/** `audit_reveal`. */
export function reveal(stage: Stage, body: TxBody<'audit_reveal'>): void {
  const { tables, network, timeMs, from } = stage;
  const { auditId, verdict, reportHash, salt } = body;
  const before = known(tables.audit.get(auditId), 'AUDIT_UNKNOWN');
  if (before.phase === 'commit' && timeMs >= endOf(stage, before.dueMs))
    beginReveal(stage, auditId);
  const audit = tables.audit.get(auditId) as AuditEntry;
  const { round } = audit;
  need(audit.phase === 'reveal', 'AUDIT_PHASE_WRONG');
  const at = audit.seats.findIndex((seat) => seat.juror === from && seat.round === round);
  need(at >= 0, 'AUDIT_NOT_PARTY');
  need(timeMs < endOf(stage, audit.dueMs), 'AUDIT_LATE');
  need(audit.seats[at]?.verdict === 0, 'AUDIT_VOTED');
  const parts = [bytes32(auditId), bytes32(from), Uint8Array.of(round, verdict)];
  const hash = taggedHash('auditVote', network, ...parts, bytes32(reportHash), bytes32(salt));
  need(audit.seats[at].commitment === hash, 'AUDIT_COMMITMENT_WRONG');
  const seats = audit.seats.map((seat, place) =>
    place === at ? { ...seat, verdict, reportHash } : seat,
  );
  tables.audit.set(auditId, { ...audit, seats });
  const isOpen = seats.some(
    (seat) => seat.round === round && seat.commitment !== zeroHash && seat.verdict === 0,
  );
  if (!isOpen) judge(stage, auditId);
}

/** `audit_appeal`. */
export function appeal(stage: Stage, { auditId, deposit }: TxBody<'audit_appeal'>): void {
  const { tables, timeMs, params, from } = stage;
  const audit = known(tables.audit.get(auditId), 'AUDIT_UNKNOWN');
  need(audit.phase === 'decided', 'AUDIT_PHASE_WRONG');
  const isConvicted = audit.first === 'guilty';
  need(from === (isConvicted ? audit.provider : audit.opener), 'AUDIT_NOT_PARTY');
  need(timeMs < endOf(stage, audit.dueMs), 'AUDIT_LATE');
  const appealDeposit = audit.deposit * 2n;
  need(deposit >= appealDeposit, 'AUDIT_DEPOSIT_LOW');
  need(candidates(stage, audit).length >= 5, 'AUDIT_JURORS_FEW');
  needDocket(tables);
  if (!isConvicted) keepBond(stage, audit.provider);
  const dueMs = timeMs + voteMsIn(params);
  const next = { appellant: from, appealDeposit, round: 2, phase: 'drawing', dueMs } as const;
  tables.audit.set(auditId, { ...audit, ...next });
  enqueue(stage, auditId);
  give(tables, from, { balance: deposit - appealDeposit });
}

/** `audit_close`. */
export function close(stage: Stage, { auditId }: TxBody<'audit_close'>): void {
  const audit = known(stage.tables.audit.get(auditId), 'AUDIT_UNKNOWN');
  need(['commit', 'reveal', 'decided'].includes(audit.phase), 'AUDIT_PHASE_WRONG');
  need(stage.timeMs >= endOf(stage, audit.dueMs), 'AUDIT_EARLY');
  if (audit.phase === 'commit') beginReveal(stage, auditId);
  if (audit.phase === 'reveal') judge(stage, auditId);
  if (audit.phase === 'decided') settle(stage, auditId, undefined);
}

/** Counts the verdicts of the present round. */
function judge(stage: EndStage, auditId: Hex): void {
  const { tables, timeMs, params } = stage;
  const audit = tables.audit.get(auditId) as AuditEntry;
  const seats = audit.seats.filter(({ round }) => round === audit.round);
  const result = resultIn(audit, audit.round);
  const silent = seats.filter(({ verdict }) => verdict === 0).map(({ juror }) => juror);
  const before = rosterOf(tables, audit.digest);
  if (before.some((id) => silent.includes(id))) {
    const left = before.filter((id) => !silent.includes(id));
    setRoster(tables, audit.digest, left);
  }
  let { held } = audit;
  if (result === 'guilty' && audit.first !== 'guilty') held = punish(stage, auditId, audit);
  if (audit.round === 1) {
    const dueMs = timeMs + voteMsIn(params);
    tables.audit.set(auditId, { ...audit, held, first: result, phase: 'decided', dueMs });
    return;
  }
  tables.audit.set(auditId, { ...audit, held });
  settle(stage, auditId, result);
}

function resultIn({ seats }: AuditEntry, round: number): 'guilty' | 'acquitted' | 'undecided' {
  const verdicts = seats.filter((seat) => seat.round === round).map(({ verdict }) => verdict);
  const needed = Math.floor(verdicts.length / 2) + 1;
  if (verdicts.filter((verdict) => verdict === 2).length >= needed) return 'guilty';
  const acquits = verdicts.filter((verdict) => verdict === 1 || verdict === 3).length;
  return acquits >= needed ? 'acquitted' : 'undecided';
}

/** Takes the part of the bond, once for each job. */
function punish(stage: EndStage, auditId: Hex, audit: AuditEntry): bigint {
  const { tables, params } = stage;
  const conviction = convictionIn(stage, audit.jobId, audit.provider);
  const by = tables.conviction.get(conviction);
  if (by !== undefined && by.auditId !== zeroHash) return 0n;
  tables.conviction.set(conviction, { auditId });
  const provider = tables.provider.get(audit.provider) as ProviderState;
  const exact = provider.bond * BigInt(params.auditSlashBps ?? 2_000);
  const loss = exact / 10_000n + (exact % 10_000n > 0n ? 1n : 0n);
  const after = { ...provider, bond: provider.bond - loss };
  tables.provider.set(audit.provider, after.bond > 0n ? after : { ...after, unbondDueMs: 0 });
  return loss;
}

/** Pays out; `second` is the result of round 2 if it had one. */
function settle(stage: EndStage, auditId: Hex, second: AuditOutcome | undefined): void {
  const { tables, params } = stage;
  const audit = tables.audit.get(auditId) as AuditEntry;
  const { first, provider, opener, deposit, appealDeposit, held } = audit;
  const last = second ?? first;
  const outcome = last === 'none' ? 'undecided' : last;
  tables.audit.set(auditId, { ...audit, phase: 'closed', dueMs: 0, outcome });
  const back = outcome === 'guilty' ? 0n : held;
  let left = deposit + appealDeposit + held - back;
  const pay = (id: Hex, amount: bigint) => {
    left -= amount;
    give(tables, id, { balance: amount });
  };
  for (const [id, amount] of wagesIn(audit, [first, second], outcome)) pay(id, amount);
  if (outcome === 'guilty') pay(opener, rewardIn(audit, params));
  if (outcome !== 'acquitted' || first === 'undecided') pay(opener, deposit);
  for (const [id, amount] of appealIn(audit, second)) pay(id, amount);
  if (back > 0n) returnBond(tables, provider, back);
  if (outcome !== 'guilty') forgive(stage, auditId, audit);
  if (left === 0n) return;
  tables.burned.set(zeroHash, { amount: (tables.burned.get(zeroHash)?.amount ?? 0n) + left });
}

/** A round whose verdict is the final one is paid one deposit; the first that convicts is paid from the bond. */
function wagesIn(
  audit: AuditEntry,
  results: readonly (AuditOutcome | undefined)[],
  outcome: AuditOutcome,
): [Hex, bigint][] {
  const { first, deposit, held } = audit;
  if (outcome === 'undecided') return [];
  return results.flatMap((result, at) => {
    if (result !== outcome) return [];
    const isFirstGuilty = outcome === 'guilty' && (at === 0 || first !== 'guilty');
    const winners = winnersOf(audit, at + 1);
    const wage = (isFirstGuilty ? smaller(held, deposit) : deposit) / BigInt(winners.length);
    return winners.map((juror): [Hex, bigint] => [juror, wage]);
  });
}

/** The opener's part of what is left of the bond after the jurors. */
function rewardIn({ held, deposit }: AuditEntry, { evidenceRewardBps }: ChainParams): bigint {
  return ((held - smaller(held, deposit)) * BigInt(evidenceRewardBps)) / 10_000n;
}

/** Jurors of the majority of a round. */
function winnersOf(audit: AuditEntry, round: number): Hex[] {
  const isCheat = resultIn(audit, round) === 'guilty';
  const isWinner = (verdict: number) => (isCheat ? verdict === 2 : verdict === 1 || verdict === 3);
  return audit.seats
    .filter((seat) => seat.round === round && isWinner(seat.verdict))
    .map(({ juror }) => juror);
}

/** What of the appellant's deposit goes to the parties: half of a lost one is the jurors'. */
function appealIn(audit: AuditEntry, second: AuditOutcome | undefined): [Hex, bigint][] {
  const { appellant, provider, opener, deposit, appealDeposit } = audit;
  if (appellant === provider) {
    return [second === 'guilty' ? [opener, deposit] : [provider, appealDeposit]];
  }
  if (appellant === zeroHash) return [];
  return [second === 'acquitted' ? [provider, deposit] : [opener, appealDeposit]];
}

function returnBond(tables: Tables, id: Hex, amount: bigint): void {
  const before = tables.provider.get(id);
  if (before && before.bond > 0n) {
    tables.provider.set(id, { ...before, bond: before.bond + amount });
  } else give(tables, id, { balance: amount });
}

function forgive(stage: EndStage, auditId: Hex, { jobId, provider }: AuditEntry): void {
  const id = convictionIn(stage, jobId, provider);
  if (stage.tables.conviction.get(id)?.auditId !== auditId) return;
  stage.tables.conviction.set(id, { auditId: zeroHash });
}

/** Draws the jurors of the audits whose block has come, by the hash of its parent. */
export function drawAll(stage: EndStage, parentHash: Hex): void {
  const { tables, height } = stage;
  const waiting = docketIn(tables);
  const due = waiting.filter(({ drawHeight }) => drawHeight === height);
  if (due.length === 0) return;
  tables.docket.set(zeroHash, { waiting: waiting.filter((row) => !due.includes(row)) });
  for (const { auditId } of due) drawOne(stage, auditId, parentHash);
}

function drawOne(stage: EndStage, auditId: Hex, parentHash: Hex): void {
  const { tables, network, timeMs, params } = stage;
  const audit = tables.audit.get(auditId) as AuditEntry;
  const rows = candidates(stage, audit).map((juror) => {
    const parts = [bytes32(parentHash), bytes32(auditId), bytes32(juror)];
    return { juror, place: taggedHash('draw', network, ...parts) };
  });
  const size = audit.round === 1 ? 3 : 5;
  if (rows.length < size) {
    settle(stage, auditId, undefined);
    return;
  }
  const drawn = rows.sort((a, b) => (a.place < b.place ? -1 : 1)).slice(0, size);
  const blank = { round: audit.round, commitment: zeroHash, verdict: 0, reportHash: zeroHash };
  const seats = [...audit.seats, ...drawn.map(({ juror }) => ({ juror, ...blank }))];
  const dueMs = timeMs + voteMsIn(params);
  tables.audit.set(auditId, { ...audit, phase: 'commit', dueMs, seats });
}
