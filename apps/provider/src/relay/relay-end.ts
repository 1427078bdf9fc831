/**
 * The provider's end of the relay: calls that come over the connection to the coordinator become HTTP requests to this
 * provider's own front, over a socket of this machine. So they go through the same parsers, payment checks and queue as
 * any call; nothing here knows what is sold, but for the list of what may be called at all (relayed-paths.ts).
 *
 * The answer goes back as it is made: a full line holds back the reading of the front's socket, and with it the job. When
 * a buyer leaves, or the connection to the coordinator ends, the request is destroyed, and the front ends the job as for a
 * buyer that hung up. Bounded: `relayCallsPerProvider` calls at once, one connection each.
 */
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import {
  AppError,
  createRelayLine,
  decodeRelayHead,
  encodeRelayHead,
  limits,
  type RelayAnswer,
  type RelayCall,
  type RelayCallEvents,
  type RelayLine,
  relayedHeaders,
  unwrap,
  zRelayAnswer,
  zRelayRequest,
} from '@aitbc/protocol';
import { type Log, problemOf, problemType } from '@aitbc/service';
import type { RelayMark } from './relay-mark.ts';
import { isForSale } from './relayed-paths.ts';

/** What the relay works with. */
export interface RelayEndDeps {
  /** Base URL of the own front. */
  readonly frontUrl: string;
  readonly mark: RelayMark;
  readonly log: Log;
}

/** Serves relayed calls, on one connection after the other. */
export interface RelayEnd {
  /** A connection to the coordinator is up; frames go out through `send`. */
  connected(send: (frame: Uint8Array) => void): void;
  /** A binary frame. Throws BAD_REQUEST when the connection is of no use any more. */
  receive(frame: Uint8Array): void;
  /** The connection is gone, and its calls with it. */
  closed(): void;
  /** Ends the connections to the front. */
  stop(): void;
}

/** An end without a connection. */
export function createRelayEnd(deps: RelayEndDeps): RelayEnd {
  const agent = new Agent({ keepAlive: true, maxSockets: limits.relayCallsPerProvider });
  let line: RelayLine | undefined;
  const closed = (): void => {
    line?.close();
    line = undefined;
  };
  return {
    connected(send) {
      closed();
      line = createRelayLine({ send, accept: (call) => serve(call, { ...deps, agent }) });
    },
    receive(frame) {
      if (!line) throw new AppError('BAD_REQUEST', { reason: 'a relayed call before the welcome' });
      line.receive(frame);
    },
    closed,
    stop() {
      closed();
      agent.destroy();
    },
  };
}

interface ServeDeps extends RelayEndDeps {
  readonly agent: Agent;
}

/** One call: the head opens a request, parts of the body follow, the answer goes back. */
function serve(call: RelayCall, deps: ServeDeps): RelayCallEvents {
  let asking: ClientRequest | undefined;
  let answer: IncomingMessage | undefined;
  let unsentBytes = 0;
  return {
    onHead(payload) {
      asking = ask(call, deps, payload);
      asking?.on('response', (response) => {
        answer = response;
        passOn(call, response);
      });
      asking?.on('drain', () => {
        call.taken(unsentBytes);
        unsentBytes = 0;
      });
    },
    onData(bytes) {
      if (!asking || asking.writableEnded || asking.write(bytes)) call.taken(bytes.length);
      else unsentBytes += bytes.length;
    },
    onEnd: () => void asking?.end(),
    onReset: () => void asking?.destroy(),
    onDrain: () => void answer?.resume(),
  };
}

/** The request to the front; undefined when it is answered here. Throws BAD_REQUEST for a head that is none. */
function ask(
  call: RelayCall,
  { frontUrl, mark, agent, log }: ServeDeps,
  payload: Uint8Array,
): ClientRequest | undefined {
  const { method, path, headers, from } = unwrap(decodeRelayHead(zRelayRequest, payload));
  if (!isForSale(method, path)) {
    refuse(call, new AppError('NOT_FOUND', { what: `path ${method} ${path.slice(0, 200)}` }));
    return undefined;
  }
  const asking = request(frontUrl + path, {
    ...{ method, agent },
    headers: { ...relayedHeaders(headers), ...mark.headersFor(from) },
  });
  asking.on('error', (error) => {
    log.debug({ err: error }, 'a relayed call broke');
    call.reset();
  });
  // What only reads has no body: without a length, its bytes would be taken for a request of their own.
  if (method === 'GET') asking.end();
  return asking;
}

function passOn(call: RelayCall, response: IncomingMessage): void {
  const { statusCode: status = 502, headers } = response;
  const head = encodeRelayHead(zRelayAnswer, { status, headers: relayedHeaders(headers) });
  if (!head.ok) {
    call.reset();
    return;
  }
  call.head(head.value);
  response.on('data', (chunk: Buffer) => {
    if (!call.send(chunk)) response.pause();
  });
  response.on('end', call.end);
  response.on('error', call.reset);
}

/** An answer of the relay itself. */
function refuse(call: RelayCall, error: AppError): void {
  const head: RelayAnswer = {
    status: error.row.httpStatus,
    headers: { 'content-type': problemType },
  };
  call.head(unwrap(encodeRelayHead(zRelayAnswer, head)));
  call.send(Buffer.from(JSON.stringify(problemOf(error, ''))));
  call.end();
}
