/**
 * What moves envelopes. A carrier knows topics and inboxes as names and envelopes as bytes; it may lose,
 * repeat, reorder, delay, change and invent them, and the bus above notices. So a carrier is small, and a
 * fault in one (or in a Redis that somebody else runs) costs messages, never truth.
 */
import type { Hex } from '@aitbc/protocol';
import type { BusState } from './types.ts';

/**
 * What the bus thinks of an envelope, for carriers that forward: `accept` is delivered and forwarded, `ignore`
 * is dropped without blame (old, or seen before), `reject` cannot come from an honest peer.
 */
export type Judgement = 'accept' | 'ignore' | 'reject';

/** Where a carrier puts what arrives. Never throws. */
export interface CarrierSink {
  onTopic(topic: string, envelope: Uint8Array): Judgement;
  /** `reply` carries an acknowledgement back on the way it came; without it the carrier's `deliver` is used. */
  onInbox(envelope: Uint8Array, reply?: (ack: Uint8Array) => void): void;
  onState(state: BusState): void;
}

/** One way of moving envelopes. */
export interface Carrier {
  /** Resolves when envelopes can flow. Throws AppError UNAVAILABLE. */
  start(sink: CarrierSink): Promise<void>;
  stop(): Promise<void>;
  /** Resolves when later envelopes of the topic will arrive. */
  join(topic: string): Promise<void>;
  leave(topic: string): Promise<void>;
  /** Resolves when the envelope was handed over; what that means is in docs/spec/bus.md. */
  broadcast(topic: string, envelope: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** One attempt to bring the envelope to an inbox. Throws when that is known to have failed. */
  deliver(to: Hex, envelope: Uint8Array, signal?: AbortSignal): Promise<void>;
}
