/** Shapes of the light client: where answers come from, what it starts from, what it gives. */
import type {
  BlockHeader,
  Evidence,
  Genesis,
  Hex,
  LightBundle,
  ListProof,
  Network,
  Refusal,
  StateProof,
  Validator,
} from '@aitbc/protocol';

/** A value with a proof at the newest block that the source has. */
export interface StateAnswer {
  readonly bundle: LightBundle;
  /** Undefined where the proof is one of absence. */
  readonly value: Uint8Array | undefined;
  readonly proof: StateProof;
}

/** A transaction in its final block. */
export interface TxAnswer {
  readonly bundle: LightBundle;
  readonly txProof: ListProof;
  /** Canonical bytes of the receipt. */
  readonly receipt: Uint8Array;
  readonly receiptProof: ListProof;
}

/**
 * A node that answers, and may lie. Its methods throw AppError: NOT_FOUND for what it does not have, UNAVAILABLE, TIMEOUT
 * or ANSWER_INVALID when there is no answer to use.
 */
export interface LightSource {
  /** Where it is, for messages. */
  readonly name: string;
  getBundle(at: number | 'latest', signal?: AbortSignal): Promise<LightBundle>;
  getState(key: string, signal?: AbortSignal): Promise<StateAnswer>;
  getTx(txId: Hex, signal?: AbortSignal): Promise<TxAnswer>;
}

/** What the client believes without proof: a genesis document, or a recent block hash from someone it trusts. */
export type LightTrust =
  | { readonly genesis: Genesis }
  | {
      readonly network: Network;
      readonly epochBlocks: number;
      readonly height: number;
      readonly hash: Hex;
    };

/** How far trust goes. */
export interface LightOptions {
  readonly trust: LightTrust;
  /** Age up to which a header may prove others; shorter than the unbonding time of validators. */
  readonly trustingPeriodMs: number;
  /** How far the chain may be ahead of the clock; `limits.clockSkewMs` when left out. */
  readonly clockSkewMs?: number;
  /** Time between two questions for a block that another source does not have yet. */
  readonly retryMs?: number;
}

/** A header that is proven. */
export interface TrustedHeader {
  readonly header: BlockHeader;
  readonly hash: Hex;
  readonly validators: readonly Validator[];
}

/** A value of the state as it was after a final block. */
export interface VerifiedState {
  readonly at: TrustedHeader;
  readonly value: Uint8Array | undefined;
}

/** An account, nait; zeros where the state has none. */
export interface VerifiedAccount {
  readonly at: TrustedHeader;
  readonly exists: boolean;
  readonly balance: bigint;
  readonly nonce: number;
  readonly vault: bigint;
}

/** A transaction and what it did. */
export interface VerifiedTx {
  readonly at: TrustedHeader;
  readonly index: number;
  /** Canonical bytes of the receipt. */
  readonly receipt: Uint8Array;
}

/** Two final blocks of one height. `evidence` convicts those who signed both in one view. */
export interface LightAttack {
  readonly first: LightBundle;
  readonly second: LightBundle;
  readonly evidence: readonly Evidence[];
}

/** A refusal; with LIGHT_FORK comes what shows the attack. */
export type LightRefusal = Refusal & { readonly attack?: LightAttack };

/** A proven value, or why there is none. */
export type LightResult<T> = { readonly ok: true; readonly value: T } | LightRefusal;
