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
 * *Surplus* are the receipts from the first one on that ends behind the point where the next provider began: their
 * provider had sent more than arrived when the line broke. They are signed, chained to its others and charged, and no
 * part of the text. A receipt that straddles the point is surplus too; the tail then says which of its tokens arrived. So is
 * one for tokens of the tail that is not for its text, such as when words were changed on the line; that tail is
 * signed by nobody. A buyer pays for a window ahead, so more surplus than a window is refused.
 *
 * A provider may also begin at the request again, when the buyer had lost the text or had none; then neither tail nor
 * surplus may stand before it, and all that was signed until then is no part of the text.
 *
 * Rejected: to find the surplus by trying each receipt as the last one that arrived (a job then has several
 * proofs, and what a reader is shown depends on the order of the search).
 * See docs/spec/payments.md, "When a provider fails" and "Proof of a job".
 */
import { z } from 'zod';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import type { Network } from '../network.ts';
import { amountOf, zCount, zHash } from '../scalars.ts';
import { type Signed, verifyDocument } from './document.ts';
import { type OfferPayload, offerIdOf, priceOf, zSignedOffer } from './offer.ts';
import { chargeFor, type Outcome } from './price.ts';
import {
  firstPrefixHash,
  nextPrefixHash,
  positionMax,
  type ReceiptPayload,
  verifyReceipt,
  verifyTiling,
  zSignedReceipt,
} from './receipt.ts';

const lateMax = 2;
const receiptsMax = 4_096; // of one provider; a window has two tokens or more
const surplusMax = 2 * limits.windowTokensMax; // one for each token of a window, and as many without one

/** What one provider did for a job. */
export const zProofPart = z.strictObject({
  offer: zSignedOffer,
  receipts: z.array(zSignedReceipt).max(receiptsMax),
  tail: z
    .strictObject({ to: zCount, textHash: zHash })
    .nullable()
    .meta({ description: 'text after the last receipt that the next provider was shown' }),
  surplus: z
    .array(zSignedReceipt)
    .max(surplusMax)
    .meta({ description: 'receipts that go on behind the point where the next provider began' }),
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
  /** All that it has signed, in order; the last ones are `surplus`. */
  readonly receipts: readonly ReceiptPayload[];
  readonly tail: ProofPart['tail'];
  readonly surplus: readonly ReceiptPayload[];
  /** Output tokens that it has signed and that are no part of the text. */
  readonly surplusTokens: number;
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
  const signed = [...part.receipts, ...part.surplus];
  const [first] = signed;
  if (!first && !part.tail) return fault('a provider neither signed nor delivered anything');
  for (const [at, receipt] of signed.entries()) {
    const wrong =
      fitFault({ jobId, offerId, offer, first: (first ?? receipt).payload }, receipt.payload) ??
      tilingFault(network, signed[at - 1]?.payload, receipt.payload);
    if (wrong) return wrong;
    const verified = verifyReceipt(network, receipt, authorizer);
    if (!verified.ok) return verified;
  }
  const extra = surplusOf(part);
  if (!extra.ok) return extra;
  const sum = sumOf(
    offer,
    signed.map(({ payload }) => payload),
  );
  return accept({ ...sum, ...extra.value, offerId, offer, authorizer, tail: part.tail });
}

/** What a part has signed that is no part of the text. */
function surplusOf(part: ProofPart): Verdict<Pick<ProvenPart, 'surplus' | 'surplusTokens'>> {
  const surplus = part.surplus.map(({ payload }) => payload);
  const [first, last] = [surplus[0], surplus.at(-1)];
  if (!first || !last) return accept({ surplus, surplusTokens: 0 });
  const cut = part.tail?.to ?? part.receipts.at(-1)?.payload.to ?? first.from;
  if (cut === 0) return fault('an answer that began again has no surplus');
  const isOther = first.to <= cut;
  if (isOther && !isForOtherText(first, part.tail)) {
    return fault('a receipt for the text stands with the surplus');
  }
  const ahead = last.to - cut;
  const { windowTokens } = part.offer.payload;
  if (ahead <= windowTokens) {
    return accept({ surplus, surplusTokens: isOther ? last.to - first.from : ahead });
  }
  return fault(`${ahead} surplus tokens are more than the window of ${windowTokens}`);
}

/** Whether a receipt is for tokens of the tail, after all that is signed, and not for its text. */
function isForOtherText({ from, to, textHash }: ReceiptPayload, tail: Tail | null): boolean {
  return tail !== null && from < to && (to < tail.to || textHash !== tail.textHash);
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

/** How the parts join. */
export interface Joined {
  /** Output tokens that arrived and that nobody signed, in all. */
  readonly unsignedTokens: number;
  /** Place of the part with which the text begins: the last one that began at the request. */
  readonly begun: number;
}

/** Checks that the parts join. Refusal: RECEIPT_INVALID. */
export function joinParts(
  network: Network,
  bodyDigest: Hex,
  parts: readonly ProvenPart[],
): Verdict<Joined> {
  const start: Point = { at: 0, prefixHash: firstPrefixHash(network, bodyDigest), unsigned: 0 };
  let points: readonly Point[] = [start];
  let begun = 0;
  for (const [place, part] of parts.entries()) {
    let from = beginOf(part, points);
    if (from.length === 0 && isClosed(parts[place - 1]) && beginOf(part, [start]).length > 0) {
      from = [{ ...start, unsigned: points[0]?.unsigned ?? 0 }];
      begun = place;
    }
    if (from.length === 0) return fault(joinFault(part, points));
    points = from.flatMap((point) => endsOf(network, part, point));
    if (points.length === 0) return fault('the text of two providers does not join');
  }
  const last = parts.at(-1);
  if (last?.tail) return fault('text at the end of the answer is signed by nobody');
  if (!isClosed(last)) return fault('nothing goes on where the surplus at the end begins');
  return accept({ unsignedTokens: Math.min(...points.map(({ unsigned }) => unsigned)), begun });
}

/** Whether nothing in the part waits for a receipt of the next one to bind it. */
function isClosed(part: ProvenPart | undefined): boolean {
  return !part?.tail && !part?.surplus.length;
}

/** Points at which the part can have begun: one that its first receipt names, any while it has none. */
function beginOf({ receipts: [first] }: ProvenPart, points: readonly Point[]): readonly Point[] {
  if (!first) return points;
  const named = ({ at, prefixHash }: Point) => at === first.from && prefixHash === first.prefixHash;
  return points.filter(named).slice(0, 1);
}

function joinFault({ receipts: [first] }: ProvenPart, points: readonly Point[]): string {
  const [point] = points;
  if (point && points.length === 1 && point.at !== first?.from) {
    return `tokens ${point.at} to ${first?.from} are not covered`;
  }
  return 'a receipt does not go on where the text before it ends';
}

/** Points where the next provider may begin, when this one began at `point`; the newest first. */
function endsOf(network: Network, part: ProvenPart, point: Point): readonly Point[] {
  const { tail, surplus } = part;
  const receipts = part.receipts.slice(0, part.receipts.length - surplus.length);
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
      const isSigned = signed !== undefined || (surplus[0]?.to ?? 0) > end.at;
      ends.push(isSigned ? { ...end, unsigned: seen.unsigned } : end);
    }
  }
  return ends;
}

function tailEnd(
  network: Network,
  { at, prefixHash, unsigned }: Point,
  { to, textHash }: Tail,
): Point | undefined {
  if (to <= at || to > positionMax) return undefined;
  const next = nextPrefixHash(network, { prefixHash, textHash, from: at, to });
  return { at: to, prefixHash: next, unsigned: unsigned + to - at };
}

function isLate(receipt: ReceiptPayload, seen: Point, tail: Tail | null): boolean {
  if (receipt.from !== seen.at) return tail?.to === receipt.from && receipt.from === receipt.to;
  if (receipt.to === receipt.from) return true;
  return tail !== null && receipt.to === tail.to && receipt.textHash === tail.textHash;
}
