/** The oracle on stakes, evidence, votes, sets and epochs. See docs/spec/chain.md, "Staking" and after it. */
import { amountMax, createWriter, utf8 } from '@aitbc/primitives';
import {
  type ChainParams,
  changeParams,
  evidenceOfBody,
  type Hex,
  type ParamChange,
  type TxBody,
  taggedHash,
  type Validator,
  verifyEvidence,
  verifyStakeProof,
  zeroHash,
} from '@aitbc/protocol';
import type { ValidatorState } from '../entries.ts';
import { endOf, give, known, need, type Stage, type Tables } from './oracle-state.ts';

const rosterSize = 256;
const setSize = 100;

/** The present set. */
export function setIn(tables: Tables): readonly Validator[] {
  return tables.valset.get(zeroHash)?.members ?? [];
}

function rosterIn(tables: Tables): Hex[] {
  return (tables.roster.get(zeroHash)?.keys ?? []).map(({ validator }) => validator);
}

function setRoster(tables: Tables, keys: readonly Hex[]): void {
  tables.roster.set(zeroHash, { keys: keys.map((validator) => ({ validator })) });
}

function leave(tables: Tables, key: Hex): void {
  const roster = rosterIn(tables);
  if (roster.includes(key))
    setRoster(
      tables,
      roster.filter((other) => other !== key),
    );
}

/** More stake first, then the smaller key. */
export function inOrder(validators: readonly Validator[]): Validator[] {
  return [...validators].sort((a, b) => {
    if (a.stake > b.stake) return -1;
    if (a.stake < b.stake) return 1;
    return a.publicKey < b.publicKey ? -1 : 1;
  });
}

/** `validator_bond`. */
export function bond(stage: Stage, body: TxBody<'validator_bond'>): void {
  const { tables, network, from, params } = stage;
  const { validator: key, keySignature } = body;
  const proof = { validator: key, keySignature };
  need(verifyStakeProof(network, from, proof), 'TX_SIGNATURE_INVALID');
  const before = tables.validator.get(key);
  need(before === undefined || before.owner === from, 'VALIDATOR_NOT_OWNER');
  need(before?.slashed !== true, 'VALIDATOR_SLASHED');
  const stake = (before?.stake ?? 0n) + body.stake;
  need(stake <= amountMax, 'TX_AMOUNT_OVERFLOW');
  need(stake >= BigInt(params.validatorStakeMin), 'STAKE_LOW');
  enter(tables, key, stake);
  tables.validator.set(key, {
    owner: from,
    leaving: before?.leaving ?? 0n,
    leavingDueMs: before?.leavingDueMs ?? 0,
    jailedUntilMs: before?.jailedUntilMs ?? 0,
    missedViews: before?.missedViews ?? 0,
    slashed: false,
    stake,
  });
}

function enter(tables: Tables, key: Hex, stake: bigint): void {
  const roster = rosterIn(tables);
  if (roster.includes(key)) return;
  if (roster.length < rosterSize) {
    setRoster(tables, [...roster, key]);
    return;
  }
  const rows = roster.map((publicKey) => {
    return { publicKey, stake: tables.validator.get(publicKey)?.stake ?? 0n };
  });
  const weakest = inOrder(rows)[rosterSize - 1] as Validator;
  need(stake > weakest.stake, 'STAKE_LOW');
  setRoster(
    tables,
    roster.map((other) => (other === weakest.publicKey ? key : other)),
  );
}

function own({ tables, from }: Stage, key: Hex): ValidatorState {
  const validator = known(tables.validator.get(key), 'VALIDATOR_UNKNOWN');
  need(validator.owner === from, 'VALIDATOR_NOT_OWNER');
  return validator;
}

/** `validator_unbond`. */
export function unbond(stage: Stage, body: TxBody<'validator_unbond'>): void {
  const { tables, timeMs, params } = stage;
  const before = own(stage, body.validator);
  need(before.stake >= body.amount, 'TX_FUNDS_INSUFFICIENT');
  const stake = before.stake - body.amount;
  if (stake < BigInt(params.validatorStakeMin)) leave(tables, body.validator);
  const leaving = before.leaving + body.amount;
  const leavingDueMs = timeMs + params.stakeUnbondingMs;
  tables.validator.set(body.validator, { ...before, stake, leaving, leavingDueMs });
}

/** `stake_withdraw`. */
export function withdrawStake(stage: Stage, body: TxBody<'stake_withdraw'>): void {
  const { tables, timeMs } = stage;
  const before = known(tables.validator.get(body.validator), 'VALIDATOR_UNKNOWN');
  const isDue = before.leavingDueMs > 0 && timeMs >= endOf(stage, before.leavingDueMs);
  need(isDue, 'STAKE_LOCKED');
  tables.validator.set(body.validator, { ...before, leaving: 0n, leavingDueMs: 0 });
  give(tables, before.owner, { balance: before.leaving });
}

/** `validator_unjail`. */
export function unjail(stage: Stage, body: TxBody<'validator_unjail'>): void {
  const before = own(stage, body.validator);
  need(!before.slashed, 'VALIDATOR_SLASHED');
  need(before.jailedUntilMs > 0, 'VALIDATOR_NOT_JAILED');
  need(stage.timeMs >= before.jailedUntilMs, 'VALIDATOR_JAILED');
  const after = { ...before, jailedUntilMs: 0, missedViews: 0 };
  stage.tables.validator.set(body.validator, after);
}

/** `evidence_submit`. */
export function convict(stage: Stage, body: TxBody<'evidence_submit'>): void {
  const { tables, network, params, from } = stage;
  const before = known(tables.validator.get(body.validator), 'VALIDATOR_UNKNOWN');
  need(!before.slashed, 'VALIDATOR_SLASHED');
  need(before.stake > 0n || before.leaving > 0n, 'EVIDENCE_INVALID');
  need(verifyEvidence(network, evidenceOfBody(body)).ok, 'EVIDENCE_INVALID');
  const part = (amount: bigint, bps: number) => (amount * BigInt(bps)) / 10_000n;
  const lostStake = part(before.stake, params.equivocationSlashBps);
  const lostLeaving = part(before.leaving, params.equivocationSlashBps);
  const reward = part(lostStake + lostLeaving, params.evidenceRewardBps);
  const burned = lostStake + lostLeaving - reward;
  leave(tables, body.validator);
  tables.validator.set(body.validator, {
    ...before,
    stake: before.stake - lostStake,
    leaving: before.leaving - lostLeaving,
    slashed: true,
  });
  if (burned > 0n) {
    const sum = (tables.burned.get(zeroHash)?.amount ?? 0n) + burned;
    tables.burned.set(zeroHash, { amount: sum });
  }
  give(tables, from, { balance: reward });
}

/** `param_vote`. */
export function voteParam(stage: Stage, body: TxBody<'param_vote'>): void {
  const { validator, name, value, untilHeight } = body;
  need(changeParams(stage.params, [{ name, value }]).ok, 'PARAM_INVALID');
  if (!vote(stage, validator, { name, value, untilHeight })) return;
  const { present, armed } = overridesIn(stage.tables);
  stage.tables.overrides.set(zeroHash, { present, armed: replaced(armed, { name, value }) });
}

/** `upgrade_signal`. */
export function voteUpgrade(stage: Stage, body: TxBody<'upgrade_signal'>): void {
  const { tables, height: now, params } = stage;
  const decided = tables.upgrade.get(zeroHash);
  const present = decided ? (now >= decided.height ? decided.next : decided.present) : 1;
  const epochEnd = Math.ceil(now / params.epochBlocks) * params.epochBlocks;
  need(body.version > present, 'UPGRADE_INVALID');
  need(body.height > epochEnd, 'UPGRADE_INVALID');
  need(decided === undefined || decided.height <= now, 'UPGRADE_INVALID');
  const proposal = { name: 'upgrade', value: `${body.version}`, untilHeight: body.height };
  if (!vote(stage, body.validator, proposal)) return;
  tables.upgrade.set(zeroHash, { present, next: body.version, height: body.height });
}

/** True for the vote that makes it more than two thirds of the stake. */
function vote(
  stage: Stage,
  key: Hex,
  proposal: { name: string; value: string; untilHeight: number },
): boolean {
  const { tables, network, height } = stage;
  own(stage, key);
  const set = setIn(tables);
  need(
    set.some(({ publicKey }) => publicKey === key),
    'VALIDATOR_NOT_IN_SET',
  );
  need(height <= proposal.untilHeight, 'PROPOSAL_EXPIRED');
  const says = createWriter().variable(utf8(proposal.name)).variable(utf8(proposal.value));
  const id = taggedHash('proposal', network, says.u64(BigInt(proposal.untilHeight)).finish());
  const before = tables.proposal.get(id);
  need(before?.armed !== true, 'PROPOSAL_ARMED');
  const voted = (before?.voters ?? []).map(({ validator }) => validator);
  need(!voted.includes(key), 'PROPOSAL_VOTED');
  const inFavour = set.filter(({ publicKey }) => [...voted, key].includes(publicKey));
  const sum = (rows: readonly Validator[]) => rows.reduce((total, { stake }) => total + stake, 0n);
  const armed = sum(inFavour) * 3n > sum(set) * 2n;
  const voters = inFavour.map(({ publicKey }) => ({ validator: publicKey }));
  tables.proposal.set(id, { ...proposal, voters, armed });
  return armed;
}

function overridesIn(tables: Tables): {
  present: readonly ParamChange[];
  armed: readonly ParamChange[];
} {
  return tables.overrides.get(zeroHash) ?? { present: [], armed: [] };
}

function replaced(changes: readonly ParamChange[], change: ParamChange): ParamChange[] {
  return [...changes.filter(({ name }) => name !== change.name), change];
}

/** Parameters in force. */
export function paramsIn(tables: Tables, genesis: ChainParams): ChainParams {
  const changed = changeParams(genesis, overridesIn(tables).present);
  if (!changed.ok) throw new RangeError('parameters that were voted for are not sound');
  return changed.value;
}

/** The leader's misses, and jail for too many. */
export function countMisses(
  stage: Omit<Stage, 'from'>,
  proposer: Hex,
  skippedLeaders: readonly Hex[],
): void {
  const { tables, timeMs, params } = stage;
  const isMissed = new Map<Hex, number>();
  for (const key of skippedLeaders) isMissed.set(key, (isMissed.get(key) ?? 0) + 1);
  isMissed.delete(proposer);
  for (const [key, misses] of isMissed) {
    const before = tables.validator.get(key) as ValidatorState;
    const missedViews = before.missedViews + misses;
    const goesToJail = before.jailedUntilMs === 0 && missedViews >= params.missedViewsMax;
    const jailedUntilMs = goesToJail ? timeMs + params.jailMs : before.jailedUntilMs;
    tables.validator.set(key, { ...before, missedViews, jailedUntilMs });
  }
  const own = tables.validator.get(proposer) as ValidatorState;
  tables.validator.set(proposer, { ...own, missedViews: 0 });
}

/** Parameters, then validators, of the next epoch. */
export function endEpoch(tables: Tables, genesis: ChainParams): void {
  const { present, armed } = overridesIn(tables);
  let changes = present;
  let params = paramsIn(tables, genesis);
  for (const change of armed) {
    const next = changeParams(params, [change]);
    if (!next.ok) continue;
    params = next.value;
    changes = replaced(changes, change);
  }
  if (armed.length > 0) tables.overrides.set(zeroHash, { present: changes, armed: [] });
  const candidates = rosterIn(tables).flatMap((publicKey) => {
    const { stake, slashed, jailedUntilMs } = tables.validator.get(publicKey) as ValidatorState;
    const isFit = !slashed && jailedUntilMs === 0 && stake >= BigInt(params.validatorStakeMin);
    return isFit ? [{ publicKey, stake }] : [];
  });
  const members = inOrder(candidates).slice(0, setSize);
  if (members.length > 0) tables.valset.set(zeroHash, { members });
}
