/**
 * Subscriptions of a node over one WebSocket, open while there is one.
 *
 * Each remembers the cursor of the last notification it handed on. After a lost connection it subscribes
 * from there, so nothing is missed; a notification may come twice. When the node no longer has that
 * cursor the stream starts at the present and `onGap` says so: the owner reads the state anew.
 * See docs/spec/wire.md, "Subscriptions".
 */
import { type AppError, type nodeSocketRpc, type OutputOf, zNotification } from '@aitbc/protocol';
import type { OpenSocket } from '../http/transport.ts';
import { createRpcLink, type RpcLink } from './rpc-link.ts';

const earlyMax = 10_000; // notifications that come before the answer to their `subscribe`

/** A notification of a topic; its user checks `data` against the topic's schema. */
export interface Notification {
  readonly topic: string;
  readonly cursor: string;
  readonly data: unknown;
}

export type NotificationHandler = (notification: Notification) => void;

/** Options of a subscription. */
export interface SubscribeOptions {
  /** Resume after this cursor; without it the stream starts now. */
  readonly cursor?: string | undefined;
  /** Ends the subscription. */
  readonly signal?: AbortSignal | undefined;
  /** Called when notifications were missed for good. */
  readonly onGap?: (() => void) | undefined;
  /** Called when the node has accepted the subscription: first, and after each reconnect. */
  readonly onLive?: (() => void) | undefined;
  /** Called once when the node refuses the topic; the subscription is over then. */
  readonly onRefused?: ((error: AppError) => void) | undefined;
}

/** Handle of a subscription. */
export interface Subscription {
  /** Cursor of the last notification; undefined before the node accepted. */
  cursor(): string | undefined;
  close(): void;
}

/** All subscriptions of one node. */
export interface Subscriptions {
  subscribe(
    topic: string,
    onNotification: NotificationHandler,
    options?: SubscribeOptions,
  ): Subscription;
  close(): void;
}

interface Entry {
  readonly topic: string;
  readonly onNotification: NotificationHandler;
  readonly options: SubscribeOptions;
  cursor: string | undefined;
  id: string | undefined;
}

interface Book {
  readonly link: RpcLink;
  readonly entries: Set<Entry>;
  readonly byId: Map<string, Entry>;
  readonly early: Received[];
}

type Received = Notification & { readonly subscription: string };

/** Subscriptions over sockets to `url`. */
export function createSubscriptions(url: string, openSocket: OpenSocket): Subscriptions {
  const entries = new Set<Entry>();
  const byId = new Map<string, Entry>();
  const early: Received[] = [];
  const link = createRpcLink(url, openSocket, {
    onLive() {
      for (const entry of entries) request(book, entry);
    },
    onLost() {
      byId.clear();
      early.length = 0;
      for (const entry of entries) entry.id = undefined;
    },
    onNotify(params) {
      const parsed = zNotification.safeParse(params);
      if (parsed.success) deliver(book, parsed.data as Received);
    },
  });
  const book: Book = { link, entries, byId, early };
  return {
    subscribe: (topic, onNotification, options = {}) =>
      add(book, { topic, onNotification, options, cursor: options.cursor, id: undefined }),
    close() {
      entries.clear();
      link.stop();
    },
  };
}

function add(book: Book, entry: Entry): Subscription {
  const { signal } = entry.options;
  const close = () => {
    signal?.removeEventListener('abort', close);
    remove(book, entry);
  };
  if (!signal?.aborted) {
    signal?.addEventListener('abort', close, { once: true });
    book.entries.add(entry);
    if (book.link.isLive()) request(book, entry);
    else book.link.start();
  }
  return { cursor: () => entry.cursor, close };
}

function remove({ link, entries, byId }: Book, entry: Entry): void {
  if (!entries.delete(entry)) return;
  if (entries.size === 0) {
    link.stop();
  } else if (entry.id !== undefined) {
    byId.delete(entry.id);
    link.call('unsubscribe', { subscription: entry.id }, () => {});
  }
}

function request(book: Book, entry: Entry): void {
  const { topic, cursor } = entry;
  const params = cursor === undefined ? { topic } : { topic, cursor };
  book.link.call('subscribe', params, ({ value, error }) => {
    if (error) {
      refused(book, entry, error);
      return;
    }
    const answer = value as OutputOf<typeof nodeSocketRpc.subscribe>;
    if (!book.entries.has(entry)) {
      book.link.call('unsubscribe', { subscription: answer.subscription }, () => {});
      return;
    }
    entry.id = answer.subscription;
    entry.cursor ??= answer.cursor;
    book.byId.set(answer.subscription, entry);
    entry.options.onLive?.();
    for (const one of book.early.splice(0)) deliver(book, one);
  });
}

function refused(book: Book, entry: Entry, error: AppError): void {
  if (!book.entries.has(entry)) return;
  if (error.row.retryable) {
    book.link.restart();
  } else if (entry.cursor !== undefined) {
    entry.cursor = undefined;
    entry.options.onGap?.();
    request(book, entry);
  } else {
    remove(book, entry);
    entry.options.onRefused?.(error);
  }
}

function deliver({ byId, early }: Book, received: Received): void {
  const entry = byId.get(received.subscription);
  if (entry) {
    entry.cursor = received.cursor;
    entry.onNotification({ topic: received.topic, cursor: received.cursor, data: received.data });
  } else if (early.length < earlyMax) {
    early.push(received);
  }
}
