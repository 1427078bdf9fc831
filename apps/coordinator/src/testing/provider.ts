/** A provider daemon of tests: the real socket protocol and real signatures, no engine. */
import { bytesFromHex, hex, sign, utf8 } from '@aitbc/primitives';
import {
  bodyDigestOf,
  type CoordinatorFrame,
  encodePayment,
  firstPrefixHash,
  jobIdOf,
  loginBytes,
  type OfferPayload,
  offerIdOf,
  type ProviderFrame,
  providerSocketPath,
  type ReceiptPayload,
  requirementsOf,
  type SignedOffer,
  type SignedReceipt,
  signDocument,
  textHashOf,
  zCoordinatorFrame,
} from '@aitbc/protocol';
import { openSocket } from '@aitbc/sdk';
import { until } from '@aitbc/service';
import { type Bench, type Identity, identityOf, network, startMs } from './harness.ts';

type FrameOf<T extends CoordinatorFrame['type']> = Extract<CoordinatorFrame, { type: T }>;

/** One connection of a provider. */
export interface TestProvider {
  readonly identity: Identity;
  /** All frames so far. */
  readonly frames: readonly CoordinatorFrame[];
  readonly isClosed: boolean;
  /** The next frame of a type that was not taken yet. */
  next<T extends CoordinatorFrame['type']>(type: T): Promise<FrameOf<T>>;
  /** Frames of a type that were not taken yet. */
  waiting(type: CoordinatorFrame['type']): number;
  send(frame: ProviderFrame): void;
  sendRaw(text: string): void;
  /** Answers the challenge with the own key, or as given. */
  logIn(changes?: { secretKey?: Uint8Array; nonce?: string; signature?: string }): Promise<void>;
  /** Waits until the connection has ended. */
  ended(): Promise<void>;
  close(): void;
}

/** Opens a connection; nothing is said yet. */
export function connectProvider(url: string, identity: Identity): TestProvider {
  const frames: CoordinatorFrame[] = [];
  const taken = new Set<CoordinatorFrame>();
  let isClosed = false;
  const socket = openSocket(`${url.replace(/^http/, 'ws')}${providerSocketPath}`, {
    onOpen: () => {},
    onMessage: (text) => void frames.push(zCoordinatorFrame.parse(JSON.parse(text))),
    onClose: () => {
      isClosed = true;
    },
  });
  const left = (type: CoordinatorFrame['type']) =>
    frames.filter((frame) => frame.type === type && !taken.has(frame));
  const provider: TestProvider = {
    identity,
    frames,
    get isClosed() {
      return isClosed;
    },
    async next<T extends CoordinatorFrame['type']>(type: T) {
      const frame = await until(() => left(type)[0], { what: `frame ${type}` });
      taken.add(frame);
      return frame as FrameOf<T>;
    },
    waiting: (type) => left(type).length,
    send: (frame) => socket.send(JSON.stringify(frame)),
    sendRaw: (text) => socket.send(text),
    async logIn(changes = {}) {
      const challenge = await provider.next('challenge');
      const nonce = changes.nonce ?? challenge.nonce;
      const message = loginBytes(network, identity.accountId, nonce);
      const signature =
        changes.signature ?? hex(sign(message, changes.secretKey ?? identity.secretKey));
      const endpoint = 'http://127.0.0.1:1';
      provider.send({ type: 'hello', provider: identity.address, endpoint, signature });
    },
    ended: () => until(() => isClosed, { what: 'the end of the connection' }).then(() => {}),
    close: () => socket.close(),
  };
  return provider;
}

/** Payload of an offer of this provider. */
export function offerPayload(
  { address, publicKey }: Identity,
  changes: Partial<OfferPayload> = {},
): OfferPayload {
  return {
    v: 1,
    network: network.caip2,
    provider: address,
    authorizer: publicKey,
    endpoint: 'http://127.0.0.1:8008',
    model: 'tiny',
    digest: 'sha256:00',
    quantization: 'Q4_0',
    contextMax: 2_048,
    outputMax: 512,
    price: { inputPerMTok: '50000000', outputPerMTok: '150000000', perRequest: '0' },
    windowTokens: 16,
    serves: ['chat'],
    canResume: false,
    firstTokenMs: 1_000,
    withdrawDelayMsMin: 60_000,
    validFromMs: startMs,
    validUntilMs: startMs + 24 * 3_600_000,
    ...changes,
  };
}

/** A signed offer. */
export function signedOffer(identity: Identity, changes: Partial<OfferPayload> = {}): SignedOffer {
  return signDocument({ tag: 'offer', network }, offerPayload(identity, changes), identity);
}

/** A final receipt for a job. */
export function signedReceipt(
  identity: Identity,
  job: { jobId: string; offerId: string; body?: string },
  changes: Partial<ReceiptPayload> = {},
): SignedReceipt {
  const payload: ReceiptPayload = {
    v: 1,
    network: network.caip2,
    jobId: job.jobId,
    offerId: job.offerId,
    channelId: 'cc'.repeat(32),
    provider: identity.address,
    model: 'tiny',
    digest: 'sha256:00',
    from: 0,
    to: 2,
    prefixHash: firstPrefixHash(network, bodyDigestOf(utf8(job.body ?? ''))),
    textHash: textHashOf('hi there'),
    promptTokens: 5,
    outcome: 'complete',
    charged: '1000',
    chargedCumulative: '1000',
    atMs: startMs,
    ...changes,
  };
  return signDocument({ tag: 'receipt', network }, payload, identity);
}

export const answer = {
  object: 'chat.completion',
  choices: [{ message: { content: 'hi there' } }],
};

/** A provider that is logged in and sells one model. */
export async function sellingProvider(
  { url, client }: Pick<Bench, 'url' | 'client'>,
  name = 'seller',
  changes: Partial<OfferPayload> = {},
): Promise<{ provider: TestProvider; offer: SignedOffer; offerId: string }> {
  const identity = identityOf(name);
  const provider = connectProvider(url, identity);
  await provider.logIn();
  await provider.next('welcome');
  const offer = signedOffer(identity, changes);
  const offerId = offerIdOf(network, offer.payload);
  provider.send({ type: 'offers', offers: [offer] });
  await until(
    async () => (await client.listOffers({})).offers.some((row) => row.offerId === offerId),
    { what: 'the offer in the list' },
  );
  return { provider, offer, offerId };
}

const buyer = identityOf('buyer');

/** A paid submission for an offer; the voucher itself is only the provider's business. */
export function submissionFor(
  offer: SignedOffer,
  changes: { key?: string; content?: string; body?: string; offerId?: string; caip2?: string } = {},
) {
  const offerId = changes.offerId ?? offerIdOf(network, offer.payload);
  const { model } = offer.payload;
  const messages = [{ role: 'user', content: changes.content ?? 'hello' }];
  const body = changes.body ?? JSON.stringify({ model, messages });
  const idempotencyKey = changes.key ?? 'key';
  const requirements = requirementsOf(offerId, offer.payload, 1_000n);
  const payment = encodePayment(
    { ...requirements, network: changes.caip2 ?? network.caip2 },
    {
      type: 'voucher',
      offerId: offerIdOf(network, offer.payload),
      channelId: 'cc'.repeat(32),
      idempotencyKey,
      tokens: 16,
      maxClaimable: '1000',
      signature: 'ee'.repeat(64),
    },
  );
  const identity = { payer: buyer.accountId, idempotencyKey };
  const jobId = jobIdOf(network, { ...identity, bodyDigest: bodyDigestOf(utf8(body)) });
  return { jobId, submission: { offerId, payer: buyer.address, body, payment } };
}

/** Bytes of hex for tests that forge. */
export function flipped(signature: string): string {
  const bytes = bytesFromHex(signature, 64) ?? new Uint8Array(64);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return hex(bytes);
}
