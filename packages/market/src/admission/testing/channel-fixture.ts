/** A funded channel with real keys on both sides, for tests. */
import { bytesFromHex, hex, keyPairFromSeed } from '@aitbc/primitives';
import {
  type ChannelConfig,
  type ChannelState,
  channelIdOf,
  type Hex,
  jobIdOf,
  networkFromHash,
  resumeContext,
  signAcknowledgement,
  signVoucher,
  startContext,
  topUpContext,
} from '@aitbc/protocol';
import type { AcknowledgeRequest } from '../acknowledge-tokens.ts';
import type { JobRequest, OfferTerms, ResumeMark, Seller, StartVoucher } from '../admit-job.ts';
import type { JobRecord } from '../channel-record.ts';
import type { TopUp } from '../extend-job.ts';

const seedOf = (byte: number) => new Uint8Array(32).fill(byte);
const hash = (byte: number): Hex => hex(seedOf(byte));

export const network = networkFromHash('test-net', hash(0xaa));
export const buyerKey = keyPairFromSeed(seedOf(1));
export const payer = hash(2);
const sellerKey = keyPairFromSeed(seedOf(3));

export const seller: Seller = {
  network,
  provider: hash(4),
  authorizer: hex(sellerKey.publicKey),
};

/** One nait per token either way and seven per request: sums are easy to follow. */
export const offer: OfferTerms = {
  offerId: hash(5),
  price: { inputPerMTok: 1_000_000n, outputPerMTok: 1_000_000n, perRequest: 7n },
  withdrawDelayMsMin: 5_000,
  jobMax: 1_000n,
};

const config: ChannelConfig = {
  payer,
  payerAuthorizer: hex(buyerKey.publicKey),
  receiver: seller.provider,
  receiverAuthorizer: seller.authorizer,
  withdrawDelayMs: 3_600_000,
  salt: hash(6),
};

/** A channel of 10 000 nait. */
export function channel(changes: Partial<ChannelState> = {}): ChannelState {
  const state = {
    ...config,
    balance: 10_000n,
    totalClaimed: 0n,
    withdrawAmount: 0n,
    withdrawDueMs: 0,
    refundNonce: 0,
    closed: false,
    ...changes,
  };
  return { ...state, channelId: channelIdOf(network, config) };
}

/** What a test wants to say about a request; the rest is filled in and signed. */
export interface RequestWishes {
  readonly key?: string;
  readonly tokens?: number;
  readonly cap?: bigint;
  readonly promptBound?: number;
  readonly resume?: ResumeMark;
  readonly changes?: Partial<JobRequest>;
}

/** A signed request. Needs 7 + promptBound + tokens nait, less the tokens before `resume.from`. */
export function request(wishes: RequestWishes = {}): JobRequest {
  const { key = 'job', tokens = 16, cap = 1_000n, promptBound = 10, resume, changes } = wishes;
  const bodyDigest = hash(7);
  const jobId = jobIdOf(network, { payer, idempotencyKey: key, bodyDigest });
  const { channelId } = channel();
  const { offerId } = offer;
  const terms = { offerId, jobId, bodyDigest, tokens };
  const context = resume
    ? resumeContext(network, { ...terms, ...resume })
    : startContext(network, terms);
  const signed = signVoucher(
    network,
    { channelId, maxClaimable: cap, context },
    buyerKey.secretKey,
  );
  const { signature } = signed;
  const voucher: StartVoucher = { offerId, channelId, tokens, maxClaimable: cap, signature };
  const base = { jobId, offer, known: undefined, bodyDigest, promptBound, mirrorAgeMs: 0 };
  return { ...base, resume, voucher, ...changes };
}

/** A signed top-up. */
export function topUp(jobId: Hex, tokens: number, maxClaimable: bigint): TopUp {
  const { channelId } = channel();
  const context = topUpContext(network, jobId, tokens);
  const { signature } = signVoucher(
    network,
    { channelId, maxClaimable, context },
    buyerKey.secretKey,
  );
  return { jobId, channelId, tokens, maxClaimable, signature, jobMax: offer.jobMax };
}

/** A signed acknowledgement of the tokens up to `to` after the last receipt of an ended job. */
export function acknowledgement(job: JobRecord, to: number): AcknowledgeRequest {
  const { channelId } = channel();
  const ack = { jobId: job.jobId, channelId, from: job.delivered, to, textHash: hash(8) };
  const signature = signAcknowledgement(network, ack, buyerKey.secretKey);
  return { ack, signature, job, windowTokens: 16 };
}

/** The signature with one bit turned. */
export function forged(signature: Hex): Hex {
  const bytes = bytesFromHex(signature, 64) ?? new Uint8Array(64);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  return hex(bytes);
}
