/** Parameters of a chain: part of its genesis document, the same on every node. Amounts in nait. */
import { amountFromText, amountMax } from '@aitbc/primitives';
import { accept, refuse, type Verdict } from './errors.ts';
import { type LateKind, type TxKind, txKinds } from './tx-kinds.ts';

/** Flat fee of each transaction kind, decimal strings of nait; `feeOf` gives those that are left out. */
export type FeeTable = Readonly<Record<Exclude<TxKind, LateKind>, string>> &
  Readonly<Partial<Record<LateKind, string>>>;

/** What the genesis document fixes beside accounts and validators. */
export interface ChainParams {
  readonly fees: FeeTable;
  /** Fee for each row of a claim on top of the flat fee. */
  readonly feePerRow: string;
  /** Smallest bond of a provider. */
  readonly providerBondMin: string;
  /** Time between `provider_unbond` and `bond_withdraw`, chain time in ms. */
  readonly unbondingMs: number;
  /** Most that one faucet call may hand out; "0" where there is no faucet. */
  readonly faucetMax: string;
  /** An idle chain makes an empty block after this time, ms. */
  readonly heartbeatMs: number;
  /** Blocks of an epoch; validators and parameters change only between two epochs. */
  readonly epochBlocks: number;
  /** Fee for each operation of a batch on top of the flat fee. */
  readonly feePerOperation: string;
  /** Smallest stake of a validator. */
  readonly validatorStakeMin: string;
  /** Time between `validator_unbond` and `stake_withdraw`, chain time in ms. */
  readonly stakeUnbondingMs: number;
  /** Part of the stake that an equivocating validator loses, in 1/10 000. */
  readonly equivocationSlashBps: number;
  /** Part of what is slashed that goes to the sender of the evidence, in 1/10 000; the rest is burned. */
  readonly evidenceRewardBps: number;
  /** A validator that leaves this many of its views in a row without a block is jailed. */
  readonly missedViewsMax: number;
  /** Shortest stay in jail, chain time in ms. */
  readonly jailMs: number;
  /** Bounds of the assumed longest hop between validators, ms; a view ends after two or three of them. */
  readonly hopMinMs: number;
  readonly hopMaxMs: number;
  /** A block whose time is further ahead of a voter's clock gets no vote, ms. */
  readonly blockSkewMs: number;
  /** Smallest deposit of who opens an audit; twice as much for an appeal. */
  readonly auditDepositMin?: string;
  /** Part of the bond that a provider found guilty loses, in 1/10 000. */
  readonly auditSlashBps?: number;
  /** How long jurors may commit, then reveal, then the loser may appeal, chain time in ms. */
  readonly auditVoteMs?: number;
  /**
   * How many heartbeats dates wait after the chain stood still, so that nothing is over before anybody could act. 0, and
   * what documents that are older than the rule have: they do not wait.
   */
  readonly catchUpBeats?: number;
}

/** Values of what documents that are older than audits leave out. */
export const auditDefaults = Object.freeze({
  auditDepositMin: '1000000000', // 1 AIT: pays jurors for replays that cost far less
  auditSlashBps: 2_000, // a fifth: a mistake of jurors ruins nobody, five cheats leave a third of the bond
  auditVoteMs: 600_000, // six of these fit into the time a bond takes to leave
});

/** The parameters of audits with their values, amounts as numbers. */
export interface AuditParams {
  readonly depositMinNait: bigint;
  readonly slashBps: number;
  readonly voteMs: number;
  /** Age up to which a receipt can be audited: half of what a bond takes to leave; the rest is for the audit. */
  readonly receiptAgeMs: number;
}

/** What a network asks of audits. */
export function auditParamsOf(params: ChainParams): AuditParams {
  const { auditDepositMin, auditSlashBps, auditVoteMs } = { ...auditDefaults, ...params };
  return {
    depositMinNait: amountFromText(auditDepositMin) ?? amountMax,
    slashBps: auditSlashBps,
    voteMs: auditVoteMs,
    receiptAgeMs: Math.floor(params.unbondingMs / 2),
  };
}

/** Flat fee of a kind as decimal text, nait. */
export function feeOf({ fees }: Pick<ChainParams, 'fees'>, kind: TxKind): string {
  return fees[kind] ?? feeNait;
}

const feeNait = '1000'; // about seven output tokens at devnet prices: small beside a claim, not free

/** Parameters of a development network. */
export const devnetParams: ChainParams = Object.freeze({
  fees: Object.freeze({
    transfer: feeNait,
    vault_deposit: feeNait,
    vault_withdraw: feeNait,
    channel_fund: feeNait,
    channel_claim: feeNait,
    channel_refund: feeNait,
    withdraw_init: feeNait,
    withdraw_finalize: feeNait,
    agent_register: feeNait,
    provider_register: feeNait,
    provider_unbond: feeNait,
    bond_withdraw: feeNait,
    batch: feeNait,
    mandate_grant: feeNait,
    mandate_revoke: feeNait,
    mandate_fund: feeNait,
    mandate_transfer: feeNait,
    task_post: feeNait,
    task_accept: feeNait,
    task_submit: feeNait,
    task_approve: feeNait,
    task_dispute: feeNait,
    task_resolve: feeNait,
    task_expire: feeNait,
    validator_bond: feeNait,
    validator_unbond: feeNait,
    stake_withdraw: feeNait,
    validator_unjail: feeNait,
    evidence_submit: feeNait,
    param_vote: feeNait,
    upgrade_signal: feeNait,
  }),
  feePerRow: '100',
  providerBondMin: '100000000000', // 100 AIT
  unbondingMs: 3_600_000,
  faucetMax: '1000000000000', // 1 000 AIT
  heartbeatMs: 10_000,
  epochBlocks: 1_000,
  feePerOperation: '200',
  validatorStakeMin: '1000000000000', // 1 000 AIT
  stakeUnbondingMs: 3_600_000, // a network of value takes a week: longer than a light client trusts a set
  equivocationSlashBps: 500,
  evidenceRewardBps: 500,
  missedViewsMax: 50,
  jailMs: 600_000,
  hopMinMs: 100,
  hopMaxMs: 8_000,
  blockSkewMs: 10_000,
  catchUpBeats: 6,
});

/** Names of the parameters that are times, counts or parts, with their smallest and largest value. */
const numberBounds: Readonly<Record<NumberParam, readonly [min: number, max: number]>> = {
  unbondingMs: [0, 2 ** 52 - 1],
  heartbeatMs: [1, 2 ** 52 - 1],
  epochBlocks: [1, 2 ** 32 - 1],
  stakeUnbondingMs: [0, 2 ** 52 - 1],
  equivocationSlashBps: [0, 10_000],
  evidenceRewardBps: [0, 10_000],
  missedViewsMax: [1, 2 ** 32 - 1],
  jailMs: [0, 2 ** 52 - 1],
  hopMinMs: [1, 3_600_000],
  hopMaxMs: [1, 3_600_000],
  blockSkewMs: [0, 2 ** 52 - 1],
  auditSlashBps: [0, 10_000],
  auditVoteMs: [1, 2 ** 40],
  catchUpBeats: [0, 1_000],
};
const amountParams: readonly AmountParam[] = [
  'feePerRow',
  'feePerOperation',
  'providerBondMin',
  'validatorStakeMin',
  'faucetMax',
  'auditDepositMin',
];

type NumberParam = {
  [K in keyof ChainParams]-?: ChainParams[K] extends number | undefined ? K : never;
}[keyof ChainParams];
type AmountParam = {
  [K in keyof ChainParams]-?: ChainParams[K] extends string | undefined ? K : never;
}[keyof ChainParams];

/** What is wrong with parameters, in words; undefined for sound ones. */
export function paramsFaultOf(params: ChainParams): string | undefined {
  for (const [kind, fee] of Object.entries(params.fees)) {
    if (amountFromText(fee) === undefined) return `fees.${kind} is no amount`;
  }
  const values = { ...auditDefaults, catchUpBeats: 0, ...params };
  const badAmount = amountParams.find((name) => amountFromText(values[name]) === undefined);
  if (badAmount) return `${badAmount} is no amount`;
  for (const [name, [min, max]] of Object.entries(numberBounds)) {
    const value = values[name as NumberParam];
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      return `${name} is no whole number from ${min} to ${max}`;
    }
  }
  return params.hopMaxMs < params.hopMinMs ? 'hopMaxMs is below hopMinMs' : undefined;
}

/** One change of a parameter: `fees.` and a kind, or a name, and the new value as decimal text. */
export interface ParamChange {
  readonly name: string;
  readonly value: string;
}

/** Parameters after several changes, sound as a whole. Refusal: PARAM_INVALID, for the last of them. */
export function changeParams(
  params: ChainParams,
  changes: readonly ParamChange[],
): Verdict<ChainParams> {
  let changed = params;
  for (const change of changes) {
    const next = changeParam(changed, change);
    if (!next.ok) return next;
    changed = next.value;
  }
  const fault = paramsFaultOf(changed);
  if (fault === undefined) return accept(changed);
  const { name = '', value = '' } = changes.at(-1) ?? {};
  return refuse('PARAM_INVALID', { name, value, reason: fault });
}

const wholeNumber = /^(?:0|[1-9][0-9]{0,15})$/;
const feePrefix = 'fees.';

/** One change without a look at the whole. All may change but `epochBlocks`, which places the epochs. */
function changeParam(params: ChainParams, { name, value }: ParamChange): Verdict<ChainParams> {
  const refusal = (reason: string) => refuse('PARAM_INVALID', { name, value, reason });
  if (name === 'epochBlocks') return refusal('the length of epochs is fixed');
  const kind = name.startsWith(feePrefix) ? name.slice(feePrefix.length) : undefined;
  if (kind !== undefined && Object.hasOwn(txKinds, kind)) {
    return accept({ ...params, fees: { ...params.fees, [kind]: value } });
  }
  if ((amountParams as readonly string[]).includes(name)) {
    return accept({ ...params, [name]: value });
  }
  if (!Object.hasOwn(numberBounds, name)) return refusal('no parameter has this name');
  if (!wholeNumber.test(value)) return refusal('it is no whole number');
  return accept({ ...params, [name]: Number(value) });
}
