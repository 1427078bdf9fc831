/**
 * The bus: signed messages to everybody who listens to a topic, and encrypted ones to one account.
 *
 * Three carriers move the bytes (memory, redis, direct), none of them is trusted, and the rules that
 * matter stand above them, once: who signed, for which network, when, and whether it was here before.
 * What each carrier promises beyond that, and what nobody promises, is a table in docs/spec/bus.md.
 */
import type { Clock, KeyPair } from '@aitbc/primitives';
import type { Hex, Network } from '@aitbc/protocol';
import type { Carrier } from './carrier.ts';

/** A message that was checked: the sender signed exactly this, for this network and topic, just now. */
export interface TopicMessage {
  readonly topic: string;
  /** Ed25519 public key of the sender, hex. */
  readonly sender: Hex;
  readonly payload: Uint8Array;
  /** Grows by one per message of one sender, topic and session; a receiver sees each number once. */
  readonly sequence: number;
  /** Changes when the sender restarts, hex; sequences of two sessions say nothing about each other. */
  readonly session: Hex;
  /** The sender's clock, milliseconds since 1970; within `limits.busAgeMs` of ours. */
  readonly timeMs: number;
}

/** A message to us alone; nobody else could read it, and `sender` wrote it. */
export type DirectMessage = Omit<TopicMessage, 'topic'>;

/** Gets one message at a time; `signal` is aborted when the bus stops. What it throws is counted and logged. */
export type Handler<T> = (message: T, signal: AbortSignal) => void | Promise<void>;

/** Options of a subscription. */
export interface SubscribeOptions {
  /** Messages that may wait for the handler; default and most: `limits.busQueueMessages`. */
  readonly queueMessages?: number;
}

/** Ends with `close`, which is done once the running handler has returned. */
export interface Subscription {
  close(): Promise<void>;
}

/** Options of what waits for the carrier. */
export interface SendOptions {
  readonly signal?: AbortSignal;
}

/** `connected`: the carrier reaches Redis, or at least one peer. `cut`: it does not, and goes on trying. */
export type BusState = 'stopped' | 'connecting' | 'connected' | 'cut';

/** Why an incoming message was not delivered; the words are explained in docs/spec/bus.md. */
export type DropReason =
  | 'malformed'
  | 'otherNetwork'
  | 'forged'
  | 'stale'
  | 'replayed'
  | 'late'
  | 'notAdmitted'
  | 'tooManyStreams'
  | 'queueFull'
  | 'noHandler'
  | 'unreadable';

/** Counts since the start. */
export interface BusStats {
  readonly state: BusState;
  readonly published: number;
  /** Direct messages that were acknowledged. */
  readonly sent: number;
  readonly undelivered: number;
  readonly delivered: number;
  readonly handlerErrors: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Messages that wait for a handler now. */
  readonly waiting: number;
}

/** One participant. Made once: start, use, stop. */
export interface Bus {
  /** Our public key, hex: the address for direct messages. */
  readonly publicKey: Hex;
  /** Resolves when the carrier works. Throws AppError UNAVAILABLE. */
  start(): Promise<void>;
  /** Takes nothing more, aborts handlers and what waits, and returns when they have ended or 2 s have passed. */
  stop(): Promise<void>;
  /**
   * Signs and hands over one message; subscribers on this bus get it, too. Throws AppError BUS_STOPPED,
   * BUS_FULL, BAD_REQUEST (topic), PAYLOAD_TOO_LARGE, UNAVAILABLE (the carrier refuses), CANCELLED.
   */
  publish(topic: string, payload: Uint8Array, options?: SendOptions): Promise<void>;
  /** Resolves when the carrier knows that we listen. Throws AppError BUS_STOPPED, BUS_FULL, BAD_REQUEST. */
  subscribe(
    topic: string,
    handler: Handler<TopicMessage>,
    options?: SubscribeOptions,
  ): Promise<Subscription>;
  /**
   * Encrypts to the account and resolves once it has acknowledged: the message was checked and stands in the
   * receiver's queue. Throws AppError BUS_UNDELIVERED after five attempts in 7.5 s, else as `publish`.
   */
  send(to: Hex, payload: Uint8Array, options?: SendOptions): Promise<void>;
  /** The one handler of direct messages; without it nothing is acknowledged. */
  onMessage(handler: Handler<DirectMessage>, options?: SubscribeOptions): Subscription;
  state(): BusState;
  /** Calls back on every change until the returned function is called. */
  onState(listener: (state: BusState) => void): () => void;
  stats(): BusStats;
}

/** Writes one line: fields, then a constant message. A pino logger fits. */
export interface BusLog {
  error(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  debug(fields: Record<string, unknown>, message: string): void;
}

/** Options of `createBus`. */
export interface BusOptions {
  readonly network: Network;
  readonly keys: KeyPair;
  readonly carrier: Carrier;
  /** Whose messages are taken; default everybody's. Asked before the signature is checked, so keep it cheap. */
  readonly admits?: (sender: Hex) => boolean;
  /** How long each attempt to deliver a direct message waits, milliseconds; default five, 7.5 s in all. */
  readonly attemptsMs?: readonly number[];
}

/** What a bus needs from outside. */
export interface BusDeps {
  readonly clock: Clock;
  readonly log: BusLog;
}
