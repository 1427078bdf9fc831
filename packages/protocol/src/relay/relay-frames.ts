/**
 * Binary frames on a provider's WebSocket: the HTTP calls that a coordinator relays to a provider behind NAT
 * (docs/spec/market.md, "Relay"). One frame a message:
 *
 *   u8 type ‖ u32 call ‖ payload
 *
 *   1 head     JSON: of the call from the coordinator, of the answer from the provider; the first frame each way
 *   2 data     1 to `relayChunkBytes` bytes of a body
 *   3 end      this side sends no more for the call
 *   4 reset    the call is over at once, for both sides
 *   5 credit   u32, above zero: so many more bytes may come; call 0 is the whole line
 *
 * Bodies travel as the bytes they are and are never parsed. A number is given by the coordinator, from 1 on upwards.
 *
 * Heads carry no length of their bodies: where a body ends is said by `end` alone. A length that disagrees with the
 * bytes would let one side write what the other's HTTP reader takes for the next message of somebody else.
 */
import { utf8 } from '@aitbc/primitives';
import { z } from 'zod';
import { accept, refuse, type Verdict } from '../errors.ts';
import { limits } from '../limits.ts';

/** What a frame is. */
export type RelayFrameType = 'head' | 'data' | 'end' | 'reset' | 'credit';

/** A frame; `payload` is a view into the message it came in. */
export interface RelayFrame {
  readonly type: RelayFrameType;
  readonly call: number;
  readonly payload: Uint8Array;
}

const types: readonly RelayFrameType[] = ['head', 'data', 'end', 'reset', 'credit'];
const prefixBytes = 5;
const creditBytes = 4;
const creditMax = 0x7fff_ffff;

/** Smallest and largest payload of each type. */
const payloadBytes: Readonly<Record<RelayFrameType, readonly [min: number, max: number]>> = {
  head: [2, limits.relayHeadBytes],
  data: [1, limits.relayChunkBytes],
  end: [0, 0],
  reset: [0, 0],
  credit: [creditBytes, creditBytes],
};

const nothing = new Uint8Array(0);

/** Bytes of a frame. */
export function encodeRelayFrame(
  type: RelayFrameType,
  call: number,
  payload: Uint8Array = nothing,
): Uint8Array {
  const bytes = new Uint8Array(prefixBytes + payload.length);
  bytes[0] = types.indexOf(type) + 1;
  writeU32(bytes, 1, call);
  bytes.set(payload, prefixBytes);
  return bytes;
}

/** Bytes of a credit frame. */
export function encodeRelayCredit(call: number, sizeBytes: number): Uint8Array {
  const payload = new Uint8Array(creditBytes);
  writeU32(payload, 0, sizeBytes);
  return encodeRelayFrame('credit', call, payload);
}

/** The frame, or BAD_REQUEST. */
export function decodeRelayFrame(bytes: Uint8Array): Verdict<RelayFrame> {
  const type = types[(bytes[0] ?? 0) - 1];
  if (!type || bytes.length < prefixBytes) return malformed('its type is not known');
  const call = readU32(bytes, 1);
  const payload = bytes.subarray(prefixBytes);
  const [min, max] = payloadBytes[type];
  if (payload.length < min || payload.length > max) {
    return malformed(`a ${type} frame of ${payload.length} bytes`);
  }
  if (call === 0 && type !== 'credit') return malformed(`a ${type} frame of no call`);
  if (type === 'credit' && !isCredit(relayCreditOf(payload))) return malformed('its credit');
  return accept({ type, call, payload });
}

/** Bytes that a credit frame allows, from its payload. */
export function relayCreditOf(payload: Uint8Array): number {
  return readU32(payload, 0);
}

function isCredit(sizeBytes: number): boolean {
  return sizeBytes > 0 && sizeBytes <= creditMax;
}

function malformed(what: string): Verdict<never> {
  return refuse('BAD_REQUEST', { reason: `a relay frame cannot be read: ${what}` });
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function readU32(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + 4);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

// Names and values that any HTTP library takes: what a stranger writes must not make ours throw.
const headerName = z.string().regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/);
const headerValue = z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/);
const zHeaders = z.record(headerName, headerValue);

/** Head of a call, from the coordinator. */
export const zRelayRequest = z.strictObject({
  method: z.string().regex(/^[A-Z]{1,10}$/),
  path: z.string().regex(/^\/[\x21-\x7e]{0,2047}$/),
  headers: zHeaders,
  /** Address of who calls, as the coordinator sees it. */
  from: z.string().max(64),
});

/** Head of an answer, from the provider. */
export const zRelayAnswer = z.strictObject({
  status: z.int().min(200).max(599),
  headers: zHeaders,
});

export type RelayRequest = z.infer<typeof zRelayRequest>;
export type RelayAnswer = z.infer<typeof zRelayAnswer>;

/** Payload of a head frame, or BAD_REQUEST for a head that the other side would not take. */
export function encodeRelayHead<T extends RelayRequest | RelayAnswer>(
  schema: z.ZodType<T>,
  head: T,
): Verdict<Uint8Array> {
  const parsed = schema.safeParse(head);
  if (!parsed.success) {
    const [where] = parsed.error.issues[0]?.path ?? [];
    return refuse('BAD_REQUEST', { reason: `its ${String(where)} cannot be relayed` });
  }
  const payload = utf8(JSON.stringify(parsed.data));
  if (payload.length <= limits.relayHeadBytes) return accept(payload);
  return refuse('BAD_REQUEST', { reason: `headers above ${limits.relayHeadBytes} bytes` });
}

/** The head in a payload, or BAD_REQUEST. */
export function decodeRelayHead<T>(schema: z.ZodType<T>, payload: Uint8Array): Verdict<T> {
  try {
    const parsed = schema.safeParse(JSON.parse(new TextDecoder('utf-8', fatal).decode(payload)));
    if (parsed.success) return accept(parsed.data);
  } catch {
    // not JSON, or no text at all
  }
  return malformed('its head');
}

const fatal = { fatal: true };

/** Between two hops only, about lengths, which the frames tell, or the rights of somebody at one host. */
const ownHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'connection',
  'content-length',
  'cookie',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The headers that travel with a relayed head. */
export function relayedHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || ownHeaders.has(name)) continue;
    kept[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return kept;
}
