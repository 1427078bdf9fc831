/**
 * The proof of a paid job, as one file: for each provider its offer, its receipts and what it delivered without a
 * signature; and, when it is to hold without asking anybody, the way from a trusted block to the keys of
 * the providers (`chain`, checked by the light client of the SDK).
 *
 * `verifyJobProof` checks everything but `chain`: who signed, that the ranges of all providers join into one text from the
 * first token (proof-parts.ts), and that no provider charges more than its prices allow for its own tokens. It counts the
 * prompts that were charged. There is more than one when a line broke between two that lived, because the provider cannot tell
 * that from a client who leaves or who pays no more (`client_abort`, `limit`), and when a provider died after it had stored its end and
 * before that had left (`complete`). A provider that says it failed charges none.
 *
 * A file has one spelling, canonical JSON and a line end, and nothing stands in it that no hash or signature binds. So
 * a file with one changed bit is refused. Rejected: a file that people like to read (its blanks are
 * bound by nothing), and fields for display (a reader takes them for proven).
 * See docs/spec/payments.md, "Proof of a job".
 */
import { canonicalJson, equalBytes, type JsonValue, textFromUtf8, utf8 } from '@aitbc/primitives';
import { z } from 'zod';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import type { Network } from '../network.ts';
import { zLightBundle, zStateProof } from '../proofs/schemas.ts';
import { accountIdOf, zAddress, zCount, zHash, zText } from '../scalars.ts';
import { jobIdOf } from './job-id.ts';
import type { Outcome } from './price.ts';
import {
  type Joined,
  joinParts,
  type ProofPart,
  type ProvenPart,
  provePart,
  zProofPart,
} from './proof-parts.ts';
import type { ReceiptPayload, SignedReceipt } from './receipt.ts';

const partsMax = 64; // providers of one job; buyers try far fewer
const pathMax = 512; // twice the blocks that a light client fetches for one way
const valueBytesMax = 0xffff;

/** Largest file of a proof, bytes: 4096 receipts are about 4 MB. */
export const proofBytesMax = 16_777_216;

/** Blocks from a trusted one on, and the registrations that stand in their states. */
export const zChainProof = z.strictObject({
  path: z.array(zLightBundle).min(1).max(pathMax),
  registrations: z
    .array(
      z.strictObject({
        provider: zAddress,
        height: zCount.meta({ description: 'block of the path in whose state it stands' }),
        value: z
          .string()
          .regex(/^(?:[0-9a-f]{2})+$/)
          .max(2 * valueBytesMax),
        proof: zStateProof,
      }),
    )
    .min(1)
    .max(partsMax),
});

export const zJobProof = z.strictObject({
  v: z.literal(2),
  genesisHash: zHash,
  jobId: zHash,
  bodyDigest: zHash.meta({ description: 'SHA-256 of the request body' }),
  identity: z
    .strictObject({ payer: zAddress, idempotencyKey: zText(limits.idempotencyKeyBytes) })
    .nullable()
    .meta({ description: 'what the job id is the hash of, beside the body' }),
  parts: z.array(zProofPart).min(1).max(partsMax),
  chain: zChainProof.nullable(),
});

export type ChainProof = z.infer<typeof zChainProof>;

/** Offers and receipts of one job at all its providers. */
export type JobProof = z.infer<typeof zJobProof>;

/** What a proof shows. */
export interface ProvenJob {
  readonly jobId: Hex;
  /** In order; a provider that nobody paid stands here too when it delivered. */
  readonly parts: readonly ProvenPart[];
  /** Length of the answer, and of its prompt as the last provider counted it. */
  readonly outputTokens: number;
  readonly promptTokens: number;
  /** Output tokens that arrived and that no provider has signed or charged. */
  readonly unsignedTokens: number;
  /** Output tokens that were signed and charged and are no part of the answer. */
  readonly surplusTokens: number;
  /** Providers that charge the prompt. */
  readonly prompts: number;
  /** Of all providers, nait. */
  readonly charged: bigint;
  readonly outcome: Outcome;
  /** The newest receipt of the last provider. */
  readonly last: ReceiptPayload;
}

/** Checks a proof completely, except for the registration of its keys (`chain`). Refusal: RECEIPT_INVALID. */
export function verifyJobProof(network: Network, proof: JobProof): Verdict<ProvenJob> {
  const fault = (reason: string) => refuse('RECEIPT_INVALID', { reason });
  if (proof.genesisHash !== network.genesisHash) return fault('it is of another network');
  if (!isNamed(network, proof)) return fault('its job id is not that of its payer, key and body');
  const parts: ProvenPart[] = [];
  for (const part of proof.parts) {
    const proven = provePart(network, proof.jobId, part);
    if (!proven.ok) return proven;
    parts.push(proven.value);
  }
  const joined = joinParts(network, proof.bodyDigest, parts);
  if (!joined.ok) return joined;
  if (new Set(parts.map(({ offer }) => offer.digest)).size > 1) {
    return fault('its providers ran different models');
  }
  const last = parts.at(-1)?.receipts.at(-1);
  if (!last) return fault('the last provider signed nothing');
  return accept({ jobId: proof.jobId, ...sumOf(parts, joined.value, last), last });
}

/** The sums of a job; what was signed before the text began is no part of it. */
function sumOf(
  proven: readonly ProvenPart[],
  { begun, unsignedTokens }: Joined,
  { to, promptTokens, outcome }: ReceiptPayload,
): Omit<ProvenJob, 'jobId' | 'last'> {
  const parts = proven.map((part, place) =>
    place < begun ? { ...part, surplusTokens: part.to - part.from } : part,
  );
  return {
    ...{ parts, outputTokens: to, promptTokens, unsignedTokens, outcome },
    surplusTokens: parts.reduce((sum, { surplusTokens }) => sum + surplusTokens, 0),
    prompts: parts.filter(({ hasPrompt }) => hasPrompt).length,
    charged: parts.reduce((sum, { charged }) => sum + charged, 0n),
  };
}

function isNamed(network: Network, { jobId, bodyDigest, identity }: JobProof): boolean {
  if (!identity) return true;
  const payer = accountIdOf(identity.payer);
  if (!payer.ok) return false;
  const { idempotencyKey } = identity;
  return jobIdOf(network, { payer: payer.value, idempotencyKey, bodyDigest }) === jobId;
}

/** What its buyer knows of one provider of a job. */
export interface PartFacts extends Pick<ProofPart, 'offer'> {
  /** Position at which it was asked to begin. */
  readonly from: number;
  /** All that it has signed, in order. */
  readonly receipts: readonly SignedReceipt[];
  /** Text that arrived and that no receipt of then was for. */
  readonly tail: TailFacts | null;
}

type TailFacts = NonNullable<ProofPart['tail']> & { readonly from: number };

/** Facts of a job as its buyer keeps them; its providers in the order in which they were asked. */
export interface JobFacts extends Omit<JobProof, 'v' | 'chain' | 'parts'> {
  readonly parts: readonly PartFacts[];
}

/**
 * The proof of a job, without its way to the chain. Left out is a tail that no later signature binds, such as text
 * that came last and that nobody signed, and one that was signed since. Undefined while no provider has signed anything.
 */
export function jobProofOf({ parts, ...facts }: JobFacts): JobProof | undefined {
  const lastSigned = parts.findLastIndex(({ receipts }) => receipts.length > 0);
  if (lastSigned < 0) return undefined;
  const told: ProofPart[] = [];
  let cut: number | undefined; // where the next provider that is told began
  for (const part of parts.slice(0, lastSigned + 1).toReversed()) {
    const shown = partUpTo(part, cut);
    if (part.receipts.length === 0 && !shown.tail) continue;
    told.unshift(shown);
    cut = part.from;
  }
  return { v: 2, ...facts, parts: told, chain: null };
}

/**
 * The part of a provider whose successor went on at `cut`; at 0 it began again, and nothing of this part is in its text.
 * Surplus begins with the first receipt that is not for the text.
 */
function partUpTo({ offer, receipts, tail }: PartFacts, cut = 0): ProofPart {
  const shown = tail?.to === cut ? tail : null;
  const isText = ({ payload }: SignedReceipt) =>
    cut === 0 || (payload.to <= cut && !(shown && isOther(payload, shown)));
  const end = receipts.findIndex((receipt) => !isText(receipt));
  const text = end < 0 ? receipts : receipts.slice(0, end);
  const isSigned = text.some(({ payload: { from, to } }) => from < to && to === cut);
  const { to, textHash } = shown ?? { to: 0, textHash: '' };
  return {
    ...{ offer, receipts: [...text], surplus: receipts.slice(text.length) },
    tail: shown && !isSigned ? { to, textHash } : null,
  };
}

/** Whether a receipt is for tokens of the tail, and not exactly for its text. */
function isOther({ from, to, textHash }: ReceiptPayload, tail: TailFacts): boolean {
  if (to <= tail.from || from === to) return false;
  return from !== tail.from || to !== tail.to || textHash !== tail.textHash;
}

/** The one spelling of a proof. Throws TypeError for a value that no JSON may hold. */
export function encodeJobProof(proof: JobProof): Uint8Array {
  return utf8(`${canonicalJson(proof as JsonValue)}\n`);
}

/** Proof of the bytes of its file, which must be its one spelling. Refusal: RECEIPT_INVALID. */
export function decodeJobProof(bytes: Uint8Array): Verdict<JobProof> {
  const fault = (reason: string) => refuse('RECEIPT_INVALID', { reason });
  if (bytes.length > proofBytesMax) return fault(`the file is above ${proofBytesMax} bytes`);
  const json = jsonOf(bytes);
  if (json === undefined) return fault('the file is not JSON');
  const parsed = zJobProof.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return fault(`${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'not a proof'}`);
  }
  return isSpelling(parsed.data, bytes)
    ? accept(parsed.data)
    : fault('the file is not in its one canonical spelling');
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(textFromUtf8(bytes));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function isSpelling(proof: JobProof, bytes: Uint8Array): boolean {
  try {
    return equalBytes(encodeJobProof(proof), bytes);
  } catch (error) {
    if (error instanceof TypeError) return false; // half a character
    throw error;
  }
}
