/**
 * Topics: what is said now reaches who listens now, here or, over the bus, elsewhere. Nothing is kept.
 *
 * A notice is taken once: its id is remembered for as long as its time is believed. Each listener has a queue of its own; a
 * slow one loses its oldest notices and is told how many, and holds up nobody.
 */
import { base64, type Clock } from '@aitbc/primitives';
import {
  AppError,
  type Hex,
  isNoticeTopic,
  limits,
  type Network,
  type Notice,
  readNotice,
  unwrap,
} from '@aitbc/protocol';
import type { Pokes } from './pokes.ts';

/** A stream of one topic. */
export interface Listener {
  /** What came since the last call, base64, and how many were lost before it. */
  take(): { readonly notices: readonly string[]; readonly lost: number };
  end(): void;
}

/** All topics. */
export interface Topics {
  /** Throws NOTICE_INVALID. */
  check(bytes: Uint8Array, topic: string): Notice;
  /** Gives a notice to all listeners of its topic; undefined when it was here before. Throws NOTICE_INVALID. */
  offer(bytes: Uint8Array, topic: string): Notice | undefined;
  /** Throws BAD_REQUEST, RATE_LIMITED. */
  listen(topic: string, poke: () => void): Listener;
  listeners(topic: string): number;
}

/** What topics work with. */
export interface TopicsDeps {
  readonly clock: Clock;
  readonly pokes: Pokes;
  network(): Network;
}

const waitingMax = 256;
const seenMax = 16_384;

/** Nobody listens yet. */
export function createTopics({ clock, pokes, network }: TopicsDeps): Topics {
  const queues = new Map<string, Set<Queue>>();
  const isNew = createSeen();
  const check = (bytes: Uint8Array, topic: string): Notice => {
    const notice = unwrap(readNotice(network(), bytes, clock.nowMs()));
    if (notice.topic === topic) return notice;
    throw new AppError('NOTICE_INVALID', { reason: 'it is for another topic' });
  };
  return {
    check,
    offer(bytes, topic) {
      const notice = check(bytes, topic);
      if (!isNew(notice, clock.nowMs())) return undefined;
      const text = base64(bytes);
      for (const queue of queues.get(topic) ?? []) add(queue, text);
      pokes.poke(topic);
      return notice;
    },
    listen(topic, poke) {
      if (!isNoticeTopic(topic)) {
        throw new AppError('BAD_REQUEST', { reason: 'this is no name of a topic' });
      }
      const unwatch = pokes.add(topic, poke);
      const queue: Queue = { notices: [], lost: 0 };
      const all = queues.get(topic) ?? new Set();
      queues.set(topic, all.add(queue));
      return {
        take() {
          const { notices, lost } = queue;
          queue.notices = [];
          queue.lost = 0;
          return { notices, lost };
        },
        end() {
          unwatch();
          all.delete(queue);
          if (all.size === 0 && queues.get(topic) === all) queues.delete(topic);
        },
      };
    },
    listeners: (topic) => queues.get(topic)?.size ?? 0,
  };
}

interface Queue {
  notices: string[];
  lost: number;
}

function add(queue: Queue, text: string): void {
  queue.notices.push(text);
  if (queue.notices.length <= waitingMax) return;
  queue.notices.shift();
  queue.lost += 1;
}

/** True for an id that was not seen while its time was believed; in a flood the oldest are forgotten. */
function createSeen(): (notice: Notice, nowMs: number) => boolean {
  const seen = new Map<Hex, number>();
  return ({ id }, nowMs) => {
    if (seen.has(id)) return false;
    seen.set(id, nowMs);
    for (const [old, atMs] of seen) {
      if (seen.size <= seenMax && atMs > nowMs - 2 * limits.clockSkewMs) break;
      seen.delete(old);
    }
    return true;
  };
}
