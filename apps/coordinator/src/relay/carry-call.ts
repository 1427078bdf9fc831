/**
 * One HTTP call on its way to a provider's line and its answer on the way back, part by part: nothing is kept whole.
 *
 * | Who does not go on | After | Then |
 * |---|---|---|
 * | the buyer sends its body | `requestTimeoutMs` for all of it | TIMEOUT |
 * | the buyer reads what is there for it | `requestTimeoutMs` | cut off |
 * | the provider says something | `relayIdleMs` | TIMEOUT, or cut off when the answer has begun |
 *
 * Cut off means that the connection to the buyer is destroyed, as when a provider that was dialled dies: an answer that
 * ends well could be taken for whole.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  decodeRelayHead,
  limits,
  type RelayCall,
  type RelayCallEvents,
  type RelayLine,
  unwrap,
  zRelayAnswer,
} from '@aitbc/protocol';
import { problemOf, problemType } from '@aitbc/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { answerHeaders } from './answer-headers.ts';

/** A call that was let in. */
export interface CallToCarry {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  /** Payload of its head frame. */
  readonly head: Uint8Array;
  readonly line: RelayLine;
}

/** What a carried call works with. */
export interface CarryDeps {
  readonly clock: Clock;
  /** The whole body has come. Told at most once, like `onOver`, and neither before `carryCall` has returned. */
  onBody(): void;
  /** The call is over. */
  onOver(): void;
}

/** A call that is being carried. */
export interface CarriedCall {
  isOver(): boolean;
  /** Ends it when nothing goes on in it. */
  cutIfLate(nowMs: number): void;
}

interface Carrying {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly requestId: string;
  readonly clock: Clock;
  readonly openedMs: number;
  readonly deps: CarryDeps;
  call: RelayCall | undefined;
  bodyBytes: number;
  bodyHasEnded: boolean;
  /** Bytes of the answer that the buyer has not taken, and since when. */
  unreadBytes: number;
  unreadSinceMs: number;
  heardMs: number;
  isOver: boolean;
}

/** Begins to carry a call. */
export function carryCall(
  { request, reply, head, line }: CallToCarry,
  deps: CarryDeps,
): CarriedCall {
  const { clock } = deps;
  const nowMs = clock.nowMs();
  const carrying: Carrying = {
    ...{ incoming: request.raw, outgoing: reply.raw, requestId: request.id, clock, deps },
    ...{ call: undefined, bodyBytes: 0, bodyHasEnded: false, isOver: false },
    ...{ unreadBytes: 0, openedMs: nowMs, unreadSinceMs: nowMs, heardMs: nowMs },
  };
  void reply.hijack();
  const call = line.open(() => eventsOf(carrying));
  carrying.call = call;
  call.head(head);
  listen(carrying, call);
  return {
    isOver: () => carrying.isOver,
    cutIfLate: (atMs) => cutIfLate(carrying, atMs),
  };
}

/** What the provider says becomes the answer. */
function eventsOf(carrying: Carrying): RelayCallEvents {
  const { incoming, outgoing, clock } = carrying;
  return {
    onHead(payload) {
      const { status, headers } = unwrap(decodeRelayHead(zRelayAnswer, payload));
      carrying.heardMs = clock.nowMs();
      outgoing.writeHead(status, answerHeaders(headers));
      setImmediate(() => {
        // Before then the first part of the body has mostly taken them along.
        if (!outgoing.writableEnded) outgoing.flushHeaders();
      });
    },
    onData(bytes) {
      carrying.heardMs = clock.nowMs();
      if (outgoing.write(bytes)) return carrying.call?.taken(bytes.length);
      if (carrying.unreadBytes === 0) carrying.unreadSinceMs = carrying.heardMs;
      carrying.unreadBytes += bytes.length;
    },
    onEnd() {
      carrying.isOver = true;
      outgoing.end();
      carrying.call?.reset(); // it has no effect when the whole body was sent
    },
    onReset() {
      carrying.isOver = true;
      outgoing.destroy();
    },
    onDrain: () => void incoming.resume(),
  };
}

/** What the buyer sends goes on to the provider. */
function listen(carrying: Carrying, call: RelayCall): void {
  const { incoming, outgoing, clock } = carrying;
  incoming.on('data', (chunk: Buffer) => {
    carrying.bodyBytes += chunk.length;
    if (carrying.bodyBytes > limits.bodyBytes) return refuseBody(carrying);
    if (!call.send(chunk)) incoming.pause();
  });
  incoming.on('end', () => {
    carrying.bodyHasEnded = true;
    carrying.heardMs = clock.nowMs();
    carrying.deps.onBody();
    call.end();
  });
  for (const side of [incoming, outgoing]) side.on('error', () => {}); // `close` says it as well
  outgoing.on('drain', () => {
    call.taken(carrying.unreadBytes);
    carrying.unreadBytes = 0;
  });
  outgoing.once('close', () => {
    carrying.isOver = true;
    call.reset();
    carrying.deps.onOver();
  });
  if (!outgoing.destroyed) return;
  carrying.isOver = true; // it went away before we listened
  call.reset();
}

function refuseBody(carrying: Carrying): void {
  const facts = { sizeBytes: carrying.bodyBytes, limitBytes: limits.bodyBytes };
  cut(carrying, new AppError('PAYLOAD_TOO_LARGE', facts));
}

function cutIfLate(carrying: Carrying, nowMs: number): void {
  const { bodyHasEnded, unreadBytes, openedMs, unreadSinceMs, heardMs } = carrying;
  const late = (what: string, sinceMs: number, timeoutMs: number): void => {
    if (nowMs - sinceMs < timeoutMs) return;
    cut(carrying, new AppError('TIMEOUT', { what, timeoutMs }));
  };
  if (unreadBytes > 0) late('The reader of the answer', unreadSinceMs, limits.requestTimeoutMs);
  else if (!bodyHasEnded) late('The sender of the body', openedMs, limits.requestTimeoutMs);
  else late('The provider', heardMs, limits.relayIdleMs);
}

/** Ends a call: with its error while there is no answer yet, else by the end of the connection. */
function cut({ outgoing, incoming, call, requestId }: Carrying, error: AppError): void {
  call?.reset();
  incoming.removeAllListeners('data').resume();
  if (outgoing.headersSent || outgoing.destroyed) {
    outgoing.destroy();
    return;
  }
  outgoing.writeHead(error.row.httpStatus, { 'content-type': problemType, connection: 'close' });
  outgoing.end(JSON.stringify(problemOf(error, requestId)));
}
