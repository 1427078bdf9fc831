/**
 * How a Byzantine validator is made: an honest node whose post passes through roles. A role sees what the
 * node would send and what it gets, and may drop, change, double or delay it, and say things of its own.
 * It signs with its own key only; that is all a liar can do.
 */
import type { Scheme } from '@aitbc/consensus';
import type { Epoch } from '../agreement/epochs.ts';
import type { Message, ToyBlock } from '../agreement/messages.ts';
import type { Random } from '../engine/random.ts';

/** Messages that a role keeps to say them again. */
const keptMax = 256;

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
export interface Role<M = Message> {
  /** Called for each message and each receiver; sends what it wants instead. */
  outgoing?(to: number, message: M, send: (message: M) => void): void;
  /** False when the honest part shall not see the message. */
  incoming?(from: number, message: M): boolean;
  /** Called about once in a hop. */
  tick?(): void;
}

export type MakeRole = (mischief: Mischief) => Role;

/** What a role that only repeats has to do with. */
interface Post<M> {
  readonly random: Random;
  readonly peers: readonly number[];
  send(to: number, message: M): void;
}

/** Says again what it once heard or said, at most `atOnce` messages in a hop. */
export function repeatOld<M>(post: Post<M>, atOnce: number): Role<M> {
  const { random, peers } = post;
  const old: M[] = [];
  const keep = (message: M): void => {
    if (old.length < keptMax) old.push(message);
    else if (random.chance(0.05)) old[random.below(keptMax)] = message;
  };
  return {
    outgoing(_to, message, send) {
      keep(message);
      send(message);
    },
    incoming(_from, message) {
      keep(message);
      return true;
    },
    tick() {
      for (let count = 0; count < atOnce && old.length > 0; count += 1) {
        post.send(random.pick(peers), random.pick(old));
      }
    },
  };
}

/** Receivers split in two halves, anew for each view. */
export function createSides(random: Random): (view: number, to: number) => boolean {
  const salt = random.below(2 ** 31);
  return (view, to) => (Math.imul(view + salt, 0x9e3779b1) >>> (to % 31)) % 2 === 0;
}
