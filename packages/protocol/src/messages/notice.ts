/**
 * Notices: what one account tells everybody who listens to a topic. Signed, not sealed, kept by nobody.
 *
 *   version u8 ‖ chain u32 ‖ sender 32 ‖ nonce 16 ‖ time u64 ‖ topic (u16 length) ‖
 *   content type (u16 length) ‖ payload (u32 length) ‖ signature 64
 *
 * A receiver drops what is older than `clockSkewMs` and what it has seen: the id is the hash of what is signed, and within
 * that time ids are remembered. Order is not promised. It has a form of its own, and is not the envelope of the
 * bus, because it also travels over HTTP, where the bus and its sessions are not. See docs/spec/agents.md, "Messages".
 */
import {
  createReader,
  createWriter,
  DecodeError,
  hex,
  type KeyPair,
  publicKeyBytes,
  randomBytes,
  sha256,
  sign,
  signatureBytes,
  textFromUtf8,
  utf8,
  verify,
} from '@aitbc/primitives';
import { AppError, accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { bytes32, type Network, signingBytes } from '../network.ts';

const version = 1;
const nonceBytes = 16;
const topicPattern = /^[a-z0-9]+(?:[./-][a-z0-9]+)*$/;

/** A checked notice. */
export interface Notice {
  readonly id: Hex;
  /** Public key. */
  readonly sender: Hex;
  readonly timeMs: number;
  readonly topic: string;
  readonly contentType: string;
  readonly payload: Uint8Array;
}

/** What is to be said. */
export type NoticeWish = Pick<Notice, 'topic' | 'contentType' | 'payload'>;

/** True for words of a-z and 0-9, joined by single `.`, `/` or `-`. */
export function isNoticeTopic(topic: string): boolean {
  return topic.length <= limits.noticeTopicBytes && topicPattern.test(topic);
}

/** Bytes of a signed notice. Throws AppError BAD_REQUEST, PAYLOAD_TOO_LARGE. */
export function writeNotice(
  network: Network,
  { topic, contentType, payload }: NoticeWish,
  { keys, nowMs }: { readonly keys: KeyPair; readonly nowMs: number },
): Uint8Array {
  if (!isNoticeTopic(topic)) {
    const reason = `a topic is words of a-z, 0-9 joined by ".", "/" or "-", at most ${limits.noticeTopicBytes} signs`;
    throw new AppError('BAD_REQUEST', { reason });
  }
  const [sizeBytes, limitBytes] = [payload.length, limits.noticePayloadBytes];
  if (sizeBytes > limitBytes) throw new AppError('PAYLOAD_TOO_LARGE', { sizeBytes, limitBytes });
  const type = utf8(contentType);
  if (type.length === 0 || type.length > limits.letterTypeBytes) {
    const reason = `a content type has 1 to ${limits.letterTypeBytes} bytes`;
    throw new AppError('BAD_REQUEST', { reason });
  }
  const body = createWriter()
    .u8(version)
    .u32(network.chain)
    .fixed(keys.publicKey, publicKeyBytes)
    .fixed(randomBytes(nonceBytes), nonceBytes)
    .u64(BigInt(nowMs))
    .variable(utf8(topic))
    .variable(type)
    .u32(payload.length)
    .fixed(payload, payload.length);
  const signed = body.finish();
  const bytes = new Uint8Array(signed.length + signatureBytes);
  bytes.set(signed);
  bytes.set(sign(signingBytes('notice', network, signed), keys.secretKey), signed.length);
  return bytes;
}

/** The notice, when its sender signed it for this network just now. Refusal: NOTICE_INVALID. */
export function readNotice(network: Network, bytes: Uint8Array, nowMs: number): Verdict<Notice> {
  const fault = (reason: string) => refuse('NOTICE_INVALID', { reason });
  try {
    const { chain, signed, signature, ...notice } = decode(bytes);
    if (chain !== network.chain) return fault('it is for another network');
    if (Math.abs(nowMs - notice.timeMs) > limits.clockSkewMs) return fault('its time is not now');
    const message = signingBytes('notice', network, signed);
    if (!verify(signature, message, bytes32(notice.sender))) {
      return fault('its signature is wrong');
    }
    return accept({ id: hex(sha256(message)), ...notice });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return fault('it cannot be read');
  }
}

function decode(bytes: Uint8Array) {
  const reader = createReader(bytes);
  if (reader.u8() !== version) throw new DecodeError('another version');
  const chain = reader.u32();
  const sender = hex(reader.fixed(publicKeyBytes));
  reader.fixed(nonceBytes);
  const timeMs = reader.count();
  const topic = textOf(reader.variable(limits.noticeTopicBytes));
  const contentType = textOf(reader.variable(limits.letterTypeBytes));
  const size = reader.u32();
  if (size > limits.noticePayloadBytes) throw new DecodeError('a payload above its limit');
  const payload = reader.fixed(size).slice();
  const signed = bytes.subarray(0, bytes.length - reader.left());
  const signature = reader.fixed(signatureBytes);
  reader.end();
  if (!isNoticeTopic(topic)) throw new DecodeError('no topic');
  return { chain, sender, timeMs, topic, contentType, payload, signed, signature };
}

function textOf(bytes: Uint8Array): string {
  try {
    return textFromUtf8(bytes);
  } catch {
    throw new DecodeError('a text is not UTF-8');
  }
}
