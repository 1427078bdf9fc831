/**
 * The envelope: what stands on the wire, byte by byte. Layout and the order of the checks:
 * docs/spec/bus.md, "Envelope".
 *
 *   version u8 ‖ kind u8 ‖ chain u32 ‖ sender 32 ‖ session 8 ‖ sequence u64 ‖ time u64 ‖
 *   scope (u16 length) ‖ payload (u32 length) ‖ signature 64
 *
 * The signature is over tag ‖ genesis hash ‖ everything before it, so topic, receiver, order and time are the
 * sender's word. `chain` is only there to tell an envelope of another network from a forged one.
 */
import {
  createReader,
  createWriter,
  DecodeError,
  type KeyPair,
  publicKeyBytes,
  sealBytes,
  sign,
  signatureBytes,
  verify,
} from '@aitbc/primitives';
import { limits, type Network, signingBytes } from '@aitbc/protocol';

const version = 1;
export const sessionBytes = 8;
const headBytes = 1 + 1 + 4 + publicKeyBytes + sessionBytes + 8 + 8 + 2 + 4;
/** What sealing adds to a direct message: the sender's key inside, and the box. */
export const directExtraBytes = publicKeyBytes + sealBytes;
/** No envelope is longer; carriers may drop what is without looking. */
export const envelopeBytesMax =
  headBytes + limits.busTopicBytes + limits.busPayloadBytes + directExtraBytes + signatureBytes;

/** Message to a topic, message to an account, acknowledgement. */
export const kinds = Object.freeze({ topic: 1, direct: 2, ack: 3 });

/** One of `kinds`. */
export type Kind = (typeof kinds)[keyof typeof kinds];

/** What the sender says. */
export interface EnvelopeFields {
  readonly kind: Kind;
  readonly sender: Uint8Array;
  readonly session: Uint8Array;
  readonly sequence: number;
  readonly timeMs: number;
  /** Topic as UTF-8, or the receiver's public key. */
  readonly scope: Uint8Array;
  readonly payload: Uint8Array;
}

/** A decoded envelope; nothing in it is true before `isSigned`. */
export interface Envelope extends EnvelopeFields {
  readonly chain: number;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/** Bytes of a signed envelope. */
export function encodeEnvelope(
  fields: Omit<EnvelopeFields, 'sender'>,
  keys: KeyPair,
  network: Network,
): Uint8Array {
  const writer = createWriter()
    .u8(version)
    .u8(fields.kind)
    .u32(network.chain)
    .fixed(keys.publicKey, publicKeyBytes)
    .fixed(fields.session, sessionBytes)
    .u64(BigInt(fields.sequence))
    .u64(BigInt(fields.timeMs))
    .variable(fields.scope)
    .u32(fields.payload.length)
    .fixed(fields.payload, fields.payload.length);
  const body = writer.finish();
  const signature = sign(signingBytes('bus', network, body), keys.secretKey);
  const bytes = new Uint8Array(body.length + signatureBytes);
  bytes.set(body);
  bytes.set(signature, body.length);
  return bytes;
}

/** The fields of an envelope, undefined for bytes that are none. Views, no copies. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (bytes.length > envelopeBytesMax || bytes.length < headBytes + signatureBytes)
    return undefined;
  try {
    return readEnvelope(bytes);
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function readEnvelope(bytes: Uint8Array): Envelope {
  const reader = createReader(bytes);
  if (reader.u8() !== version) throw new DecodeError('another version');
  const kind = kindOf(reader.u8());
  const chain = reader.u32();
  const sender = reader.fixed(publicKeyBytes);
  const session = reader.fixed(sessionBytes);
  const sequence = count(reader.u64());
  const timeMs = count(reader.u64());
  const scope = reader.variable(limits.busTopicBytes);
  const payload = reader.fixed(payloadSize(reader.u32(), kind));
  const signed = bytes.subarray(0, bytes.length - reader.left());
  const signature = reader.fixed(signatureBytes);
  reader.end();
  return { kind, chain, sender, session, sequence, timeMs, scope, payload, signed, signature };
}

function kindOf(value: number): Kind {
  if (value === kinds.topic || value === kinds.direct || value === kinds.ack) return value;
  throw new DecodeError('an unknown kind');
}

function count(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new DecodeError('a count above 2^53-1');
  return Number(value);
}

function payloadSize(sizeBytes: number, kind: Kind): number {
  const extra = kind === kinds.direct ? directExtraBytes : 0;
  const max = kind === kinds.ack ? 0 : limits.busPayloadBytes + extra;
  if (sizeBytes > max) throw new DecodeError('a payload above its limit');
  return sizeBytes;
}

/** True when the sender signed these fields for this network. */
export function isSigned(envelope: Envelope, network: Network): boolean {
  return verify(envelope.signature, signingBytes('bus', network, envelope.signed), envelope.sender);
}
