/**
 * Shapes of x402 version 2 as the stock packages have them, written down structurally: whoever has
 * `@x402/core` plugs our schemes in, and this package needs none of it.
 */

/** CAIP-2 id of a network. */
export type NetworkId = `${string}:${string}`;

/** Terms under which a resource is served. */
export interface Requirements {
  scheme: string;
  network: NetworkId;
  asset: string;
  /** Most that is asked for; at settlement what is due. Base units. */
  amount: string;
  payTo: string;
  maxTimeoutSeconds: number;
  extra: Record<string, unknown>;
}

/** What a buyer sends. */
export interface Payment {
  x402Version: number;
  accepted: Requirements;
  payload: Record<string, unknown>;
  resource?: { url: string };
  extensions?: Record<string, unknown>;
}

/** Answer to a look at a payment. */
export interface Verified {
  isValid: boolean;
  invalidReason?: string;
  invalidMessage?: string;
  payer?: string;
  extra?: Record<string, unknown>;
}

/** Answer to a settlement. */
export interface Settled {
  success: boolean;
  errorReason?: string;
  errorMessage?: string;
  payer?: string;
  transaction: string;
  network: NetworkId;
  amount?: string;
  extra?: Record<string, unknown>;
}

/** One scheme on one network that a facilitator serves. */
export interface SupportedKind {
  x402Version: number;
  scheme: string;
  network: NetworkId;
  extra?: Record<string, unknown>;
}

/** Answer of `GET /supported`. */
export interface Supported {
  kinds: SupportedKind[];
  extensions: string[];
  signers: Record<string, string[]>;
}

/** Facilitator side of a scheme. */
export interface FacilitatorScheme {
  readonly scheme: string;
  readonly caipFamily: string;
  getExtra(network: string): Record<string, unknown> | undefined;
  getSigners(network: string): string[];
  verify(payment: Payment, requirements: Requirements): Promise<Verified>;
  settle(payment: Payment, requirements: Requirements): Promise<Settled>;
}

/** What a hook of the buyer's side is told about an answer. */
export interface PaymentAnswer {
  paymentPayload: Payment;
  requirements: Requirements;
  settleResponse?: Settled;
  paymentRequired?: { accepts: Requirements[] };
  error?: Error;
}

/** Buyer's side of a scheme. */
export interface ClientScheme {
  readonly scheme: string;
  readonly schemeHooks?: {
    onPaymentResponse?: (answer: PaymentAnswer) => Promise<undefined | { recovered: true }>;
  };
  createPaymentPayload(
    x402Version: number,
    requirements: Requirements,
    context?: { maxAmountPerPayment?: string },
  ): Promise<{ x402Version: number; payload: Record<string, unknown> }>;
}

/** Something deep that must not be changed. */
export type Deep<T> = T extends (infer U)[]
  ? readonly Deep<U>[]
  : T extends object
    ? { readonly [K in keyof T]: Deep<T[K]> }
    : T;

/** What hooks of the seller's side are told. */
export interface SaleContext {
  readonly paymentPayload: Deep<Payment>;
  readonly requirements: Deep<Requirements>;
}

type Price = string | number | { asset: string; amount: string; extra?: Record<string, unknown> };

/** Seller's side of a scheme. */
export interface ServerScheme {
  readonly scheme: string;
  readonly defaultAssetTransferMethod: string;
  readonly paymentFlows: Readonly<
    Record<
      string,
      {
        readonly supported: readonly ('authorization' | 'upfront')[];
        readonly default: 'authorization' | 'upfront';
      }
    >
  >;
  readonly dynamicExtraFields?: string[];
  readonly schemeHooks?: {
    onAfterVerify?: (
      context: SaleContext & { readonly result: Deep<Verified> },
    ) => Promise<undefined | { abort: true; reason: string; message?: string }>;
    onBeforeSettle?: (context: SaleContext) => Promise<undefined | { skip: true; result: Settled }>;
    onAfterSettle?: (context: SaleContext & { readonly result: Deep<Settled> }) => Promise<void>;
    onSettleFailure?: (
      context: SaleContext & { readonly error: Error },
    ) => Promise<undefined | { recovered: true; result: Settled }>;
    onVerifiedPaymentCanceled?: (context: SaleContext) => Promise<void>;
  };
  enrichPaymentRequiredResponse?(context: {
    requirements: Requirements[];
    paymentPayload?: Deep<Payment>;
    error?: string;
  }): Promise<Requirements[] | undefined>;
  enrichSettlementPayload?(context: SaleContext): Promise<Record<string, unknown> | undefined>;
  parsePrice(price: Price, network: string): Promise<{ asset: string; amount: string }>;
  getAssetDecimals(): number;
  enhancePaymentRequirements(
    requirements: Requirements,
    kind: SupportedKind,
    extensions: string[],
  ): Promise<Requirements>;
}
