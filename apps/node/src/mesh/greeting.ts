/**
 * From a TLS connection to a peer. The one who dialled says hello first; the other looks whether it has a
 * place, and answers with its own hello (you are in) or with a bye. So the dialler is in exactly when the
 * other side says so, and a full node never looks connected. With another network or version both hellos
 * are told, so that both sides know what is wrong.
 */
import { performance } from 'node:perf_hooks';
import type { TLSSocket } from 'node:tls';
import { type Hex, type MeshMessage, type Refusal, refuse } from '@aitbc/protocol';
import { provenKeyOf } from './certificate.ts';
import { type ByeReason, encodeBye, encodeHello, type Hello, meshVersion } from './link/frames.ts';
import { createLink, type Link } from './link/link.ts';
import type { Roster } from './roster.ts';
import type { MeshBounds } from './types.ts';

/** A connection on its way in. */
export interface Arrival {
  readonly socket: TLSSocket;
  readonly direction: 'in' | 'out';
  /** Key that must be proven. */
  readonly expectedKey?: Hex | undefined;
  /** Called once when it is over; `openMs` is how long it was open, 0 for never. */
  onOver(end: { readonly fault: Refusal; readonly openMs: number }): void;
  /** The key that TLS has proven, if there is one. */
  onProven?(publicKey: Hex): void;
  /** The greeting is over, one way or the other. */
  onGreeted(): void;
}

/** Options of `createGreeting`. */
export interface GreetingOptions {
  readonly self: Hex;
  readonly genesisHash: Hex;
  readonly bounds: MeshBounds;
  /** Our own first words, known once we listen. */
  hello(): Hello;
}

/** What the greeting tells. */
export interface GreetingDeps {
  readonly roster: Roster;
  /** It may open now, in place of another connection to the same node if there is one. */
  onOpen(link: Link, hello: Hello): void;
  onMessage(link: Link, message: MeshMessage): void;
  /** A link has ended, open or not. */
  onEnd(link: Link, fault: Refusal): void;
}

/** Takes a TLS connection through its greeting. */
export type Greet = (arrival: Arrival) => void;

/** The greeting of one node. */
export function createGreeting(options: GreetingOptions, deps: GreetingDeps): Greet {
  const asked = new Set<Hex>(); // nodes that we have said hello to and that have not answered yet
  const instances = new WeakMap<Link, number>();
  return (arrival) => {
    const publicKey = provenKeyOf(arrival.socket);
    if (publicKey !== undefined) arrival.onProven?.(publicKey);
    const fault = faultOfKey(options, arrival, publicKey);
    const guest = { options, deps, arrival, asked, instances, publicKey: publicKey ?? '' };
    const unheard = fault ?? faultOfPlace(guest);
    if (unheard) endUnheard(arrival, unheard);
    else greet(guest);
  };
}

/** Ends a connection on which nothing was said. */
function endUnheard(arrival: Arrival, fault: Refusal): void {
  const { socket } = arrival;
  socket.on('error', () => socket.destroy());
  socket.destroy();
  arrival.onGreeted();
  arrival.onOver({ fault, openMs: 0 });
}

interface Guest {
  readonly options: GreetingOptions;
  readonly deps: GreetingDeps;
  readonly arrival: Arrival;
  readonly asked: Set<Hex>;
  /** Which process is at the other end of an open connection. */
  readonly instances: WeakMap<Link, number>;
  readonly publicKey: Hex;
}

/** How far a greeting is. */
interface Visit {
  readonly link: Link;
  readonly hello: Hello;
  onOpen(): void;
  isOver(): boolean;
}

function greet(guest: Guest): void {
  const { options, deps, arrival, asked, publicKey } = guest;
  const { socket, direction } = arrival;
  const { bounds } = options;
  let openedMs: number | undefined;
  let isOver = false;
  let isSettled = false;
  const settle = (): void => {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(timer);
    if (direction === 'out') asked.delete(publicKey);
    arrival.onGreeted();
  };
  const link = createLink(
    { socket, publicKey, direction, bounds },
    {
      onHello(hello) {
        settle();
        const onOpen = (): void => {
          openedMs = performance.now();
        };
        takeHello(guest, { link, hello, onOpen, isOver: () => isOver });
      },
      onMessage: (message) => deps.onMessage(link, message),
      onEnd(fault) {
        settle();
        isOver = true;
        const openMs = openedMs === undefined ? 0 : performance.now() - openedMs;
        deps.onEnd(link, fault);
        arrival.onOver({ fault, openMs });
      },
    },
  );
  const timer = setTimeout(() => {
    const what = `the node at ${link.remote}`;
    link.end(refuse('TIMEOUT', { what, timeoutMs: bounds.handshakeMs }), encodeBye('silent'));
  }, bounds.handshakeMs);
  if (direction === 'in') return;
  asked.add(publicKey);
  link.greet(encodeHello(options.hello()));
}

function takeHello(guest: Guest, visit: Visit): void {
  const { options, deps, arrival, instances, publicKey } = guest;
  const { link, hello } = visit;
  const fault = faultOfHello(options, hello, link.remote);
  const isIn = arrival.direction === 'in';
  const other = deps.roster.get(publicKey);
  if (fault) link.end(fault, isIn ? encodeHello(options.hello()) : undefined);
  else if (!other || instances.get(other) === hello.instance) admit(guest, visit);
  // Another process with the same key. A live one that was here before wins; only a caller can wait for that.
  else if (isIn) void contest(guest, visit, other);
  else turnAway(link, 'keyInUse');
}

async function contest(guest: Guest, visit: Visit, other: Link): Promise<void> {
  const { probeMs: timeoutMs } = guest.options.bounds;
  const isAlive = await other.answersPing(timeoutMs);
  if (visit.isOver()) return;
  if (isAlive) turnAway(visit.link, 'keyInUse');
  else {
    const what = `the node at ${other.remote}`;
    other.end(refuse('TIMEOUT', { what, timeoutMs }), encodeBye('silent'));
    admit(guest, visit);
  }
}

/** Opens a connection, if there is a place for it. */
function admit({ options, deps, arrival, instances, publicKey }: Guest, visit: Visit): void {
  const { link, hello, onOpen } = visit;
  const why = deps.roster.refusalOf(link);
  if (why) {
    if (why === 'duplicate') deps.roster.get(publicKey)?.beat(); // is that one still alive?
    turnAway(link, why);
    return;
  }
  if (arrival.direction === 'in') link.greet(encodeHello(options.hello()));
  instances.set(link, hello.instance);
  onOpen();
  deps.onOpen(link, hello);
}

function turnAway(link: Link, why: ByeReason): void {
  link.end(turnedAway(link.remote, why), encodeBye(why));
}

/** What is wrong with the key that TLS has proven. */
function faultOfKey(
  { self }: GreetingOptions,
  { socket, expectedKey }: Arrival,
  publicKey: Hex | undefined,
): Refusal | undefined {
  const address = `${socket.remoteAddress}:${socket.remotePort}`;
  const expected = expectedKey ?? 'one of a node';
  if (publicKey === undefined) return refuse('MESH_WRONG_KEY', { address, got: 'none', expected });
  if (publicKey === self) return refuse('MESH_WRONG_KEY', { address, got: 'ours', expected });
  if (expectedKey === undefined || publicKey === expectedKey) return undefined;
  return refuse('MESH_WRONG_KEY', { address, got: publicKey, expected });
}

/** Ours that lead where we are already, or must not be, end before the other side hears of them. */
function faultOfPlace({ deps, arrival, asked, publicKey }: Guest): Refusal | undefined {
  const { socket, direction } = arrival;
  if (direction === 'in') return undefined;
  const isAsked = asked.has(publicKey);
  const why = isAsked ? 'duplicate' : deps.roster.refusalOf({ publicKey, direction });
  return why && turnedAway(`${socket.remoteAddress}:${socket.remotePort}`, why);
}

function faultOfHello(
  { genesisHash }: GreetingOptions,
  hello: Hello,
  address: string,
): Refusal | undefined {
  if (hello.version !== meshVersion) {
    return refuse('MESH_WRONG_VERSION', { address, got: hello.version, expected: meshVersion });
  }
  if (hello.genesisHash === genesisHash) return undefined;
  return refuse('MESH_WRONG_NETWORK', { address, got: hello.genesisHash, expected: genesisHash });
}

function turnedAway(address: string, why: ByeReason): Refusal {
  return refuse('MESH_REFUSED', { address, reason: `we turned it away, "${why}"` });
}
