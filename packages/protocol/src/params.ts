/** Parameters of a chain: part of its genesis document, the same on every node. Amounts in nait. */
import type { TxKind } from './tx-kinds.ts';

/** Flat fee of each transaction kind, decimal strings of nait. */
export type FeeTable = Readonly<Record<TxKind, string>>;

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
});
