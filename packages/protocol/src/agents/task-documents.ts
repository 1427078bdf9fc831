/**
 * What the hashes of a task stand for: its specification, its result, the reason of a dispute. The chain keeps the
 * SHA-256 of the exact text; who holds the text proves it by the hash, and `sha256sum` computes it too.
 *
 * A specification is public. It is any text; written by `makeTaskSpec` it also names a title and a skill, by which
 * workers find it, and keys that the result is to be sealed to.
 *
 * A result is public or sealed. Sealed is the only way to keep it from others: wallets sign transactions and
 * nothing else, so an account cannot log in anywhere to fetch it, and a coordinator should not have to be trusted
 * with it. The text is sealed once to a fresh key, and the seed of that key to each reader, so that three readers do not
 * make the document three times as long. The hash is that of the sealed document: whoever judges a dispute opens the
 * very thing the worker submitted. A document whose boxes do not open is a result that was not delivered.
 *
 * See docs/spec/agents.md, "Tasks".
 */
import {
  base64,
  bytesFromBase64,
  bytesFromHex,
  canonicalJson,
  createSealOpener,
  hex,
  type JsonValue,
  type KeyPair,
  keyPairFromSeed,
  sealTo,
  seedBytes,
  sha256Hex,
  textFromUtf8,
  utf8,
} from '@aitbc/primitives';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { zBase64, zKey, zText } from '../scalars.ts';

/** Most keys that a result is sealed to: poster, worker, arbiter, and one more. */
export const resultReadersMax = 4;

/** A text whose hash stands on chain. */
export const zTaskDocument = zText(limits.taskDocumentBytes);

const zTaskSpec = z.strictObject({
  type: z.literal('aitbc-task-1'),
  title: zText(120),
  skill: zText(64).optional(),
  text: zText(limits.taskDocumentBytes),
  sealTo: z.array(zKey).max(resultReadersMax).optional(),
});

const zOpenResult = z.strictObject({
  type: z.literal('aitbc-result-1'),
  text: zText(limits.taskDocumentBytes),
});
const zSealedResult = z.strictObject({
  type: z.literal('aitbc-sealed-result-1'),
  keys: z.array(z.strictObject({ to: zKey, box: zBase64 })).max(resultReadersMax),
  box: zBase64,
});

/** What a task asks for. */
export interface TaskSpec {
  readonly title: string;
  readonly skill?: string | undefined;
  readonly text: string;
  /** Ed25519 keys that the result is to be sealed to; without them it is public. */
  readonly sealTo?: readonly Hex[] | undefined;
}

/** A result as its reader sees it. */
export type TaskResult =
  | { readonly kind: 'open'; readonly text: string }
  /** Sealed; `text` is undefined when none of the own keys opens it. */
  | {
      readonly kind: 'sealed';
      readonly text: string | undefined;
      readonly readers: readonly Hex[];
    };

/** Hash of a document as it stands on chain. */
export function taskDocumentHash(document: string): Hex {
  return sha256Hex(utf8(document));
}

/** The document of a specification. Throws AppError BAD_REQUEST when it is too long or empty. */
export function makeTaskSpec({ title, skill, text, sealTo: keys }: TaskSpec): string {
  return documentOf({
    type: 'aitbc-task-1',
    title,
    ...(skill === undefined ? {} : { skill: skill.toLowerCase() }),
    text,
    ...(keys === undefined || keys.length === 0 ? {} : { sealTo: [...keys] }),
  });
}

/** What a specification says; a text that was written otherwise is its own text, titled by its first line. */
export function readTaskSpec(document: string): TaskSpec {
  const parsed = zTaskSpec.safeParse(jsonOf(document));
  if (!parsed.success) return { title: firstLine(document), text: document };
  const { type: _type, ...spec } = parsed.data;
  return spec;
}

/**
 * The document of a result: public without keys, else sealed to them. `seed` is 32 fresh random bytes.
 * Throws AppError BAD_REQUEST when it is too long or a key can receive nothing.
 */
export function makeTaskResult(
  text: string,
  { sealTo: keys = [], seed }: { readonly sealTo?: readonly Hex[]; readonly seed: Uint8Array },
): string {
  if (keys.length === 0) return documentOf({ type: 'aitbc-result-1', text });
  const once = keyPairFromSeed(seed);
  const boxes = keys.map((to) => ({ to, box: sealedTo(bytesFromHex(to, 32), seed) }));
  return documentOf({
    type: 'aitbc-sealed-result-1',
    keys: boxes,
    box: sealedTo(once.publicKey, utf8(text)),
  });
}

/** What a result says to the holder of `keys`; a text that was written otherwise is public and its own text. */
export function readTaskResult(document: string, keys: readonly KeyPair[] = []): TaskResult {
  const json = jsonOf(document);
  const open = zOpenResult.safeParse(json);
  if (open.success) return { kind: 'open', text: open.data.text };
  const sealed = zSealedResult.safeParse(json);
  if (!sealed.success) return { kind: 'open', text: document };
  const { keys: boxes, box } = sealed.data;
  const readers = boxes.map(({ to }) => to);
  const own = keys.find(({ publicKey }) => readers.includes(hex(publicKey)));
  const sealedSeed = own && boxes.find(({ to }) => to === hex(own.publicKey))?.box;
  const seed = own && opened(own, sealedSeed);
  const text = seed?.length === seedBytes ? opened(keyPairFromSeed(seed), box) : undefined;
  return { kind: 'sealed', text: text && textIn(text), readers };
}

function sealedTo(publicKey: Uint8Array | undefined, message: Uint8Array): string {
  const box = publicKey && sealTo(publicKey, message);
  if (box) return base64(box);
  throw new AppError('BAD_REQUEST', { reason: 'a key of sealTo can receive nothing' });
}

function opened(keys: KeyPair, box: string | undefined): Uint8Array | undefined {
  const bytes = box === undefined ? undefined : bytesFromBase64(box);
  return bytes && createSealOpener(keys).open(bytes);
}

/** Undefined for bytes that are no text: whoever seals may seal anything. */
function textIn(bytes: Uint8Array): string | undefined {
  try {
    return textFromUtf8(bytes);
  } catch {
    return undefined;
  }
}

function documentOf(value: JsonValue & { readonly type: string }): string {
  const document = canonicalJson(value);
  const parsed = zTaskDocument.safeParse(document);
  if (parsed.success && utf8(String(document)).length <= limits.taskDocumentBytes) return document;
  const reason = `a document of a task has 1 to ${limits.taskDocumentBytes} bytes`;
  throw new AppError('BAD_REQUEST', { reason });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const titleMax = 80;

function firstLine(text: string): string {
  const line =
    text
      .trimStart()
      .split('\n', 1)[0]
      ?.replace(/^#+\s*/, '')
      .trim() ?? '';
  return line.length > titleMax ? `${line.slice(0, titleMax - 1)}…` : line;
}
