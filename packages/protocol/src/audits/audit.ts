/**
 * Audits: the words and draws that market and chain share. See docs/spec/chain.md, "Audits".
 *
 * A *draw* orders candidates by a hash of a block, a subject and the candidate. Nobody knows the order before the block
 * exists, everybody can recompute it after, and a candidate cannot better its own place: its key is all that
 * it brings, and the block's hash comes later.
 *
 *   place of a candidate = H(AITBC-DRAW-v1 ‖ genesis hash ‖ seed 32 ‖ subject 32 ‖ candidate 32), smallest first
 *   drawn for an audit   = first four bytes of H(AITBC-DRAW-v1 ‖ genesis hash ‖ seed 32 ‖ subject 32), as a part of
 *                          2^32, below the rate
 *
 * A *commitment* hides a juror's verdict until all have given theirs. It names the juror and the round, so that
 * nobody can hand in another's commitment as its own and open it with what that one reveals.
 */
import {
  bytesFromHex,
  canonicalJson,
  createWriter,
  hex,
  sha256Hex,
  textFromUtf8,
  utf8,
} from '@aitbc/primitives';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { bytes32, type Network, taggedHash } from '../network.ts';
import { type SignedReceipt, zSignedReceipt } from '../payments/receipt.ts';

/** What an audit may find: as sold, not as sold, or nothing that could be judged. */
export const auditVerdicts = ['honest', 'cheat', 'void'] as const;

/** Name of a verdict. */
export type AuditVerdict = (typeof auditVerdicts)[number];

/** Number of a verdict on the wire: 1, 2 or 3; 0 stands for none. */
export function auditVerdictNumberOf(verdict: AuditVerdict): number {
  return auditVerdicts.indexOf(verdict) + 1;
}

/** Verdict of its number; undefined for a number that is none. */
export function auditVerdictOf(number: number): AuditVerdict | undefined {
  return auditVerdicts[number - 1];
}

/** What a case is about. */
export interface AuditCase {
  readonly jobId: Hex;
  /** Account id of the audited provider, hex. */
  readonly provider: Hex;
  /** Hash of the audit record that the jurors judge. */
  readonly recordHash: Hex;
}

/**
 * Id of an audit. The record is part of it: otherwise a provider could have its own job audited first, over a record
 * that nobody can judge, and so keep every other audit of that job away.
 */
export function auditIdOf(network: Network, { jobId, provider, recordHash }: AuditCase): Hex {
  return taggedHash('audit', network, bytes32(jobId), bytes32(provider), bytes32(recordHash));
}

/** Id under which the chain keeps that a provider was convicted for a job: once, whatever the records. */
export function convictionIdOf(
  network: Network,
  { jobId, provider }: Pick<AuditCase, 'jobId' | 'provider'>,
): Hex {
  return taggedHash('audit', network, bytes32(jobId), bytes32(provider));
}

const weightsPattern = /^sha256:([0-9a-f]{64})$/;

/** Id of the roster of a digest of weights as offers and receipts name it: its 32 bytes, or the hash of another text. */
export function auditDigestOf(digest: string): Hex {
  return weightsPattern.exec(digest)?.[1] ?? sha256Hex(utf8(digest));
}

/** Bytes of a receipt as `audit_open` carries them, hex: its canonical JSON. */
export function auditReceiptBytesOf(receipt: SignedReceipt): Hex {
  return hex(utf8(canonicalJson(receipt)));
}

/** Receipt of these bytes; its signature is not checked. Refusal: RECEIPT_INVALID. */
export function readAuditReceipt(bytes: Hex): Verdict<SignedReceipt> {
  const json = textOf(bytes);
  const parsed = zSignedReceipt.safeParse(json === undefined ? undefined : jsonOf(json));
  if (!parsed.success)
    return refuse('RECEIPT_INVALID', { reason: 'it is not in the form of a receipt' });
  return auditReceiptBytesOf(parsed.data) === bytes
    ? accept(parsed.data)
    : refuse('RECEIPT_INVALID', { reason: 'its JSON is not canonical' });
}

function textOf(bytes: Hex): string | undefined {
  const decoded = bytesFromHex(bytes, bytes.length / 2);
  try {
    return decoded && textFromUtf8(decoded);
  } catch {
    return undefined;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a juror commits to. */
export interface AuditVote {
  readonly auditId: Hex;
  /** Account id of the juror, hex. */
  readonly juror: Hex;
  /** 1, or 2 after an appeal. */
  readonly round: number;
  readonly verdict: AuditVerdict;
  /** Hash of the juror's audit report. */
  readonly reportHash: Hex;
  /** 32 secret random bytes, hex: without them the verdict could be guessed. */
  readonly salt: Hex;
}

/** Hash that stands for a vote until it is revealed. */
export function auditCommitmentOf(network: Network, vote: AuditVote): Hex {
  const numbers = createWriter().u8(vote.round).u8(auditVerdictNumberOf(vote.verdict)).finish();
  return taggedHash(
    'auditVote',
    network,
    bytes32(vote.auditId),
    bytes32(vote.juror),
    numbers,
    bytes32(vote.reportHash),
    bytes32(vote.salt),
  );
}

/** What is drawn for, and the hash that decides. */
export interface Draw {
  /** Hash of a final block, hex. */
  readonly seed: Hex;
  /** Hash of what is drawn for: a job id, an audit id. */
  readonly subject: Hex;
}

/** The candidates in the order of the draw, each once: the first n are drawn. Candidates are 32-byte ids in hex. */
export function drawOrder(
  network: Network,
  { seed, subject, candidates }: Draw & { readonly candidates: readonly Hex[] },
): readonly Hex[] {
  const places = [...new Set(candidates)].map((candidate) => {
    const place = taggedHash('draw', network, bytes32(seed), bytes32(subject), bytes32(candidate));
    return { candidate, place };
  });
  return places.sort((a, b) => (a.place < b.place ? -1 : 1)).map(({ candidate }) => candidate);
}

const [allBps, all32] = [10_000, 2 ** 32];

/** True for a job that is drawn at a rate in 1/10 000; one drawn at a rate is drawn at every higher one. */
export function isDrawnForAudit(
  network: Network,
  { seed, subject, rateBps }: Draw & { readonly rateBps: number },
): boolean {
  const place = taggedHash('draw', network, bytes32(seed), bytes32(subject));
  return Number.parseInt(place.slice(0, 8), 16) * allBps < rateBps * all32;
}
