/**
 * A buyer made by hand, for agents that do what no honest buyer does: it opens a channel to one provider and signs
 * whatever it is told to.
 */
import { hex, type KeyPair, randomBytes, utf8 } from '@aitbc/primitives';
import {
  type Allocation,
  AppError,
  asAppError,
  bodyDigestOf,
  channelConfigOf,
  channelIdOf,
  encodePayment,
  type Hex,
  jobIdOf,
  type Network,
  offerIdOf,
  requirementsOf,
  type SignedOffer,
  signVoucher,
  startContext,
  type VoucherPayment,
  wireBodyOf,
} from '@aitbc/protocol';
import { createProviderClient } from '@aitbc/sdk';
import type { JobNote } from '../books/books.ts';
import type { ProviderPlace } from '../contract.ts';
import { scriptedModel } from '../engines/scripted-text.ts';
import { messagesOf } from './errands.ts';

const callMs = 45_000;
const headerName = 'payment-signature';

/** A channel that somebody can sign for. */
export interface HandChannel {
  readonly channelId: Hex;
  /** Account id of who pays. */
  readonly payer: Hex;
  readonly hotKey: KeyPair;
}

/** What a voucher says. */
export interface VoucherWish {
  readonly key: string;
  readonly tokens: number;
  readonly cap: bigint;
  readonly change?: Partial<VoucherPayment>;
}

/** An answer to a call: all of it, as it came. */
export interface HandAnswer {
  readonly status: number;
  readonly code: string | undefined;
  readonly raw: string;
  readonly text: string;
}

/** The offer of a provider for the scripted model. Throws what keeps it from answering. */
export async function offerOf({ url }: ProviderPlace): Promise<SignedOffer> {
  const { offers } = await createProviderClient({ baseUrl: url }).offers({});
  const offer = offers.find(({ payload }) => payload.model === scriptedModel);
  if (!offer) throw new AppError('MODEL_UNKNOWN', { model: scriptedModel });
  return offer;
}

/** The allocation that opens a new channel to a provider. */
export function allocationFor(
  place: ProviderPlace,
  hotKey: KeyPair,
  { amount, withdrawDelayMs }: Pick<Allocation, 'amount' | 'withdrawDelayMs'>,
): Allocation {
  return {
    receiver: place.keys.accountId,
    payerAuthorizer: hex(hotKey.publicKey),
    receiverAuthorizer: place.authorizer.accountId,
    salt: hex(randomBytes(32)),
    ...{ amount, withdrawDelayMs },
  };
}

/** The channel that an allocation of a payer opens. */
export function channelOf(
  network: Network,
  payer: Hex,
  { allocation, hotKey }: { readonly allocation: Allocation; readonly hotKey: KeyPair },
): HandChannel {
  const channelId = channelIdOf(network, channelConfigOf(payer, allocation));
  return { channelId, payer, hotKey };
}

/** The body of a job, as every buyer sends it. */
export function bodyOf(job: Pick<JobNote, 'mark' | 'words' | 'maxTokens'>): string {
  return JSON.stringify(
    wireBodyOf({
      ...{ model: scriptedModel, messages: messagesOf(job), maxTokens: job.maxTokens },
      ...{ temperature: 0, topP: undefined, topK: undefined, seed: undefined, stop: [] },
    }),
  );
}

/** The payment header for a body. */
export function headerOf(
  network: Network,
  { channelId, payer, hotKey }: HandChannel,
  { offer, body, promise }: { offer: SignedOffer; body: string; promise: VoucherWish },
): string {
  const { key: idempotencyKey, tokens, cap, change } = promise;
  const offerId = offerIdOf(network, offer.payload);
  const bodyDigest = bodyDigestOf(utf8(body));
  const jobId = jobIdOf(network, { payer, idempotencyKey, bodyDigest });
  const context = startContext(network, { offerId, jobId, bodyDigest, tokens });
  const voucher = signVoucher(network, { channelId, maxClaimable: cap, context }, hotKey.secretKey);
  return encodePayment(requirementsOf(offerId, offer.payload, cap), {
    type: 'voucher',
    ...{ offerId, channelId, idempotencyKey, tokens },
    maxClaimable: `${cap}`,
    signature: voucher.signature,
    ...change,
  });
}

/** Calls a provider; never throws. A line that broke has status 0. */
export async function callByHand(
  { url }: ProviderPlace,
  { body, header }: { readonly body: string; readonly header?: string | undefined },
  signal: AbortSignal,
): Promise<HandAnswer> {
  let raw = '';
  try {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(header ? { [headerName]: header } : {}) },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(callMs)]),
    });
    const decoder = new TextDecoder();
    for await (const part of answer.body ?? []) raw += decoder.decode(part, { stream: true });
    const code = /"code":"([A-Z_]+)"/.exec(raw)?.[1];
    return { status: answer.status, code, raw, text: textOf(raw) };
  } catch (error) {
    return { status: 0, code: asAppError(error).code, raw, text: textOf(raw) };
  }
}

function textOf(raw: string): string {
  const pieces = [...raw.matchAll(/"delta":\{[^}]*"content":"([^"]*)"/g)];
  return pieces.map(([, piece]) => piece).join('');
}
