/** What a mesh is made of and what it tells about itself. */
import type { Clock } from '@aitbc/primitives';
import type { ErrorCode, Facts, Hex, MeshMessage } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { Identity } from '../setup/key-file.ts';
import type { Rank } from './link/send-queue.ts';

/** Where a node listens. */
export interface MeshAddress {
  readonly host: string;
  readonly port: number;
  /** Key that must answer there, hex; without one any node of the network may. */
  readonly publicKey?: Hex;
}

/** Times and sizes of a mesh; the defaults are `meshBounds`. */
export interface MeshBounds {
  /** From the first byte of a connection to the end of the greeting. */
  readonly handshakeMs: number;
  readonly pingMs: number;
  /** A peer that says or takes nothing for so long is cut off. */
  readonly silenceMs: number;
  /** How long a key stays out that sent what cannot be read. */
  readonly banMs: number;
  /** In which a connected node must answer when another one with its key comes. */
  readonly probeMs: number;
  readonly redialMsMin: number;
  readonly redialMsMax: number;
  /** Bytes that wait for one peer. */
  readonly queueBytes: number;
  /** Peers that are no validators and dialled us. */
  readonly followers: number;
  /** Connections that have not finished their greeting. */
  readonly greeting: number;
  /** Bytes per second that are read from a validator, and from anyone else. */
  readonly validatorRate: number;
  readonly followerRate: number;
}

/** Options of `createMesh`. */
export interface MeshOptions {
  readonly identity: Identity;
  readonly genesisHash: Hex;
  /** Address to listen on. */
  readonly host: string;
  /** 0 for any. */
  readonly port: number;
  /** Address that others are told, where it differs from the one to listen on. */
  readonly advertise?: { readonly host: string; readonly port: number };
  /** Nodes to keep a connection to, whichever side dials. */
  readonly peers: readonly MeshAddress[];
  readonly bounds?: Partial<MeshBounds>;
}

/** What a mesh uses. */
export interface MeshDeps {
  readonly log: Log;
  /** Validators always find a place and may send more. */
  isValidator(publicKey: Hex): boolean;
  onMessage(peer: Hex, message: MeshMessage): void;
  /**
   * A peer is there or gone. In between nothing it sends is lost, and each rank keeps its order; whatever
   * was sent to it before it went may be lost.
   */
  onPeer(peer: Hex, isUp: boolean): void;
  /** A node said that it is connected to another one with our key. Only its word: it may lie. */
  onKeyInUse?(address: string): void;
  /** Wall clock of `sinceMs`. */
  readonly clock?: Clock;
  /** Between 0 and 1; spreads redials. */
  readonly random?: () => number;
}

/** A connected peer. */
export interface MeshPeer {
  readonly publicKey: Hex;
  /** Who dialled: `out` when we did. */
  readonly direction: 'in' | 'out';
  /** Remote end of the connection. */
  readonly remote: string;
  /** Where it says that it listens; undefined when nobody can reach it. */
  readonly listens: string | undefined;
  /** Wall clock when it came, ms. */
  readonly sinceMs: number;
  /** Smoothed; undefined before the first answer. */
  readonly rttMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Bytes that wait for it. */
  readonly queuedBytes: number;
}

/** A node that we keep a connection to. */
export interface MeshTarget {
  readonly address: string;
  /** The key expected there, or the one that answered last. */
  readonly publicKey: Hex | undefined;
  readonly isConnected: boolean;
  /** Tries since the last success. */
  readonly failedTries: number;
  /** Why the last connection or try ended. */
  readonly fault: { readonly code: ErrorCode; readonly facts: Facts } | undefined;
}

/** Numbers since the start, for metrics. */
export interface MeshStats {
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Connections that got through their greeting. */
  readonly connected: number;
  /** Greetings that failed or were turned away. */
  readonly refused: number;
  /** Peers that sent what cannot be read, or what no honest node says. */
  readonly banned: number;
  /** Frames that were dropped because their peer is slow. */
  readonly dropped: Readonly<Record<Rank, number>>;
}

/** Connections to other nodes. */
export interface Mesh {
  /** Listens and dials. Throws AppError PORT_IN_USE, CONFIG_INVALID. */
  start(): Promise<void>;
  /** Says good-bye to everyone and waits until all connections are closed. */
  stop(): Promise<void>;
  /** Port that it listens on, known after `start`. */
  readonly port: number | undefined;
  /** Queues a message for each of these peers that is connected; how many took it. */
  send(to: Hex | readonly Hex[], message: MeshMessage): number;
  /** Queues a message for every connected peer; how many took it. */
  broadcast(message: MeshMessage): number;
  /** Cuts a peer off and keeps it out for `banMs`. */
  penalize(peer: Hex, reason: string): void;
  peers(): readonly MeshPeer[];
  targets(): readonly MeshTarget[];
  stats(): MeshStats;
}
