/**
 * The network between endpoints: each message gets a delay, is lost, doubled or held back.
 *
 *   blocked  messages of a link vanish (partitions and one-way cuts, counted, so that they may overlap)
 *   clogged  messages to and from a node wait until the clog ends, then all come at once ("swizzle")
 *   loss, duplication, slowness: shares and factors that faults raise and lower
 *
 * Messages overtake each other because every delay is drawn alone. After `calm` only the ordinary
 * delay is left, at most `boundUs`. Rejected: connections with order (TCP would hide reordering, which
 * a reconnect brings back).
 */
import type { Random } from './random.ts';

/** Ordinary delays of a seed. */
export interface Delays {
  readonly minUs: number;
  /** Longest ordinary delay: the real bound of a hop in calm times. */
  readonly boundUs: number;
  /** Share of messages that take up to ten times longer while faults last. */
  readonly tail: number;
}

/** What happened to messages. */
export interface NetworkCounts {
  sent: number;
  lost: number;
  blocked: number;
  duplicated: number;
  held: number;
}

/** Called with the delay once for each copy of a message that arrives. */
export type Deliver<E> = (delayUs: number, envelope: E) => void;

/** What a message is carried in. */
export interface Envelope {
  readonly from: number;
  readonly to: number;
}

/** What faults do to a network. */
export interface Network {
  /** Blocks (+1) or frees (-1) one direction of a link. */
  block(from: number, to: number, by: 1 | -1): void;
  clog(node: number): void;
  /** Ends one clog of a node and lets go what waited. */
  unclog(node: number): void;
  addLoss(share: number): void;
  addDuplication(share: number): void;
  /** Multiplies the delays to and from a node; undo with the inverse. */
  slow(node: number, factor: number): void;
  /** From now on no loss, no duplication, no long tail. Blocks and clogs end by themselves. */
  calm(): void;
  readonly counts: Readonly<NetworkCounts>;
}

const tailFactor = 10;

/** The network of one run. */
export interface Carrier<E extends Envelope> extends Network {
  route(envelope: E, deliver: Deliver<E>): void;
}

/** The network between `endpoints` nodes, all links open. */
export function createNetwork<E extends Envelope>(
  endpoints: number,
  delays: Delays,
  random: Random,
): Carrier<E> {
  const blocks = new Int16Array(endpoints * endpoints);
  const clogs = new Int16Array(endpoints);
  const slowness = new Float64Array(endpoints).fill(1);
  const held: { readonly envelope: E; readonly deliver: Deliver<E> }[] = [];
  const counts: NetworkCounts = { sent: 0, lost: 0, blocked: 0, duplicated: 0, held: 0 };
  const spreadUs = delays.boundUs - delays.minUs;
  let { tail } = delays;
  let loss = 0;
  let duplication = 0;

  const delayUs = (from: number, to: number): number => {
    const base = delays.minUs + random.unit() * spreadUs;
    const long = tail > 0 && random.unit() < tail ? base * (1 + random.unit() * tailFactor) : base;
    return Math.round(long * (slowness[from] as number) * (slowness[to] as number));
  };

  return {
    counts,
    route(envelope, deliver) {
      const { from, to } = envelope;
      counts.sent += 1;
      if ((blocks[from * endpoints + to] as number) > 0) {
        counts.blocked += 1;
      } else if (loss > 0 && random.unit() < loss) {
        counts.lost += 1;
      } else if ((clogs[from] as number) + (clogs[to] as number) > 0) {
        counts.held += 1;
        held.push({ envelope, deliver });
      } else {
        deliver(delayUs(from, to), envelope);
        if (duplication > 0 && random.unit() < duplication) {
          counts.duplicated += 1;
          deliver(delayUs(from, to) * 2, envelope);
        }
      }
    },
    block(from, to, by) {
      blocks[from * endpoints + to] = (blocks[from * endpoints + to] as number) + by;
    },
    clog(node) {
      clogs[node] = (clogs[node] as number) + 1;
    },
    unclog(node) {
      clogs[node] = (clogs[node] as number) - 1;
      for (const waiting of held.splice(0)) {
        const { from, to } = waiting.envelope;
        if ((clogs[from] as number) + (clogs[to] as number) > 0) held.push(waiting);
        else waiting.deliver(delayUs(from, to), waiting.envelope);
      }
    },
    addLoss(share) {
      loss += share;
    },
    addDuplication(share) {
      duplication += share;
    },
    slow(node, factor) {
      slowness[node] = (slowness[node] as number) * factor;
    },
    calm() {
      loss = 0;
      duplication = 0;
      tail = 0;
      slowness.fill(1);
    },
  };
}
