/**
 * What a job costs. Prices are nait per million tokens plus a fee per request; each part is rounded up
 * once, on the total, so that windows add up to the same sum as one bill.
 *
 * The fault rule (docs/spec/payments.md, "Who pays when it breaks"): request fee and prompt are due only
 * when the job ends `complete`, `client_abort` or `limit`. After a `provider_error` only delivered output
 * tokens are charged, and nothing is charged while no token was delivered.
 */
import { amountMax, utf8 } from '@aitbc/primitives';

/** Price list of an offer, nait. */
export interface Price {
  readonly inputPerMTok: bigint;
  readonly outputPerMTok: bigint;
  readonly perRequest: bigint;
}

/** How a job ended, or that it still runs. */
export const outcomes = ['running', 'complete', 'client_abort', 'provider_error', 'limit'] as const;

/** Outcome of a job. */
export type Outcome = (typeof outcomes)[number];

const tokensPerMTok = 1_000_000n;

function costOf(tokens: number, perMTok: bigint): bigint {
  return (BigInt(tokens) * perMTok + tokensPerMTok - 1n) / tokensPerMTok;
}

/** Delivered work of a job. */
export interface Usage {
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** Most that a job with this usage can cost: what a voucher must cover and a provider reserves, nait. */
export function fullCharge(price: Price, usage: Usage): bigint {
  const total =
    price.perRequest +
    costOf(usage.promptTokens, price.inputPerMTok) +
    costOf(usage.outputTokens, price.outputPerMTok);
  return total > amountMax ? amountMax : total;
}

/** What is due for this usage and outcome, nait. */
export function chargeFor(price: Price, usage: Usage, outcome: Outcome): bigint {
  const promptIsDue = outcome === 'complete' || outcome === 'client_abort' || outcome === 'limit';
  if (promptIsDue) return fullCharge(price, usage);
  return costOf(usage.outputTokens, price.outputPerMTok);
}

/** A chat message as the price bound needs it. */
export interface PricedMessage {
  readonly role: string;
  readonly content: string;
}

const templateTokens = 32;
const tokensPerMessage = 16;

/**
 * Upper bound of the prompt's tokens before anybody has counted them: a byte-level tokenizer makes at
 * most one token of a byte, and the chat template adds a little per message. Both sides use it to
 * size the first voucher; the bill uses the engine's count, never above this.
 */
export function promptTokensBound(messages: readonly PricedMessage[]): number {
  return messages.reduce(
    (sum, { content }) => sum + utf8(content).length + tokensPerMessage,
    templateTokens,
  );
}

/** The same bound for the texts of an embedding job. */
export function embedTokensBound(inputs: readonly string[]): number {
  return inputs.reduce((sum, input) => sum + utf8(input).length + tokensPerMessage, 0);
}
