/** Parameters of a chain: part of its genesis document, the same on every node. Amounts in nait. */
import type { TxKind } from './transactions.ts';

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
});
