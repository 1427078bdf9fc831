/**
 * One WebSocket of a provider, from the challenge to the end.
 *
 * | State      | Frames it takes                    | Left by                                            |
 * |------------|------------------------------------|----------------------------------------------------|
 * | challenged | hello                              | hello, or the end of the challenge's life          |
 * | checking   | none                               | the chain's answer: welcome, or refused and closed |
 * | in         | all but hello                      | close, replacement, silence                        |
 * | closed     | none                               | nothing                                            |
 *
 * A frame that is not in the table of frames, comes in the wrong state or holds a wrong signature gets
 * `refused {code}` and the connection is closed: a provider that we cannot understand must see it at once
 * and not wonder why no jobs come. Offers arrive at most `offerFramesMax` times a lease, because each
 * costs the check of up to 64 signatures.
 *
 * Binary frames are relayed calls (relay/). They come only from a provider whose hello asked for them, obey the rules
 * of their own table, and do not extend the lease: a heartbeat does that.
 */
import type { Clock } from '@aitbc/primitives';
import { hex } from '@aitbc/primitives';
import {
  AppError,
  asAppError,
  type CoordinatorFrame,
  createRelayLine,
  errorBodyOf,
  limits,
  type ProviderFrame,
  zProviderFrame,
} from '@aitbc/protocol';
import { type JsonSocket, type Log, parseInput, type SocketSession } from '@aitbc/service';
import type { ChainLink } from '../chain/chain-link.ts';
import type { AnswerFrame } from '../jobs/answer-frames.ts';
import { type Challenge, checkLogin, type Hello } from './check-login.ts';
import type { ProviderLine, Session, Sessions } from './sessions.ts';
import { type TakeOffersDeps, takeOffers } from './take-offers.ts';

/** Parts a connection works with. */
export interface ConnectionDeps extends TakeOffersDeps {
  readonly chain: ChainLink;
  readonly clock: Clock;
  readonly log: Log;
  readonly sessions: Sessions;
  /** Fresh bytes for a challenge. */
  randomBytes(sizeBytes: number): Uint8Array;
  /** Frames about jobs. */
  onAnswer(session: Session, frame: AnswerFrame): Promise<void>;
}

/** All connections, also those that have not logged in yet. */
export interface Connections {
  open(socket: JsonSocket): SocketSession;
  /** Closes those that did not answer their challenge in time. */
  dropLate(): void;
}

const strangersMax = 256; // connections that have not logged in yet
const offerFramesMax = 16;
const slotFramesMax = 4;
const policyViolation = 1008;

type State =
  | { readonly name: 'challenged'; readonly challenge: Challenge }
  | { readonly name: 'checking' }
  | { readonly name: 'in'; readonly session: Session }
  | { readonly name: 'closed' };

/** No connections yet. */
export function createConnections(deps: ConnectionDeps): Connections {
  const strangers = new Map<Connection, number>();
  return {
    open(socket) {
      if (strangers.size >= strangersMax) {
        throw new AppError('RATE_LIMITED', {
          retryAfterSeconds: limits.challengeLifetimeMs / 1_000,
        });
      }
      const connection = createConnection(deps, socket, () => strangers.delete(connection));
      strangers.set(connection, deps.clock.nowMs());
      return {
        onMessage: connection.receive,
        onBytes: connection.receiveBytes,
        onMalformed: (reason) => {
          connection.refuse(
            new AppError('BAD_REQUEST', { reason: `a frame must be JSON: ${reason}` }),
          );
        },
        onClose: connection.closed,
      };
    },
    dropLate() {
      const oldestMs = deps.clock.nowMs() - limits.challengeLifetimeMs;
      for (const [connection, openedAtMs] of strangers) {
        if (openedAtMs < oldestMs) {
          connection.refuse(new AppError('TIMEOUT', timeoutFacts));
        }
      }
    },
  };
}

const timeoutFacts = { what: 'the provider', timeoutMs: limits.challengeLifetimeMs };

interface Connection {
  receive(value: unknown): Promise<void>;
  receiveBytes(bytes: Uint8Array): void;
  refuse(error: AppError): void;
  closed(): void;
}

interface Wire {
  readonly deps: ConnectionDeps;
  readonly socket: JsonSocket;
  readonly offerFrames: Rate;
  /** Bounds how often changed slots are told. */
  readonly slotFrames: Rate;
  readonly noStranger: () => void;
  toldSlots?: number;
  state: State;
}

function createConnection(
  deps: ConnectionDeps,
  socket: JsonSocket,
  noStranger: () => void,
): Connection {
  const challenge = { nonce: hex(deps.randomBytes(32)), issuedAtMs: deps.clock.nowMs() };
  const offerFrames = createRate(offerFramesMax, limits.leaseMs);
  const state: State = { name: 'challenged', challenge };
  const slotFrames = createRate(slotFramesMax, limits.leaseMs);
  const wire: Wire = { deps, socket, offerFrames, slotFrames, noStranger, state };
  socket.send({ type: 'challenge', nonce: challenge.nonce } satisfies CoordinatorFrame);
  return {
    refuse: (error) => refuse(wire, error),
    receive: (value) => receive(wire, value),
    receiveBytes: (bytes) => receiveBytes(wire, bytes),
    closed() {
      const left = leave(wire);
      if (left.name !== 'in') return;
      deps.log.info({ provider: left.session.provider }, 'provider disconnected');
      deps.sessions.end(left.session);
    },
  };
}

function leave(wire: Wire): State {
  const left = wire.state;
  wire.state = { name: 'closed' };
  wire.noStranger();
  return left;
}

function refuse(wire: Wire, error: AppError): void {
  const left = leave(wire);
  const { code, message } = errorBodyOf(error);
  wire.socket.send({ type: 'refused', error: { code, message } } satisfies CoordinatorFrame);
  wire.socket.close(policyViolation, code);
  if (left.name === 'in') wire.deps.sessions.end(left.session);
}

async function receive(wire: Wire, value: unknown): Promise<void> {
  if (wire.state.name === 'closed') return;
  try {
    await handle(wire, parseInput(zProviderFrame, value));
  } catch (error) {
    fail(wire, error);
  }
}

function receiveBytes(wire: Wire, bytes: Uint8Array): void {
  const { state } = wire;
  if (state.name === 'closed') return;
  try {
    const line = state.name === 'in' ? state.session.relay : undefined;
    if (!line) throw new AppError('BAD_REQUEST', { reason: 'a binary frame does not fit here' });
    line.receive(bytes);
  } catch (error) {
    fail(wire, error);
  }
}

function fail(wire: Wire, error: unknown): void {
  const known = asAppError(error);
  const { log } = wire.deps;
  if (known.code === 'INTERNAL') log.error({ err: error }, 'frame failed');
  else log.warn({ err: error }, 'frame refused');
  if (!isClosed(wire)) refuse(wire, known);
}

async function handle(wire: Wire, frame: ProviderFrame): Promise<void> {
  const { deps, state } = wire;
  if (state.name === 'challenged' && frame.type === 'hello') {
    return logIn(wire, frame, state.challenge);
  }
  if (state.name !== 'in' || frame.type === 'hello') throw wrongOrder(frame, state);
  const { session } = state;
  const nowMs = deps.clock.nowMs();
  if (frame.type === 'heartbeat') tellSlots(wire, session, frame.gauges.slots);
  deps.sessions.heard(session, frame.type === 'heartbeat' ? frame.gauges : undefined);
  if (frame.type === 'heartbeat') return;
  if (frame.type === 'offers') {
    if (!wire.offerFrames.take(nowMs)) {
      throw new AppError('RATE_LIMITED', { retryAfterSeconds: limits.leaseMs / 1_000 });
    }
    await takeOffers(deps, session, { signed: frame.offers, nowMs });
  } else {
    await deps.onAnswer(session, frame);
  }
}

/** Slots of a provider, when they are first heard of and when they change. */
function tellSlots(wire: Wire, { provider }: Session, slots: number): void {
  if (wire.toldSlots === slots || !wire.slotFrames.take(wire.deps.clock.nowMs())) return;
  wire.toldSlots = slots;
  wire.deps.events.add(provider, { kind: 'capacity', slots });
}

async function logIn(wire: Wire, hello: Hello, challenge: Challenge): Promise<void> {
  const { deps } = wire;
  wire.state = { name: 'checking' };
  const nowMs = deps.clock.nowMs();
  const { authorizer } = await checkLogin(deps.chain, hello, { challenge, nowMs });
  if (isClosed(wire)) return;
  wire.noStranger();
  const { provider, endpoint } = hello;
  const line = lineOf(wire);
  const send = (frame: Uint8Array) => void wire.socket.sendBytes(frame);
  const relay = hello.relay ? createRelayLine({ send }) : undefined;
  const session = deps.sessions.begin({ provider, endpoint, authorizer, line, relay });
  wire.state = { name: 'in', session };
  const { leaseMs, heartbeatMs } = limits;
  line.send({ type: 'welcome', leaseMs, heartbeatMs });
  deps.log.info({ provider }, 'provider connected');
}

function lineOf(wire: Wire): ProviderLine {
  return {
    send: (frame) => wire.state.name === 'in' && wire.socket.send(frame),
    get backlogBytes() {
      return wire.socket.backlogBytes;
    },
    refuse: (error) => refuse(wire, error),
  };
}

/** Asked again after a wait: the connection may have ended meanwhile. */
function isClosed(wire: Wire): boolean {
  return wire.state.name === 'closed';
}

function wrongOrder(frame: ProviderFrame, state: State): AppError {
  const reason = `a ${frame.type} frame does not fit here (the connection is ${state.name})`;
  return new AppError('BAD_REQUEST', { reason });
}

/** Counts events; `take` is false for one too many. */
interface Rate {
  take(nowMs: number): boolean;
}

function createRate(max: number, windowMs: number): Rate {
  let count = 0;
  let startMs = 0;
  return {
    take(nowMs) {
      if (nowMs - startMs >= windowMs) {
        startMs = nowMs;
        count = 0;
      }
      count += 1;
      return count <= max;
    },
  };
}
