/**
 * Subscriptions: each has a position in the chain and is brought up to the head, at first from history and
 * then block by block; both go the same way. Nothing is queued per reader: what a slow one has not
 * taken yet stays in the store. While the socket holds more than half its backlog limit a subscription
 * pauses, and a reader that takes nothing for `stallMs` is cut; it comes back with its last cursor.
 */
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { AppError, limits } from '@aitbc/protocol';
import type { JsonSocket, Log } from '@aitbc/service';
import {
  cursorOf,
  type Item,
  type Position,
  positionOf,
  type Topic,
  type TopicSource,
  topicOf,
} from './topics.ts';
import { createTurns, type Turns } from './turns.ts';

const backlogPauseBytes = limits.socketBacklogBytes / 2;
const defaultStallMs = 5_000;
const drainLookMs = 10;

/** The subscriptions of one connection. */
export interface SocketSubscriptions {
  /** Refusals (thrown): BAD_REQUEST, ADDRESS_INVALID. Nothing is sent before `begin`. */
  subscribe(input: { readonly topic: string; readonly cursor?: string | undefined }): {
    readonly answer: { readonly subscription: string; readonly cursor: string };
    begin(): void;
  };
  /** Throws NOT_FOUND. */
  unsubscribe(input: { readonly subscription: string }): void;
  close(): void;
}

/** All subscriptions of a node. */
export interface Subscriptions {
  open(socket: JsonSocket): SocketSubscriptions;
  /** A block became final. */
  announce(): void;
}

/** Options of `createSubscriptions`. */
export interface SubscriptionsOptions {
  /** How long a reader may take nothing before it is cut, ms. Default 5 000. */
  readonly stallMs?: number;
}

interface Subscription {
  readonly stallMs: number;
  readonly id: string;
  readonly topic: Topic;
  readonly socket: JsonSocket;
  position: Position;
  active: boolean;
  busy: boolean;
}

/** Subscriptions over a source of blocks and entries. */
export function createSubscriptions(
  source: TopicSource,
  log: Log,
  { stallMs = defaultStallMs }: SubscriptionsOptions = {},
): Subscriptions {
  const all = new Set<Subscription>();
  const turns = createTurns();
  let lastId = 0;
  const pump = (subscription: Subscription): void => {
    if (!subscription.active || subscription.busy) return;
    if (subscription.position.height > source.headHeight()) return;
    subscription.busy = true;
    void bringUp({ source, turns }, subscription)
      .catch((error: unknown) => {
        log.error({ err: error, topic: subscription.topic.name }, 'subscription failed');
        subscription.active = false;
        subscription.socket.close(1011, 'INTERNAL');
      })
      .finally(() => {
        subscription.busy = false;
        pump(subscription);
      });
  };
  return {
    announce() {
      for (const subscription of all) pump(subscription);
    },
    open(socket) {
      const own = new Map<string, Subscription>();
      const end = (subscription: Subscription): void => {
        subscription.active = false;
        own.delete(subscription.id);
        all.delete(subscription);
      };
      return {
        subscribe({ topic: name, cursor }) {
          if (own.size >= limits.subscriptionsPerSocket) {
            const reason = `a connection has at most ${limits.subscriptionsPerSocket} subscriptions`;
            throw new AppError('BAD_REQUEST', { reason });
          }
          const topic = topicOf(name);
          const position = cursor === undefined ? topic.start(source) : positionOf(cursor, source);
          lastId += 1;
          const id = `s${lastId}`;
          const subscription = { id, topic, socket, stallMs, position, active: true, busy: false };
          own.set(id, subscription);
          const begin = (): void => {
            if (!subscription.active) return;
            all.add(subscription);
            pump(subscription);
          };
          return { answer: { subscription: id, cursor: cursorOf(position) }, begin };
        },
        unsubscribe({ subscription: id }) {
          const subscription = own.get(id);
          if (!subscription)
            throw new AppError('NOT_FOUND', { what: `subscription ${id.slice(0, 40)}` });
          end(subscription);
        },
        close() {
          for (const subscription of own.values()) end(subscription);
        },
      };
    },
  };
}

interface Supply {
  readonly source: TopicSource;
  readonly turns: Turns;
}

/** Sends everything between the position and the head, in slices of the event loop. */
async function bringUp({ source, turns }: Supply, subscription: Subscription): Promise<void> {
  const { topic } = subscription;
  while (subscription.active && subscription.position.height <= source.headHeight()) {
    const from = subscription.position;
    const toHeight = Math.min(source.headHeight(), from.height + topic.stride - 1);
    const items = topic.items(source, from, toHeight)[Symbol.iterator]();
    for (let hasMore = true; hasMore; )
      hasMore = await turns.run(() => sendNext(subscription, items));
    if (!subscription.active) return;
    subscription.position = { height: toHeight + 1, index: 0 };
    if (toHeight < source.headHeight()) await nextTurn();
  }
}

/** Sends one item more; false when there is none, the subscription ended or its reader was cut. */
async function sendNext(subscription: Subscription, items: Iterator<Item>): Promise<boolean> {
  const item = items.next();
  if (item.done || !subscription.active) return false;
  const { next, json } = item.value;
  const isSent = await sendItem(subscription, cursorOf(next), json);
  if (isSent) subscription.position = next;
  return isSent;
}

/** False when the subscription ended or its reader was cut. */
async function sendItem(
  subscription: Subscription,
  cursor: string,
  json: string,
): Promise<boolean> {
  const { socket, id, topic } = subscription;
  if (socket.backlogBytes > backlogPauseBytes && !(await drained(subscription))) return false;
  if (!subscription.active) return false;
  const head = JSON.stringify({ subscription: id, topic: topic.name, cursor });
  const params = `${head.slice(0, -1)},"data":${json}}`;
  const isSent = socket.sendText(`{"jsonrpc":"2.0","method":"notify","params":${params}}`);
  if (!isSent) subscription.active = false;
  return isSent;
}

/** Waits until the reader has taken half of its backlog; cuts it when it takes nothing for a while. */
async function drained(subscription: Subscription): Promise<boolean> {
  const { socket, stallMs } = subscription;
  let lowest = socket.backlogBytes;
  let waitedMs = 0;
  while (subscription.active && socket.backlogBytes > backlogPauseBytes / 2) {
    if (waitedMs >= stallMs) {
      subscription.active = false;
      socket.close(1013, 'slow reader');
      return false;
    }
    await sleep(drainLookMs);
    waitedMs += drainLookMs;
    if (socket.backlogBytes < lowest) {
      lowest = socket.backlogBytes;
      waitedMs = 0;
    }
  }
  return subscription.active;
}
