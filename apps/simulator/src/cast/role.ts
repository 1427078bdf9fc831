/**
 * How a Byzantine validator is made: an honest node whose post passes through roles. A role sees what the
 * node would send and what it gets, and may drop, change, double or delay it, and say things of its own.
 * It signs with its own key only; that is all a liar can do.
 */
import type { Scheme } from '@aitbc/consensus';
import type { Epoch } from '../agreement/epochs.ts';
import type { Message, ToyBlock } from '../agreement/messages.ts';
import type { Random } from '../engine/random.ts';

/** What a role may do. */
export interface Mischief {
  readonly random: Random;
  /** Longest ordinary hop, ms: what delays are measured in. */
  readonly hopMs: number;
  readonly node: number;
  /** Endpoints of all others. */
  readonly peers: readonly number[];
  epoch(): Epoch;
  scheme(): Scheme;
  /** View that the honest part is in. */
  view(): number;
  send(to: number, message: Message): void;
  after(delayMs: number, run: () => void): void;
  makeBlock(block: Omit<ToyBlock, 'hash'>): ToyBlock;
  /** Blocks that the honest part knows, and its final one. */
  blocks(): readonly ToyBlock[];
  final(): { readonly hash: string; readonly height: number };
  /** Hash of the final block at a height, if it is known. */
  hashAt(height: number): string | undefined;
}

/** A way to misbehave; what is left out is done honestly. */
export interface Role {
  /** Called for each message and each receiver; sends what it wants instead. */
  outgoing?(to: number, message: Message, send: (message: Message) => void): void;
  /** False when the honest part shall not see the message. */
  incoming?(from: number, message: Message): boolean;
  /** Called about once in a hop. */
  tick?(): void;
}

export type MakeRole = (mischief: Mischief) => Role;

/** Receivers split in two halves, anew for each view. */
export function createSides(random: Random): (view: number, to: number) => boolean {
  const salt = random.below(2 ** 31);
  return (view, to) => (Math.imul(view + salt, 0x9e3779b1) >>> (to % 31)) % 2 === 0;
}
