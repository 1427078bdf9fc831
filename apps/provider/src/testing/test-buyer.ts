/** A buyer for tests: a funded channel, payment headers, top-ups, and the checks of receipts. */
import { hex, keyPairFromSeed, randomBytes, utf8 } from '@aitbc/primitives';
import {
  accountIdOf,
  bodyDigestOf,
  type ChannelState,
  channelIdOf,
  encodePayment,
  type Hex,
  jobIdOf,
  type Network,
  offerIdOf,
  type ResumePoint,
  requirementsOf,
  resumeContext,
  type SignedOffer,
  signAcknowledgement,
  signVoucher,
  startContext,
  textHashOf,
  topUpContext,
  unwrap,
  type VoucherPayment,
} from '@aitbc/protocol';

export interface PayWishes {
  readonly key?: string;
  readonly tokens?: number;
  /** Cumulative cap; default covers ten jobs like this one. */
  readonly cap?: bigint;
  /** The point that a resumed job goes on from. */
  readonly resume?: Pick<ResumePoint, 'from' | 'prefixHash'>;
  readonly change?: Partial<VoucherPayment>;
}

export interface TestBuyer {
  readonly channel: ChannelState;
  readonly channelId: Hex;
  jobId(body: string, key?: string): Hex;
  header(body: string, wishes?: PayWishes): string;
  topUp(jobId: Hex, tokens: number, cap: bigint): Record<string, unknown>;
  /** A signed acknowledgement of a range of tokens. */
  acknowledgement(jobId: Hex, range: AcknowledgedRange): Record<string, unknown>;
  /** The same payer with another channel. */
  sibling(): TestBuyer;
}

/** What a buyer says it received. */
export interface AcknowledgedRange {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

export interface BuyerWishes {
  readonly balance?: bigint | undefined;
  readonly payer?: Hex;
}

/** A buyer with a channel of `balance` nait to the provider of the offer. */
export function createTestBuyer(
  network: Network,
  offer: SignedOffer,
  { balance = 10n ** 12n, payer = hex(randomBytes(32)) }: BuyerWishes = {},
): TestBuyer {
  const key = keyPairFromSeed(randomBytes(32));
  const config = {
    payer,
    payerAuthorizer: hex(key.publicKey),
    receiver: unwrap(accountIdOf(offer.payload.provider)),
    receiverAuthorizer: offer.payload.authorizer,
    withdrawDelayMs: offer.payload.withdrawDelayMsMin,
    salt: hex(randomBytes(32)),
  };
  const channelId = channelIdOf(network, config);
  const chainSide = {
    balance,
    totalClaimed: 0n,
    withdrawAmount: 0n,
    withdrawDueMs: 0,
    refundNonce: 0,
    closed: false,
  };
  const offerId = offerIdOf(network, offer.payload);
  const jobId = (body: string, idempotencyKey = 'key'): Hex =>
    jobIdOf(network, { payer, idempotencyKey, bodyDigest: bodyDigestOf(utf8(body)) });
  const sign = (maxClaimable: bigint, context: Hex): Hex =>
    signVoucher(network, { channelId, maxClaimable, context }, key.secretKey).signature;
  return {
    channel: { ...config, ...chainSide, channelId },
    channelId,
    jobId,
    header(body, { key: idempotencyKey = 'key', tokens = 64, cap = 50_000n, resume, change } = {}) {
      const bodyDigest = bodyDigestOf(utf8(body));
      const terms = { offerId, jobId: jobId(body, idempotencyKey), bodyDigest, tokens };
      return encodePayment(requirementsOf(offerId, offer.payload, cap), {
        type: 'voucher',
        offerId,
        channelId,
        idempotencyKey,
        tokens,
        maxClaimable: cap.toString(),
        signature: sign(
          cap,
          resume ? resumeContext(network, { ...terms, ...resume }) : startContext(network, terms),
        ),
        ...change,
      });
    },
    acknowledgement(job, { from, to, text }) {
      const ack = { jobId: job, channelId, from, to, textHash: textHashOf(text) };
      return { ...ack, signature: signAcknowledgement(network, ack, key.secretKey) };
    },
    sibling: () => createTestBuyer(network, offer, { balance, payer }),
    topUp: (job, tokens, cap) => ({
      jobId: job,
      channelId,
      tokens,
      maxClaimable: cap.toString(),
      signature: sign(cap, topUpContext(network, job, tokens)),
    }),
  };
}
