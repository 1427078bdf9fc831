/**
 * A paid job made for tests, with real signatures: one provider answers and dies, a second one goes on after four tokens
 * that the first one had not signed, and completes. Or only the line breaks there: the first one has sent more.
 */
import { createWriter, hex, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import {
  addressOf,
  bodyDigestOf,
  type DocumentSigner,
  firstPrefixHash,
  type Hex,
  type JobProof,
  jobIdOf,
  type Network,
  nextPrefixHash,
  type OfferPayload,
  offerIdOf,
  type ProofPart,
  type ProviderValue,
  providerFields,
  type ReceiptPayload,
  type SignedReceipt,
  signDocument,
  textHashOf,
  writeRecord,
} from '@aitbc/protocol';
import type { FakeEntry } from './fake-chain.ts';

/** A provider of a made job. */
export interface MadeProvider {
  readonly address: string;
  readonly accountId: Hex;
  /** Secret key of the account, 64 bytes. */
  readonly accountKey: Uint8Array;
  readonly authorizer: Hex;
  readonly registration: ProviderValue;
  /** Its registration, as an entry of the state. */
  readonly entry: FakeEntry;
  readonly signer: DocumentSigner;
}

/** A job and who did it. */
export interface MadeJob {
  readonly proof: JobProof;
  readonly providers: readonly MadeProvider[];
  /** Channels in the order of the providers. */
  readonly channels: readonly Hex[];
}

const bodyDigest = bodyDigestOf(utf8('{"model":"tiny"}'));
const tail = ' but';
const unseen = ' never';

/** A provider whose hot key is not the key of its account. */
export function makeProvider(seed: number): MadeProvider {
  const pair = keyPairFromSeed(new Uint8Array(32).fill(seed));
  const account = keyPairFromSeed(new Uint8Array(32).fill(seed + 100));
  const accountId = hex(account.publicKey);
  const authorizer = hex(pair.publicKey);
  const registration = {
    ...{ authorizer, endpoint: 'http://127.0.0.1:8008', bond: 200_000_000_000n, unbondDueMs: 0 },
  };
  const writer = createWriter();
  writeRecord(providerFields, writer, registration);
  return {
    ...{ address: addressOf(accountId), accountId, authorizer, registration },
    accountKey: account.secretKey,
    entry: [`p${accountId}`, writer.finish()],
    signer: { publicKey: authorizer, secretKey: pair.secretKey },
  };
}

/** How the first provider of a made job was left. */
export type MadeBreak = 'killed' | 'line';

/**
 * The job: 12 tokens of the first provider, 4 that it did not sign, 9 of the second. 150 nait a token. After a break of the
 * line the first one has signed 10 tokens from the 13th on, of which 4 arrived, and charges the prompt.
 */
export function makeJob(network: Network, how: MadeBreak = 'killed'): MadeJob {
  const providers = [makeProvider(41), makeProvider(42)] as const;
  const [first, second] = providers;
  const payer = hex(keyPairFromSeed(new Uint8Array(32).fill(40)).publicKey);
  const identity = { payer: addressOf(payer), idempotencyKey: 'made' };
  const jobId = jobIdOf(network, { payer, idempotencyKey: 'made', bodyDigest });
  const start = { network, jobId, at: 0, prefixHash: firstPrefixHash(network, bodyDigest) };
  const isLine = how === 'line';
  const texts = ['It was ', 'late,', ...(isLine ? [tail + unseen] : [])];
  const a = signTexts(first, start, { texts, outcome: isLine ? 'client_abort' : 'running' });
  const { at, prefixHash } = a.points[2] as Point;
  const range = { prefixHash, textHash: textHashOf(tail), from: at, to: at + tail.length };
  const there = { ...start, at: range.to, prefixHash: nextPrefixHash(network, range) };
  const b = signTexts(second, there, { texts: ['it ran', ' on'], outcome: 'complete' });
  const parts: ProofPart[] = [
    {
      offer: a.part.offer,
      receipts: a.part.receipts.slice(0, 2),
      tail: { to: range.to, textHash: range.textHash },
      surplus: a.part.receipts.slice(2),
    },
    { ...b.part, tail: null, surplus: [] },
  ];
  const proof: JobProof = {
    ...{ v: 2, genesisHash: network.genesisHash, jobId, bodyDigest, identity, parts, chain: null },
  };
  return { proof, providers, channels: [channelOf(first), channelOf(second)] };
}

interface Point {
  readonly at: number;
  readonly prefixHash: Hex;
}

interface Start extends Point {
  readonly network: Network;
  readonly jobId: Hex;
}

/** One token a character. */
function signTexts(
  { signer, address, authorizer }: MadeProvider,
  start: Start,
  { texts, outcome }: Pick<ReceiptPayload, 'outcome'> & { readonly texts: readonly string[] },
) {
  const { network, jobId } = start;
  const offer = offerOf(network, address, authorizer);
  let { at, prefixHash } = start;
  const points: Point[] = [{ at, prefixHash }];
  const receipts = texts.map((text, place): SignedReceipt => {
    const isLast = place === texts.length - 1 && outcome !== 'running';
    const to = at + text.length;
    const charged = String(150 * (to - start.at) + (isLast ? 1_450 : 0));
    const payload: ReceiptPayload = {
      ...{ v: 1, network: network.caip2, jobId, offerId: offerIdOf(network, offer) },
      ...{ channelId: channelOf({ authorizer }), provider: address, model: offer.model },
      ...{ digest: offer.digest, from: at, to, prefixHash, textHash: textHashOf(text) },
      ...{ promptTokens: 9, outcome: isLast ? outcome : 'running', charged },
      ...{ chargedCumulative: String(5_000 + Number(charged)), atMs: 1_800_000_000_000 },
    };
    prefixHash = nextPrefixHash(network, payload);
    at = to;
    points.push({ at, prefixHash });
    return signDocument({ tag: 'receipt', network }, payload, signer);
  });
  const signedOffer = signDocument({ tag: 'offer', network }, offer, signer);
  return { part: { offer: signedOffer, receipts }, points };
}

function channelOf({ authorizer }: Pick<MadeProvider, 'authorizer'>): Hex {
  return bodyDigestOf(utf8(authorizer));
}

function offerOf(network: Network, provider: string, authorizer: Hex): OfferPayload {
  return {
    ...{ v: 1, network: network.caip2, provider, authorizer, endpoint: 'http://127.0.0.1:8008' },
    ...{ model: 'tiny', digest: `sha256:${'ee'.repeat(32)}`, quantization: 'F16' },
    ...{ contextMax: 2_048, outputMax: 512, windowTokens: 16, serves: ['chat'], canResume: true },
    price: { inputPerMTok: '50000000', outputPerMTok: '150000000', perRequest: '1000' },
    ...{ firstTokenMs: 5_000, withdrawDelayMsMin: 1_000 },
    ...{ validFromMs: 1_000, validUntilMs: 2_000 },
  };
}
