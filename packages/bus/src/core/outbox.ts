/**
 * Direct messages on their way out. A message is sealed and signed once and the same bytes are handed to the
 * carrier up to five times, until the receiver's signed acknowledgement comes back: at least once on the
 * wire, and exactly once to the handler, because the receiver knows the number again and only repeats its
 * acknowledgement. Nothing is kept for a receiver that is away: after the last attempt the sender is told.
 */
import {
  bytesFromHex,
  type Clock,
  concat,
  hex,
  type KeyPair,
  publicKeyBytes,
  sealTo,
} from '@aitbc/primitives';
import { AppError, asAppError, type Hex, limits, type Network } from '@aitbc/protocol';
import type { Carrier } from '../carrier.ts';
import type { SendOptions } from '../types.ts';
import type { Counters } from './counters.ts';
import { type Envelope, encodeEnvelope, kinds } from './envelope.ts';
import type { Numbering } from './numbering.ts';
import { delay } from './wait.ts';

/** How long each attempt waits for the acknowledgement: a busy receiver gets more time every time. */
const defaultAttemptsMs: readonly number[] = [500, 1_000, 2_000, 2_000, 2_000];

/** Sends and waits. */
export interface Outbox {
  send(to: Hex, payload: Uint8Array, options: SendOptions): Promise<void>;
  /** An acknowledgement whose signature is good. */
  onAck(ack: Envelope, from: Hex): void;
  /** Everything that waits ends with AppError CANCELLED. */
  stop(): void;
}

/** What an outbox works with. */
export interface OutboxParts {
  readonly network: Network;
  readonly keys: KeyPair;
  readonly carrier: Carrier;
  readonly clock: Clock;
  readonly numbering: Numbering;
  readonly counters: Counters;
  readonly attemptsMs?: readonly number[] | undefined;
}

/** One message that waits for its acknowledgement. */
interface Pending {
  readonly to: Hex;
  readonly bytes: Uint8Array;
  /** Aborted when nobody waits any more: acknowledged, cancelled or given up. */
  readonly over: AbortController;
  isAcknowledged: boolean;
}

/** An outbox with nothing in it. */
export function createOutbox(parts: OutboxParts): Outbox {
  const pending = new Map<string, Pending>();
  return {
    async send(to, payload, { signal }) {
      if (pending.size >= limits.busSendsPending) {
        throw new AppError('BUS_FULL', { what: 'direct messages', limit: limits.busSendsPending });
      }
      const { key, bytes } = pack(parts, to, payload);
      const entry: Pending = { to, bytes, over: new AbortController(), isAcknowledged: false };
      const onAbort = () => entry.over.abort();
      pending.set(key, entry);
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted) onAbort();
      try {
        await attemptAll(parts, entry);
        parts.counters.sent += 1;
      } catch (error) {
        parts.counters.undelivered += 1;
        throw error;
      } finally {
        signal?.removeEventListener('abort', onAbort);
        pending.delete(key);
        entry.over.abort();
      }
    },
    onAck(ack, from) {
      const entry = pending.get(keyOf(from, ack));
      if (!entry) return;
      entry.isAcknowledged = true;
      entry.over.abort();
    },
    stop() {
      for (const { over } of pending.values()) over.abort();
    },
  };
}

function keyOf(to: Hex, { session, sequence }: Pick<Envelope, 'session' | 'sequence'>): string {
  return `${to} ${hex(session)} ${sequence}`;
}

/** The sender's key goes inside the box: whoever signs the sealed bytes as his own is found out. */
function pack({ network, keys, clock, numbering }: OutboxParts, to: Hex, payload: Uint8Array) {
  const scope = bytesFromHex(to, publicKeyBytes);
  const sealed = scope && sealTo(scope, concat(keys.publicKey, payload));
  if (!scope || !sealed) {
    throw new AppError('BAD_REQUEST', { reason: 'the receiver is no public key' });
  }
  const number = numbering.next(to);
  const fields = { kind: kinds.direct, ...number, timeMs: clock.nowMs(), scope, payload: sealed };
  return { key: keyOf(to, number), bytes: encodeEnvelope(fields, keys, network) };
}

/** Resolves when acknowledged. Throws AppError BUS_UNDELIVERED or CANCELLED. */
async function attemptAll(
  { carrier, attemptsMs = defaultAttemptsMs }: OutboxParts,
  entry: Pending,
): Promise<void> {
  let reason = 'no answer';
  for (const timeMs of attemptsMs) {
    if (!entry.over.signal.aborted) reason = await attempt(carrier, entry, timeMs);
    if (entry.isAcknowledged) return;
    if (entry.over.signal.aborted) throw new AppError('CANCELLED');
  }
  throw new AppError('BUS_UNDELIVERED', { to: entry.to, attempts: attemptsMs.length, reason });
}

/** Hands the message over once and waits; says why there is no acknowledgement yet. */
async function attempt(carrier: Carrier, entry: Pending, timeMs: number): Promise<string> {
  const attemptOver = new AbortController();
  const onOver = () => attemptOver.abort();
  entry.over.signal.addEventListener('abort', onOver, { once: true });
  const handed = carrier.deliver(entry.to, entry.bytes, attemptOver.signal).then(
    () => 'no answer',
    (error: unknown) => asAppError(error).message,
  );
  await delay(timeMs, entry.over.signal).catch(() => {}); // ends early when it is over
  entry.over.signal.removeEventListener('abort', onOver);
  attemptOver.abort();
  return await Promise.race([handed, Promise.resolve('no answer')]);
}
