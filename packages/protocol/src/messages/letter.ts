/**
 * Letters: end-to-end messages between two accounts, whoever carries them.
 *
 *   version u8 ‖ chain u32 ‖ sender 32 ‖ receiver 32 ‖ stream 16 ‖ sequence u64 ‖ time u64 ‖ expires u64 ‖
 *   previous 32 ‖ priorUntil u64 ‖ sealed (u32 length) ‖ signature 64
 *   sealed: to the receiver, over  sender 32 ‖ replyTo 32 ‖ content type (u16 length) ‖ payload
 *
 * The signature is over tag ‖ genesis hash ‖ all bytes before it; the id of a letter is the hash of the same bytes. Each
 * letter names the one before it, so that a letter which was hidden or exchanged on the way is noticed, and the
 * time when the last of those before it runs out, so that nobody waits for what cannot come any more. Who carries
 * a letter sees who writes to whom, when and how much; type, text and what is answered are sealed.
 *
 * The key inside the box must be the sender's: a sealed box says nothing about who made it, and without this anybody
 * could sign a stranger's sealed bytes as his own. Rejected: ratchets with fresh keys for each letter, which need
 * both sides to keep secrets in step over months. See docs/spec/agents.md, "Messages".
 */
import {
  createReader,
  createWriter,
  DecodeError,
  hex,
  type KeyPair,
  publicKeyBytes,
  type Reader,
  type SealOpener,
  sealBytes,
  sealTo,
  sha256,
  sign,
  signatureBytes,
  textFromUtf8,
  utf8,
  verify,
} from '@aitbc/primitives';
import { AppError } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { bytes32, type Network, signingBytes } from '../network.ts';

const version = 1;
const streamBytes = 16;
const hashBytes = 32;
const headBytes =
  1 + 4 + 2 * publicKeyBytes + streamBytes + 8 + 8 + 8 + hashBytes + 8 + 4 + signatureBytes;
const innerHeadBytes = publicKeyBytes + hashBytes + 2;

/** Longest payload of a letter whose content type has this many bytes. */
export function letterPayloadBytesMax(typeBytes: number): number {
  return limits.letterBytes - headBytes - sealBytes - innerHeadBytes - typeBytes;
}

/** Stands for no letter. */
export const noLetter: Hex = '00'.repeat(hashBytes);

/** What stands on the outside of a letter. Accounts are public keys. */
export interface LetterHead {
  readonly sender: Hex;
  readonly receiver: Hex;
  /** 16 random bytes, hex: one conversation in one direction. */
  readonly stream: Hex;
  /** From 1, without a gap. */
  readonly sequence: number;
  /** The sender's clock, ms since 1970. */
  readonly timeMs: number;
  /** After this the letter is void. */
  readonly expiresMs: number;
  /** Id of the letter before this one in its stream; `noLetter` for the first. */
  readonly previous: Hex;
  /** When the last of the letters before this one runs out; 0 for the first. */
  readonly priorUntilMs: number;
}

/** What only the receiver can read. */
export interface LetterContent {
  /** Media type, such as `text/plain`. */
  readonly contentType: string;
  readonly payload: Uint8Array;
  /** Id of the letter that this one answers; `noLetter` for none. */
  readonly replyTo: Hex;
}

/** A decoded letter; nothing in it is true before `isLetterSigned`. */
export interface Letter extends LetterHead {
  readonly chain: number;
  readonly sealed: Uint8Array;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/** A letter on its way, and its id. */
export interface WrittenLetter {
  readonly id: Hex;
  readonly bytes: Uint8Array;
}

/** Seals and signs a letter. Throws AppError BAD_REQUEST, PAYLOAD_TOO_LARGE. */
export function writeLetter(
  network: Network,
  letter: Omit<LetterHead, 'sender'> & LetterContent,
  keys: KeyPair,
): WrittenLetter {
  const sealed = sealContent(letter, keys);
  const body = createWriter()
    .u8(version)
    .u32(network.chain)
    .fixed(keys.publicKey, publicKeyBytes)
    .hex(letter.receiver, publicKeyBytes)
    .hex(letter.stream, streamBytes)
    .u64(BigInt(letter.sequence))
    .u64(BigInt(letter.timeMs))
    .u64(BigInt(letter.expiresMs))
    .hex(letter.previous, hashBytes)
    .u64(BigInt(letter.priorUntilMs))
    .u32(sealed.length)
    .fixed(sealed, sealed.length)
    .finish();
  const message = signingBytes('letter', network, body);
  const bytes = new Uint8Array(body.length + signatureBytes);
  bytes.set(body);
  bytes.set(sign(message, keys.secretKey), body.length);
  return { id: hex(sha256(message)), bytes };
}

function sealContent(
  { receiver, contentType, payload, replyTo }: Pick<LetterHead, 'receiver'> & LetterContent,
  keys: KeyPair,
): Uint8Array {
  const type = utf8(contentType);
  if (type.length === 0 || type.length > limits.letterTypeBytes) {
    const reason = `a content type has 1 to ${limits.letterTypeBytes} bytes`;
    throw new AppError('BAD_REQUEST', { reason });
  }
  const limitBytes = letterPayloadBytesMax(type.length);
  if (payload.length > limitBytes) {
    throw new AppError('PAYLOAD_TOO_LARGE', { sizeBytes: payload.length, limitBytes });
  }
  const inner = createWriter()
    .fixed(keys.publicKey, publicKeyBytes)
    .hex(replyTo, hashBytes)
    .variable(type)
    .fixed(payload, payload.length)
    .finish();
  const sealed = sealTo(bytes32(receiver), inner);
  if (sealed) return sealed;
  throw new AppError('BAD_REQUEST', { reason: 'the receiver is no key that can be written to' });
}

/** The parts of a letter, undefined for bytes that are none. Views, no copies. */
export function decodeLetter(bytes: Uint8Array): Letter | undefined {
  if (bytes.length > limits.letterBytes || bytes.length < headBytes) return undefined;
  try {
    return readLetter(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function readLetter(bytes: Uint8Array): Letter {
  const reader = createReader(bytes);
  if (reader.u8() !== version) throw new DecodeError('another version');
  const chain = reader.u32();
  const head = readHead(reader);
  const sealed = reader.fixed(reader.u32());
  const signed = bytes.subarray(0, bytes.length - reader.left());
  const signature = reader.fixed(signatureBytes);
  reader.end();
  return { chain, ...head, sealed, signed, signature };
}

function readHead(reader: Reader): LetterHead {
  const [sender, receiver] = [hex(reader.fixed(publicKeyBytes)), hex(reader.fixed(publicKeyBytes))];
  const stream = hex(reader.fixed(streamBytes));
  const [sequence, timeMs, expiresMs] = [reader.count(), reader.count(), reader.count()];
  const previous = hex(reader.fixed(hashBytes));
  const priorUntilMs = reader.count();
  const head = { sender, receiver, stream, sequence, timeMs, expiresMs, previous, priorUntilMs };
  const isFirst = sequence === 1;
  if (sequence === 0) throw new DecodeError('letters are counted from 1');
  if (isFirst !== (previous === noLetter) || isFirst !== (priorUntilMs === 0)) {
    throw new DecodeError('only the first letter has none before it');
  }
  if (expiresMs <= timeMs || expiresMs - timeMs > limits.letterLifetimeMs) {
    throw new DecodeError('a lifetime that no letter may have');
  }
  return head;
}

/** Id of a decoded letter. */
export function letterIdOf(network: Network, letter: Pick<Letter, 'signed'>): Hex {
  return hex(sha256(signingBytes('letter', network, letter.signed)));
}

/** True when the sender signed exactly this for this network. */
export function isLetterSigned(network: Network, letter: Letter): boolean {
  const message = signingBytes('letter', network, letter.signed);
  return verify(letter.signature, message, bytes32(letter.sender));
}

/** What stands inside, undefined when it was not sealed by this sender to the holder of the key. */
export function openLetter(letter: Letter, opener: SealOpener): LetterContent | undefined {
  const inner = opener.open(letter.sealed);
  if (!inner) return undefined;
  try {
    const reader = createReader(inner);
    const sender = hex(reader.fixed(publicKeyBytes));
    const replyTo = hex(reader.fixed(hashBytes));
    const contentType = textFromUtf8(reader.variable(limits.letterTypeBytes));
    if (sender !== letter.sender || contentType === '') return undefined;
    return { contentType, replyTo, payload: reader.fixed(reader.left()).slice() };
  } catch {
    return undefined; // signed by its sender all the same, so it is not a matter of blame
  }
}
