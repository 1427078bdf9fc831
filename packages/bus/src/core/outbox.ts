/**
 * Direct messages on their way out. A message is sealed and signed once and the same bytes are handed to the
 * carrier up to five times, until the receiver's signed acknowledgement comes back: at least once on the
 * wire, and exactly once to the handler, because the receiver knows the number again and only repeats its
 * acknowledgement. Nothing is kept for a receiver that is away: after the last attempt the sender is told.
 */
import { bytesFromHex, type Clock, concat, hex, type KeyPair, sealTo } from '@aitbc/primitives';
import { AppError, asAppError, type Hex, limits, type Network } from '@aitbc/protocol';
import type { Carrier } from '../carrier.ts';
import type { SendOptions } from '../types.ts';
import type { Counters } from './counters.ts';
import { type Envelope, encodeEnvelope, kinds } from './envelope.ts';
import type { Numbering } from './numbering.ts';
import { delay, settledWithin } from './wait.ts';

/** How long each attempt waits for the acknowledgement: a busy receiver gets more time every time. */
const attemptMs: readonly number[] = [500, 1_000, 2_000, 2_000, 2_000];

/** Sends and waits. */
export interface Outbox {
  send(to: Hex, payload: Uint8Array, options: SendOptions): Promise<void>;
  /** An acknowledgement whose signature is good. */
  onAck(ack: Envelope, from: Hex): void;
}

/** What an outbox works with. */
export interface OutboxParts {
  readonly network: Network;
  readonly keys: KeyPair;
  readonly carrier: Carrier;
  readonly clock: Clock;
  readonly numbering: Numbering;
  readonly counters: Counters;
  /** Aborted when the bus stops. */
  readonly stopped: AbortSignal;
}

/** One message that waits for its acknowledgement. */
interface Pending {
  readonly acknowledged: Promise<void>;
  readonly onAck: () => void;
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
      const entry = createPending();
      pending.set(key, entry);
      const ended = signal ? AbortSignal.any([signal, parts.stopped]) : parts.stopped;
      try {
        await attempt(parts.carrier, { to, bytes, entry, signal: ended });
        parts.counters.sent += 1;
      } catch (error) {
        parts.counters.undelivered += 1;
        throw error;
      } finally {
        pending.delete(key);
      }
    },
    onAck(ack, from) {
      pending.get(keyOf(from, ack))?.onAck();
    },
  };
}

function createPending(): Pending {
  let onAck = () => {};
  const acknowledged = new Promise<void>((resolve) => {
    onAck = resolve;
  });
  return { acknowledged, onAck: () => onAck() };
}

function keyOf(to: Hex, { session, sequence }: Pick<Envelope, 'session' | 'sequence'>): string {
  return `${to} ${hex(session)} ${sequence}`;
}

/** The sender's key goes inside the box: whoever signs the sealed bytes as his own is found out. */
function pack({ network, keys, clock, numbering }: OutboxParts, to: Hex, payload: Uint8Array) {
  const scope = bytesFromHex(to, 32);
  const sealed = scope && sealTo(scope, concat(keys.publicKey, payload));
  if (!scope || !sealed) {
    throw new AppError('BAD_REQUEST', { reason: 'the receiver is no public key' });
  }
  const number = numbering.next(to);
  const fields = { kind: kinds.direct, ...number, timeMs: clock.nowMs(), scope, payload: sealed };
  return { key: keyOf(to, number), bytes: encodeEnvelope(fields, keys, network) };
}

interface Attempt {
  readonly to: Hex;
  readonly bytes: Uint8Array;
  readonly entry: Pending;
  readonly signal: AbortSignal;
}

/** Throws AppError BUS_UNDELIVERED or CANCELLED. */
async function attempt(carrier: Carrier, { to, bytes, entry, signal }: Attempt): Promise<void> {
  let reason = 'no answer';
  for (const timeMs of attemptMs) {
    if (signal.aborted) throw new AppError('CANCELLED');
    const handed = carrier.deliver(to, bytes, attemptSignal(signal, timeMs)).then(
      () => 'no answer',
      (error: unknown) => asAppError(error).message,
    );
    const answered = Promise.race([entry.acknowledged, aborted(signal)]);
    if (await settledWithin(answered, timeMs)) return;
    if (signal.aborted) throw new AppError('CANCELLED');
    reason = await handed;
  }
  throw new AppError('BUS_UNDELIVERED', { to, attempts: attemptMs.length, reason });
}

function attemptSignal(signal: AbortSignal, timeMs: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(timeMs)]);
}

/** Rejects when the signal is aborted; never resolves. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new AppError('CANCELLED')), { once: true });
  });
}
