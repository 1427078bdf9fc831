/**
 * WebSockets with JSON frames, and binary frames where a session takes them. A reader that falls behind by `limits.socketBacklogBytes` is cut off
 * (it comes back with its cursor), a peer that answers no ping for two rounds is dead, a frame above the
 * limit or that is no JSON ends the connection. A page that may not call (origins.ts) is answered 403 and gets none.
 */

import { AppError, limits } from '@aitbc/protocol';
import type { WebSocket } from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Log } from '../log.ts';

/** One connection. */
export interface JsonSocket {
  readonly request: FastifyRequest;
  /** Sends a value as one JSON frame; false when the connection is closed or was cut for its backlog. */
  send(value: unknown): boolean;
  /** Sends text that is JSON already: one `JSON.stringify` for many readers. */
  sendText(text: string): boolean;
  /** Sends a binary frame. */
  sendBytes(bytes: Uint8Array): boolean;
  /** Bytes that wait for the reader. */
  readonly backlogBytes: number;
  close(code?: number, reason?: string): void;
}

/** What a connection does. */
export interface SocketSession {
  onMessage(value: unknown): void | Promise<void>;
  /** A frame that is no JSON; without this the connection is closed with 1007. */
  onMalformed?(reason: string): void;
  /** A binary frame; without this it is read as text. */
  onBytes?(bytes: Uint8Array): void | Promise<void>;
  onClose?(): void;
}

/** Options of `mountSocket`. */
export interface SocketOptions {
  readonly log: Log;
  /** Called for a new connection; what it throws closes the connection with 1008 and the error's code. */
  onOpen(socket: JsonSocket): SocketSession | Promise<SocketSession>;
  /** Default 20 000. */
  readonly pingIntervalMs?: number;
  /** Default `limits.socketBacklogBytes`. */
  readonly backlogBytes?: number;
}

const defaultPingIntervalMs = 20_000;
/** Frames that may wait while `onOpen` is still busy. */
const earlyFrames = 64;

/** Serves WebSockets on a path. Await it before the routes that follow. */
export async function mountSocket(
  app: FastifyInstance,
  path: string,
  options: SocketOptions,
): Promise<void> {
  if (!app.hasDecorator('websocketServer')) {
    const plugin = await import('@fastify/websocket');
    await app.register(plugin.default, {
      options: { maxPayload: limits.bodyBytes, perMessageDeflate: false },
    });
  }
  const alive = new Map<WebSocket, boolean>();
  const beat = setInterval(() => beatAll(alive), options.pingIntervalMs ?? defaultPingIntervalMs);
  beat.unref();
  app.addHook('onClose', (_app, done) => {
    clearInterval(beat);
    done();
  });
  app.get(path, { websocket: true }, (raw: WebSocket, request) => {
    alive.set(raw, true);
    raw.on('pong', () => alive.set(raw, true));
    raw.on('close', () => alive.delete(raw));
    raw.on('error', (error) => options.log.debug({ err: error }, 'socket error'));
    serve(raw, request, options);
  });
}

function beatAll(alive: Map<WebSocket, boolean>): void {
  for (const [raw, answered] of alive) {
    if (!answered) raw.terminate();
    else {
      alive.set(raw, false);
      raw.ping();
    }
  }
}

function serve(raw: WebSocket, request: FastifyRequest, options: SocketOptions): void {
  const socket = createSocket(raw, request, options.backlogBytes ?? limits.socketBacklogBytes);
  const fail = (error: unknown): void => closeWithError(raw, error, options.log);
  const early: Frame[] = [];
  let session: SocketSession | undefined;
  const deliver = (frame: Frame): void => {
    if (!session) {
      if (early.push(frame) > earlyFrames) raw.close(1013, 'too many early frames');
      return;
    }
    receive(session, frame, { raw, fail });
  };
  raw.on('message', (data, isBinary) => deliver({ data, isBinary }));
  raw.on('close', () => session?.onClose?.());
  Promise.resolve()
    .then(() => options.onOpen(socket))
    .then((opened) => {
      session = opened;
      if (raw.readyState !== raw.OPEN) return opened.onClose?.();
      for (const frame of early.splice(0)) deliver(frame);
    })
    .catch(fail);
}

interface Frame {
  readonly data: unknown;
  readonly isBinary: boolean;
}

function receive(
  session: SocketSession,
  { data, isBinary }: Frame,
  { raw, fail }: { raw: WebSocket; fail: (error: unknown) => void },
): void {
  if (isBinary && session.onBytes) {
    Promise.resolve()
      .then(() => session.onBytes?.(data as Uint8Array))
      .catch(fail);
    return;
  }
  let value: unknown;
  try {
    value = JSON.parse(String(data));
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'not JSON';
    if (session.onMalformed) session.onMalformed(reason);
    else raw.close(1007, 'a frame must be JSON');
    return;
  }
  Promise.resolve()
    .then(() => session.onMessage(value))
    .catch(fail);
}

function createSocket(raw: WebSocket, request: FastifyRequest, backlogMax: number): JsonSocket {
  const sendFrame = (frame: string | Uint8Array): boolean => {
    if (raw.readyState !== raw.OPEN) return false;
    if (raw.bufferedAmount > backlogMax) {
      raw.terminate();
      return false;
    }
    raw.send(frame);
    return true;
  };
  const sendText = (text: string): boolean => sendFrame(text);
  return {
    request,
    sendText,
    sendBytes: (bytes) => sendFrame(bytes),
    send: (value) => sendText(JSON.stringify(value)),
    get backlogBytes() {
      return raw.bufferedAmount;
    },
    close: (code = 1000, reason = '') => raw.close(code, reason),
  };
}

function closeWithError(raw: WebSocket, error: unknown, log: Log): void {
  if (error instanceof AppError) {
    raw.close(1008, error.code);
    return;
  }
  log.error({ err: error }, 'socket session failed');
  raw.close(1011, 'INTERNAL');
}
