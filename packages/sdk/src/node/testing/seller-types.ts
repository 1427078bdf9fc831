/** What the parts of the test seller share. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KeyPair } from '@aitbc/primitives';
import type {
  AppError,
  Hex,
  JobKind,
  Network,
  Outcome,
  SignedOffer,
  SignedReceipt,
} from '@aitbc/protocol';

/**
 * How a seller fails in mid-answer. `kill`: the socket breaks and what no receipt covers is forgotten, as after
 * kill -9 and a restart. `stall`: nothing more comes. `freeze`: nothing is answered any more at all. `garbage`: a line that is no JSON. `error`: an error in the
 * stream and nothing else. `fault`: the honest way, a final receipt `provider_error` and the error. `end`: a clean
 * end of the connection without the last word. `limit`: as if the buyer had not paid on, though it has.
 */
export type SellerFailure =
  | 'kill'
  | 'stall'
  | 'freeze'
  | 'garbage'
  | 'error'
  | 'fault'
  | 'end'
  | 'complete'
  | 'limit';

/** What a test may make the seller do. */
export interface SellerFaults {
  /** Fail when so many tokens of its own have gone out. */
  fail?: { after: number; how: SellerFailure };
  /** Break every connection without an answer. */
  isDown?: boolean;
  /** Take connections and answer nothing. */
  isFrozen?: boolean;
  /** Send lines of so many tokens, with the mark that says so. */
  lineTokens?: number;
  /** From this position on send all the rest as one line, covered or not. */
  generousAfter?: number;
  /** Refuse to continue answers. */
  cannotResume?: boolean;
  /** Called before a receipt is asked for or an acknowledgement is taken; throw to refuse it. */
  onAcknowledge?: () => void;
  /** Answer paid calls with this error, as often as it says. */
  refuse?: { error: AppError; times: number };
  /** Take only calls that come after this giving up. */
  givenUp?: number;
  /** Cut the connection after so many tokens. */
  dieAfter?: number;
  /** Change a receipt before it is sent. */
  spoil?: (receipt: SignedReceipt) => SignedReceipt;
  /** End without a final receipt in the stream. */
  forgetFinal?: boolean;
  /** Pause before each token, ms. */
  tokenMs?: number;
  /** How long it waits for a voucher, ms. Default 1 000. */
  voucherWaitMs?: number;
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
  /** Position and prefix hash where this seller began. */
  readonly from: number;
  readonly prefixHash: Hex;
  /** Position up to which tokens are asked for. */
  readonly end: number;
  covered: number;
  /** Position of the next token. */
  delivered: number;
  /** Position up to which tokens ever went out; a crash forgets that. */
  sent: number;
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
  readonly digest?: string;
  readonly canResume?: boolean;
  readonly serves?: readonly JobKind[];
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
  readonly state: { exposure: number; calls: number; receiptsAsked: number; resumed: number };
}

/** One request and its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly body: string;
  readonly response: ServerResponse;
}
