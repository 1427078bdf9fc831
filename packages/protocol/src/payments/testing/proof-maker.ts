/** Providers that sign parts of one job, for tests of its proof. */
import { hex, keyPairFromSeed, utf8 } from '@aitbc/primitives';
import { addressOf } from '../../fields.ts';
import { networkFromHash } from '../../network.ts';
import { signDocument } from '../document.ts';
import { bodyDigestOf, jobIdOf } from '../job-id.ts';
import { type OfferPayload, offerIdOf } from '../offer.ts';
import { type JobProof, verifyJobProof } from '../proof.ts';
import type { ProofPart } from '../proof-parts.ts';
import {
  firstPrefixHash,
  nextPrefixHash,
  type ReceiptPayload,
  type SignedReceipt,
  textHashOf,
} from '../receipt.ts';

export const network = networkFromHash('test', 'ab'.repeat(32));
export const other = networkFromHash('other', 'cd'.repeat(32));
export const bodyDigest = bodyDigestOf(utf8('{}'));
const payer = hex(keyPairFromSeed(new Uint8Array(32).fill(9)).publicKey);
export const identity = { payer: addressOf(payer), idempotencyKey: 'key' };
export const jobId = jobIdOf(network, { payer, idempotencyKey: 'key', bodyDigest });

/** Where an answer stands. */
export interface Point {
  readonly at: number;
  readonly prefixHash: string;
}

export const start: Point = { at: 0, prefixHash: firstPrefixHash(network, bodyDigest) };

/** Point after a text of one token a character. */
export function after({ at, prefixHash }: Point, text: string): Point {
  const to = at + text.length;
  const range = { prefixHash, textHash: textHashOf(text), from: at, to };
  return { at: to, prefixHash: nextPrefixHash(network, range) };
}

/** Point after a receipt. */
export function endOf(receipt: ReceiptPayload): Point {
  return { at: receipt.to, prefixHash: nextPrefixHash(network, receipt) };
}

function offerOf(authorizer: string): OfferPayload {
  return {
    v: 1,
    network: network.caip2,
    provider: addressOf(authorizer),
    authorizer,
    endpoint: 'http://127.0.0.1:8008',
    model: 'tiny',
    digest: `sha256:${'ee'.repeat(32)}`,
    quantization: 'F16',
    contextMax: 2048,
    outputMax: 512,
    price: { inputPerMTok: '50000000', outputPerMTok: '150000000', perRequest: '1000' },
    windowTokens: 16,
    serves: ['chat'],
    canResume: true,
    firstTokenMs: 5000,
    withdrawDelayMsMin: 1000,
    validFromMs: 1000,
    validUntilMs: 2000,
  };
}

/** A provider that signs what it is told; output costs 150 nait a token, a prompt of 9 tokens 450 and the request 1000. */
export function createProvider(seed: number, changes: Partial<OfferPayload> = {}) {
  const pair = keyPairFromSeed(new Uint8Array(32).fill(seed));
  const authorizer = hex(pair.publicKey);
  const signer = { publicKey: authorizer, secretKey: pair.secretKey };
  const payload = { ...offerOf(authorizer), ...changes };
  const offer = signDocument({ tag: 'offer', network }, payload, signer);
  const sign = (
    point: Point & { readonly begin?: number },
    text: string,
    change: Partial<ReceiptPayload> = {},
  ): SignedReceipt => {
    const { begin = 0 } = point;
    const to = point.at + text.length;
    const hasPrompt = change.outcome === 'complete' || change.outcome === 'client_abort';
    const charged = String((hasPrompt ? 1450 : 0) + 150 * (to - begin));
    const receipt: ReceiptPayload = {
      v: 1,
      network: network.caip2,
      jobId,
      offerId: offerIdOf(network, payload),
      channelId: hex(new Uint8Array(32).fill(seed)),
      provider: payload.provider,
      model: payload.model,
      digest: payload.digest,
      from: point.at,
      to,
      prefixHash: point.prefixHash,
      textHash: textHashOf(text),
      promptTokens: 9,
      outcome: 'running',
      charged,
      chargedCumulative: charged,
      atMs: 1,
      ...change,
    };
    return signDocument({ tag: 'receipt', network }, receipt, signer);
  };
  /** Signs the texts in order; the last receipt has the outcome. */
  const run = (
    from: Point,
    texts: readonly string[],
    outcome: ReceiptPayload['outcome'] = 'running',
  ) => {
    let point = from;
    const receipts = texts.map((text, place) => {
      const isLast = place === texts.length - 1;
      const receipt = sign({ ...point, begin: from.at }, text, isLast ? { outcome } : {});
      point = after(point, text);
      return receipt;
    });
    return { receipts, end: point };
  };
  return { offer, authorizer, sign, run };
}

/** A provider made for tests. */
export type Provider = ReturnType<typeof createProvider>;

export const [alice, bob, carol] = [createProvider(2), createProvider(3), createProvider(4)];

/** The part of a provider in a proof. */
export function partOf(
  { offer }: Provider,
  receipts: readonly SignedReceipt[],
  tail: ProofPart['tail'] = null,
): ProofPart {
  return { offer, receipts: [...receipts], tail, surplus: [] };
}

/** A part whose receipts go on behind the point where the next provider began. */
export const withSurplus = (part: ProofPart, ...surplus: readonly SignedReceipt[]): ProofPart => ({
  ...part,
  surplus: [...surplus],
});

/** The proof that is made of parts. */
export const proofOf = (...parts: ProofPart[]): JobProof => ({
  ...{ v: 2, genesisHash: network.genesisHash, jobId, bodyDigest, identity, parts, chain: null },
});

/** Why a proof is refused, `ok` when it is not. */
export function reasonOf(proof: JobProof): string {
  const verdict = verifyJobProof(network, proof);
  return verdict.ok ? 'ok' : String(verdict.facts.reason);
}

/** Text behind a point, one token a character. */
export const tailOf = (end: Point, text: string) => ({
  to: end.at + text.length,
  textHash: textHashOf(text),
});
