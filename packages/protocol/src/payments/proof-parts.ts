/**
 * How the receipts of several providers join into one text.
 *
 * A *point* is a position in the answer and the hash of all text before it. A provider's receipts lead from the point
 * where it began to others, one for each receipt. The next provider begins where the buyer said so, at one of
 * the newest of these points or, when text arrived that was not yet signed, at the end of that *tail*. Its first
 * receipt names the point, so the prefix hash decides which one it was.
 *
 * Receipts after that point are late: they were signed when the next provider already ran, and its hashes do not
 * contain them. There are two: the closing receipt over no tokens of a provider that was killed, and the one
 * for what its buyer acknowledged, over exactly the tail, which it may replace. Any other late receipt would be for
 * tokens of the next provider.
 *
 * A provider may also begin at the request again, when the buyer had lost the text; then no tail may stand before it.
 * See docs/spec/payments.md, "When a provider fails" and "Proof of a job".
 */
import { z } from 'zod';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import type { Network } from '../network.ts';
import { amountOf, zCount, zHash } from '../scalars.ts';
import { type Signed, verifyDocument } from './document.ts';
import { type OfferPayload, offerIdOf, priceOf, zSignedOffer } from './offer.ts';
import { chargeFor, type Outcome } from './price.ts';
import {
  firstPrefixHash,
  nextPrefixHash,
  type ReceiptPayload,
  verifyReceipt,
  verifyTiling,
  zSignedReceipt,
} from './receipt.ts';

const lateMax = 2;
const receiptsMax = 4_096; // of one provider; a window has two tokens or more

/** What one provider did for a job. */
export const zProofPart = z.strictObject({
  offer: zSignedOffer,
  receipts: z.array(zSignedReceipt).max(receiptsMax),
  tail: z
    .strictObject({ to: zCount, textHash: zHash })
    .nullable()
    .meta({ description: 'text after the last receipt that the next provider was shown' }),
});

export type ProofPart = z.infer<typeof zProofPart>;

/** What one provider did, as its signatures show. */
export interface ProvenPart {
  readonly offerId: Hex;
  readonly offer: OfferPayload;
  /** Key that signed offer and receipts; compare it with the registered one. */
  readonly authorizer: Hex;
  /** Address of the provider. */
  readonly provider: string;
  readonly receipts: readonly ReceiptPayload[];
  readonly tail: ProofPart['tail'];
  /** Output tokens that it has signed, `[from, to)`; both 0 without a receipt. */
  readonly from: number;
  readonly to: number;
  /** nait */
  readonly charged: bigint;
  /** Whether more is charged than the output tokens cost. */
  readonly hasPrompt: boolean;
  /** `running` when no receipt says how it ended. */
  readonly outcome: Outcome;
}

type Fault = Verdict<never>;

const fault = (reason: string): Fault => refuse('RECEIPT_INVALID', { reason });

/** Checks the part of one provider in itself: signatures, tiling, charges. Refusal: RECEIPT_INVALID. */
export function provePart(network: Network, jobId: Hex, part: ProofPart): Verdict<ProvenPart> {
  const { payload: offer, signer: authorizer } = part.offer;
  if (offer.authorizer !== authorizer || offer.network !== network.caip2) {
    return fault('an offer is not of this network or not signed by its own key');
  }
  if (!verifyDocument('offer', network, part.offer as Signed<unknown>)) {
    return fault('the signature of an offer is wrong');
  }
  const offerId = offerIdOf(network, offer);
  const receipts = part.receipts.map(({ payload }) => payload);
  const [first] = receipts;
  if (!first && !part.tail) return fault('a provider neither signed nor delivered anything');
  for (const [at, receipt] of part.receipts.entries()) {
    const wrong =
      fitFault({ jobId, offerId, offer, first: first ?? receipt.payload }, receipt.payload) ??
      tilingFault(network, receipts[at - 1], receipt.payload);
    if (wrong) return wrong;
    const signed = verifyReceipt(network, receipt, authorizer);
    if (!signed.ok) return signed;
  }
  return accept({ ...sumOf(offer, receipts), offerId, offer, authorizer, tail: part.tail });
}

function sumOf(offer: OfferPayload, receipts: readonly ReceiptPayload[]) {
  const { provider } = offer;
  const [first, last] = [receipts[0], receipts.at(-1)];
  const [from, to] = [first?.from ?? 0, last?.to ?? 0];
  const usage = { promptTokens: 0, outputTokens: to - from };
  const charged = amountOf(last?.charged ?? '0');
  const hasPrompt = charged > chargeFor(priceOf(offer), usage, 'provider_error');
  const outcome: Outcome = last?.outcome ?? 'running';
  return { provider, receipts, from, to, charged, hasPrompt, outcome };
}

interface FitContext {
  readonly jobId: Hex;
  readonly offerId: Hex;
  readonly offer: OfferPayload;
  readonly first: ReceiptPayload;
}

function fitFault(context: FitContext, receipt: ReceiptPayload): Fault | undefined {
  const { jobId, offerId, offer, first } = context;
  if (receipt.jobId !== jobId || receipt.offerId !== offerId) {
    return fault('a receipt is for another job or offer');
  }
  if (receipt.model !== offer.model || receipt.digest !== offer.digest) {
    return fault('a receipt names another model than the offer');
  }
  if (receipt.provider !== offer.provider || receipt.channelId !== first.channelId) {
    return fault('a receipt is for another provider or channel');
  }
  if (receipt.to < first.from) return fault('a receipt ends before the first one begins');
  const { promptTokens, to, outcome, charged } = receipt;
  const usage = { promptTokens, outputTokens: to - first.from };
  if (amountOf(charged) > chargeFor(priceOf(offer), usage, outcome)) {
    return fault('a receipt charges more than the offer allows');
  }
  return undefined;
}

function tilingFault(
  network: Network,
  previous: ReceiptPayload | undefined,
  receipt: ReceiptPayload,
): Fault | undefined {
  if (!previous) return undefined;
  const tiles = verifyTiling(network, previous, receipt);
  return tiles.ok ? undefined : tiles;
}

type Tail = NonNullable<ProofPart['tail']>;

/** Where a provider may have gone on, and how many unsigned tokens lie just before. */
interface Point {
  readonly at: number;
  readonly prefixHash: Hex;
  readonly unsigned: number;
}

/**
 * Checks that the parts join. Output tokens that arrived and that nobody signed, in all.
 * Refusal: RECEIPT_INVALID.
 */
export function joinParts(
  network: Network,
  bodyDigest: Hex,
  parts: readonly ProvenPart[],
): Verdict<number> {
  const start: Point = { at: 0, prefixHash: firstPrefixHash(network, bodyDigest), unsigned: 0 };
  let points: readonly Point[] = [start];
  let isBound = true; // no tail waits for a receipt that begins at its end
  for (const part of parts) {
    const begun = beginOf(part, points, isBound ? start : undefined);
    if (begun.length === 0) return fault(joinFault(part, points));
    points = begun.flatMap((point) => endsOf(network, part, point));
    if (points.length === 0) return fault('the text of two providers does not join');
    isBound = part.tail === null;
  }
  if (!isBound) return fault('text at the end of the answer is signed by nobody');
  return accept(Math.min(...points.map(({ unsigned }) => unsigned)));
}

/** Points at which the part can have begun: one that its first receipt names, any while it has none. */
function beginOf(
  { receipts: [first] }: ProvenPart,
  points: readonly Point[],
  start: Point | undefined,
): readonly Point[] {
  if (!first) return points;
  const named = ({ at, prefixHash }: Point) => at === first.from && prefixHash === first.prefixHash;
  const found = points.filter(named);
  if (found.length > 0) return found.slice(0, 1);
  if (!start || !named(start)) return [];
  return [{ ...start, unsigned: points[0]?.unsigned ?? 0 }];
}

function joinFault({ receipts: [first] }: ProvenPart, points: readonly Point[]): string {
  const [point] = points;
  if (point && points.length === 1 && point.at !== first?.from) {
    return `tokens ${point.at} to ${first?.from} are not covered`;
  }
  return 'a receipt does not go on where the text before it ends';
}

/** Points where the next provider may begin, when this one began at `point`; the newest first. */
function endsOf(network: Network, { receipts, tail }: ProvenPart, point: Point): readonly Point[] {
  const after: Point[] = [point];
  for (const receipt of receipts) {
    const prefixHash = nextPrefixHash(network, receipt);
    after.push({ at: receipt.to, prefixHash, unsigned: point.unsigned });
  }
  const ends: Point[] = [];
  for (let late = 0; late <= Math.min(lateMax, receipts.length); late += 1) {
    const seen = after[after.length - 1 - late] as Point;
    const lateOnes = receipts.slice(receipts.length - late);
    const signed = lateOnes.find(({ from, to }) => from < to);
    const shown = tail ?? signed ?? null;
    const end = shown ? tailEnd(network, seen, shown) : seen;
    if (end && lateOnes.every((one) => isLate(one, seen, shown))) {
      ends.push(signed ? { ...end, unsigned: seen.unsigned } : end);
    }
  }
  return ends;
}

function tailEnd(
  network: Network,
  { at, prefixHash, unsigned }: Point,
  { to, textHash }: Tail,
): Point | undefined {
  if (to <= at) return undefined;
  const next = nextPrefixHash(network, { prefixHash, textHash, from: at, to });
  return { at: to, prefixHash: next, unsigned: unsigned + to - at };
}

function isLate(receipt: ReceiptPayload, seen: Point, tail: Tail | null): boolean {
  if (receipt.from !== seen.at) return tail?.to === receipt.from && receipt.from === receipt.to;
  if (receipt.to === receipt.from) return true;
  return tail !== null && receipt.to === tail.to && receipt.textHash === tail.textHash;
}
