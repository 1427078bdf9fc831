/** What the parts of the test seller share. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KeyPair } from '@aitbc/primitives';
import type { AppError, Hex, Network, Outcome, SignedOffer, SignedReceipt } from '@aitbc/protocol';

/** What a test may make the seller do. */
export interface SellerFaults {
  /** Answer paid calls with this error, as often as it says. */
  refuse?: { error: AppError; times: number };
  /** Cut the connection after so many tokens. */
  dieAfter?: number;
  /** Change a receipt before it is sent. */
  spoil?: (receipt: SignedReceipt) => SignedReceipt;
  /** End without a final receipt in the stream. */
  forgetFinal?: boolean;
  /** Pause before each token, ms. */
  tokenMs?: number;
  /** Say nothing after the head of the answer. */
  isSilent?: boolean;
}

/** A job at the seller. */
export interface SellerJob {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly bodyDigest: Hex;
  readonly promptBound: number;
  readonly receipts: SignedReceipt[];
  covered: number;
  delivered: number;
  charged: bigint;
  outcome: Outcome;
  wake: () => void;
}

/** The seller's book of one channel. */
export interface SellerBooks {
  charged: bigint;
  signedMax: bigint;
  best: { maxClaimable: bigint; context: Hex; signature: Hex } | undefined;
}

/** Options of a seller. */
export interface SellerOptions {
  readonly network: Network;
  readonly seed: number;
  readonly tokens: readonly string[];
  readonly model: string;
  /** Payer of a channel and the key that signs its vouchers, from the test's chain. */
  channelOf(channelId: Hex): { payer: Hex; payerAuthorizer: Hex } | undefined;
  readonly windowTokens?: number;
  readonly faults?: SellerFaults;
}

/** All that a seller works with. */
export interface SellerContext {
  readonly options: SellerOptions;
  readonly authorizer: KeyPair;
  readonly offer: SignedOffer;
  readonly jobs: Map<Hex, SellerJob>;
  readonly books: Map<Hex, SellerBooks>;
  readonly faults: SellerFaults;
  readonly state: { exposure: number; calls: number; receiptsAsked: number };
}

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly body: string;
  readonly response: ServerResponse;
}
