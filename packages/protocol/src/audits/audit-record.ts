/**
 * The record of a verifiable job at one provider: all that an auditor needs to replay it, and nothing that its
 * buyer could have made up.
 *
 * What binds what: the provider's key signed the offer and every receipt. The prefix hash of the first receipt commits to
 * `body` and to every piece of `former`, the text that other providers gave before; each receipt commits to its own
 * text, and ties to the one before. So the record of a job that was never run, of a text that was never sent
 * or of a prompt that was never asked does not read. What is left to the caller: that `authorizer` is the key
 * which the chain has registered for `provider`. Without that anybody can sign a job of his own making.
 *
 * The body must be spelled as our buyers spell it (`wireBodyOf`), at temperature 0. A receipt does not say at which
 * door the body came in; this spelling means the same at every door that takes it, so nobody can have a body
 * read in one way by the provider and in another by its auditor.
 *
 * A record may end before the job did: what was signed until then was promised all the same.
 *
 * Rejected: token ids in the record (they would bind all providers of a model to one tokenizer build; the text is
 * what was sold); the newest receipt alone with the pieces of all (shorter, but then the first windows cannot be
 * told from those of another provider).
 * See docs/spec/audit.md, "The record".
 */
import { canonicalJson, type JsonValue, utf8 } from '@aitbc/primitives';
import { z } from 'zod';
import { readDialect } from '../dialects/forms.ts';
import { type InferenceRequest, wireBodyOf } from '../dialects/inference.ts';
import { accept, asAppError, type Refusal, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { type Network, taggedHash } from '../network.ts';
import { type Signed, verifyDocument } from '../payments/document.ts';
import { bodyDigestOf } from '../payments/job-id.ts';
import { offerIdOf, type SignedOffer, zSignedOffer } from '../payments/offer.ts';
import {
  firstPrefixHash,
  nextPrefixHash,
  type ReceiptPayload,
  textHashOf,
  verifyReceipt,
  verifyTiling,
  zSignedReceipt,
} from '../payments/receipt.ts';
import { type ResumePiece, zResumePiece } from '../payments/resume.ts';

/** Largest record, bytes of its canonical JSON: 1500 receipts and a body and text of half a megabyte. */
export const auditRecordBytesMax = 2_097_152;

const partsMax = 2_048; // receipts of one provider, four tokens each

export const zAuditRecord = z.strictObject({
  v: z.literal(1),
  offer: zSignedOffer,
  body: z.string().max(limits.bodyBytes).meta({ description: 'the request as it was sent' }),
  former: z
    .array(zResumePiece)
    .max(limits.resumePieces)
    .meta({ description: 'what other providers delivered before, as it was receipted' }),
  parts: z
    .array(z.strictObject({ receipt: zSignedReceipt, text: z.string() }))
    .min(1)
    .max(partsMax),
});

/** A verifiable job at one provider, as its buyer hands it in. */
export type AuditRecord = z.infer<typeof zAuditRecord>;

/** What an auditor replays. */
export interface AuditSubject {
  readonly jobId: Hex;
  readonly offerId: Hex;
  /** Address of the provider. */
  readonly provider: string;
  /** Key that signed offer and receipts, hex; the caller compares it with the one that is registered. */
  readonly authorizer: Hex;
  /** The weights that were promised, `sha256:…`. */
  readonly digest: string;
  /** Its `model` is the name that this provider uses. */
  readonly request: InferenceRequest;
  /** Text of other providers, which this one went on with. */
  readonly formerText: string;
  readonly text: string;
  /** Output tokens that the text is sold as, `[from, to)`. */
  readonly from: number;
  readonly to: number;
  readonly recordHash: Hex;
}

const fault = (reason: string): Refusal => refuse('AUDIT_RECORD_INVALID', { reason });

/** Hash of a record. Throws TypeError for a text that holds half a character. */
export function auditRecordHashOf(network: Network, record: AuditRecord): Hex {
  return taggedHash('auditRecord', network, utf8(canonicalJson(record as JsonValue)));
}

/** Checks a record completely, but for the registration of its key. Refusal: AUDIT_RECORD_INVALID. */
export function readAuditRecord(network: Network, record: AuditRecord): Verdict<AuditSubject> {
  const bytes = bytesOf(record);
  if (!bytes) return fault('it holds half a character');
  if (bytes.length > auditRecordBytesMax) return fault(`it is above ${auditRecordBytesMax} bytes`);
  const request = readRequest(record);
  if (!request.ok) return request;
  const chained = chainFormer(network, record);
  if (!chained.ok) return chained;
  const wrong = offerFault(network, record.offer) ?? partsFault(network, record, chained.value);
  if (wrong) return wrong;
  const { provider, digest, authorizer } = record.offer.payload;
  const [first, last] = [record.parts[0], record.parts.at(-1)];
  return accept({
    ...{ provider, digest, authorizer, request: request.value },
    jobId: first?.receipt.payload.jobId ?? '',
    offerId: offerIdOf(network, record.offer.payload),
    formerText: record.former.map(({ text }) => text).join(''),
    text: record.parts.map(({ text }) => text).join(''),
    from: chained.value.at,
    to: last?.receipt.payload.to ?? 0,
    recordHash: taggedHash('auditRecord', network, bytes),
  });
}

function bytesOf(record: AuditRecord): Uint8Array | undefined {
  try {
    return utf8(canonicalJson(record as JsonValue));
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** The request in the body, when it is one of the verifiable class in the spelling of our buyers. */
function readRequest({ body, offer }: AuditRecord): Verdict<InferenceRequest> {
  const request = requestOf(body);
  if (!request || JSON.stringify(wireBodyOf(request)) !== body) {
    return fault('its body is not spelled as requests of the market are');
  }
  if (request.temperature !== 0) return fault('its request is not at temperature 0');
  if (!offer.payload.verifiable) return fault('its offer promises nothing that could be verified');
  return accept(request);
}

function requestOf(body: string): InferenceRequest | undefined {
  try {
    return readDialect('openai', JSON.parse(body)).request;
  } catch (error) {
    const { code } = asAppError(error);
    if (error instanceof SyntaxError || code === 'FIELD_UNSUPPORTED' || code === 'BAD_REQUEST') {
      return undefined;
    }
    throw error;
  }
}

/** Where the provider went on. */
interface Begin {
  readonly at: number;
  readonly prefixHash: Hex;
}

function chainFormer(network: Network, { body, former }: AuditRecord): Verdict<Begin> {
  let begin: Begin = { at: 0, prefixHash: firstPrefixHash(network, bodyDigestOf(utf8(body))) };
  for (const piece of former) {
    if (!isRange(begin.at, piece)) return fault('its former pieces run backwards, or too far');
    begin = afterPiece(network, begin, piece);
  }
  return accept(begin);
}

function isRange(from: number, { text, to }: ResumePiece): boolean {
  return to <= limits.outputTokensMax && (to > from || (to === from && text === ''));
}

function afterPiece(network: Network, { at, prefixHash }: Begin, { text, to }: ResumePiece): Begin {
  const range = { prefixHash, textHash: textHashOf(text), from: at, to };
  return { at: to, prefixHash: nextPrefixHash(network, range) };
}

function offerFault(network: Network, offer: SignedOffer): Refusal | undefined {
  const { payload, signer } = offer;
  if (payload.network !== network.caip2) return fault('its offer is for another network');
  if (payload.authorizer !== signer) return fault('its offer is not signed by its own key');
  if (verifyDocument('offer', network, offer as Signed<unknown>)) return undefined;
  return fault('the signature of its offer is wrong');
}

function partsFault(
  network: Network,
  { offer, parts }: AuditRecord,
  begin: Begin,
): Refusal | undefined {
  const offerId = offerIdOf(network, offer.payload);
  let previous: ReceiptPayload | undefined;
  for (const { receipt, text } of parts) {
    const { payload } = receipt;
    const valid = verifyReceipt(network, receipt, offer.signer);
    if (!valid.ok) return fault(`a receipt: ${String(valid.facts.reason)}`);
    if (payload.offerId !== offerId || !isOfOffer(payload, offer)) {
      return fault('a receipt is for another offer');
    }
    if (payload.textHash !== textHashOf(text)) return fault('a text is not the one receipted');
    if (!isRange(payload.from, { text, to: payload.to })) return fault('a text has no tokens');
    const tiles = previous ? verifyTiling(network, previous, payload) : beginsAt(begin, payload);
    if (!tiles.ok) return fault(`its receipts: ${String(tiles.facts.reason)}`);
    previous = payload;
  }
  return undefined;
}

function isOfOffer(receipt: ReceiptPayload, { payload }: SignedOffer): boolean {
  const { provider, model, digest } = payload;
  return receipt.provider === provider && receipt.model === model && receipt.digest === digest;
}

function beginsAt({ at, prefixHash }: Begin, receipt: ReceiptPayload): Verdict<true> {
  if (receipt.from === at && receipt.prefixHash === prefixHash) return accept(true);
  return fault('the first one is for another body, or goes on with another text');
}
