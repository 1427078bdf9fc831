/**
 * The mesh: direct connections between nodes, TLS 1.3 both ways, one per pair.
 *
 * Every message proves itself by signature, certificate or hash, so the mesh decides only who may send and
 * how much: it knows who speaks (the key of the certificate), keeps peers apart (a slow or noisy one costs
 * itself), and never lets bytes of a peer become an exception of this process. It does not relay, and it
 * does not retry: what must arrive is said again by the replica.
 *
 * Rejected: gossipsub (some hundred times the cost per message), Redis (no identities, one point of
 * failure), a library of connections (reconnect, ranks and bounds are the part that matters here).
 * See docs/spec/consensus.md, "Mesh".
 */
import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { systemClock } from '@aitbc/primitives';
import { encodeMeshMessage, type Hex, type MeshMessage, refuse } from '@aitbc/protocol';
import { meshBounds } from './bounds.ts';
import { tlsIdentityOf } from './certificate.ts';
import { createDial, type Dial } from './dial.ts';
import { createDialer, type Dialer } from './dialer.ts';
import { createGreeting, type Greet } from './greeting.ts';
import { encodeBye, encodeFrame, type Hello, meshVersion } from './link/frames.ts';
import type { Link } from './link/link.ts';
import { rankOf } from './link/send-queue.ts';
import { createListener, type Listener, type ListenerHandlers } from './listener.ts';
import { createRoster, type Roster } from './roster.ts';
import { createTally, type Tally } from './tally.ts';
import type { Mesh, MeshBounds, MeshDeps, MeshOptions, MeshPeer } from './types.ts';

const graceMs = 1_000; // for last words, at the end
const instanceMax = 2 ** 47; // as far as random integers go
const duplicate = 'another connection to the same node took its place';

/** A mesh that is silent until `start`. */
export function createMesh(options: MeshOptions, deps: MeshDeps): Mesh {
  const bounds: MeshBounds = { ...meshBounds, ...options.bounds };
  const room = createRoom(options, deps, bounds);
  const { roster, tally, guests, listens } = room;
  const { listener, dial, dialers } = createDoors(options, deps, { ...room, bounds });
  let beat: NodeJS.Timeout | undefined;
  const sendTo = (links: readonly Link[], message: MeshMessage): number => {
    if (links.length === 0) return 0;
    const frame = encodeFrame('message', encodeMeshMessage(message));
    return links.filter((link) => link.send(frame, rankOf[message.type])).length;
  };
  return {
    async start() {
      listens.port = await listener.start();
      beat = setInterval(() => {
        for (const link of roster.links()) link.beat();
      }, bounds.pingMs);
      for (const dialer of dialers) dialer.start();
    },
    async stop() {
      clearInterval(beat);
      for (const dialer of dialers) dialer.stop();
      for (const link of roster.links()) link.end(refuse('CANCELLED'), encodeBye('stopping'));
      await Promise.all([listener.stop(graceMs), dial.stop(graceMs)]);
    },
    get port() {
      return listens.port;
    },
    send(to, message) {
      const keys = typeof to === 'string' ? [to] : to;
      const links = keys.map((key) => roster.get(key));
      return sendTo(
        links.filter((link) => link !== undefined),
        message,
      );
    },
    broadcast: (message) => sendTo(roster.links(), message),
    penalize(peer, reason) {
      const link = roster.get(peer);
      if (link) link.end(refuse('MESH_MALFORMED', { reason }), encodeBye('banned'));
      else roster.ban(peer);
    },
    peers: () => roster.links().map((link) => peerOf(link, guests.get(link))),
    targets: () => dialers.map((dialer) => dialer.about()),
    stats: () => tally.sum(roster.links().map((link) => link.numbers())),
  };
}

/** What is known of an open link. */
interface Guest {
  readonly hello: Hello;
  readonly sinceMs: number;
}

/** Those who are in, and the way in. */
interface Room {
  readonly roster: Roster;
  readonly tally: Tally;
  readonly guests: WeakMap<Link, Guest>;
  readonly greet: Greet;
  readonly listens: { port: number | undefined };
  /** Set by the doors: a peer is gone. */
  readonly waiters: Set<() => void>;
}

function createRoom(options: MeshOptions, deps: MeshDeps, bounds: MeshBounds): Room {
  const { genesisHash, host, peers } = options;
  const self = options.identity.publicKey;
  const clock = deps.clock ?? systemClock;
  const listens: Room['listens'] = { port: undefined };
  const guests: Room['guests'] = new WeakMap();
  const waiters: Room['waiters'] = new Set();
  const tally = createTally();
  const isExpected = (key: Hex): boolean =>
    deps.isValidator(key) || peers.some(({ publicKey }) => publicKey === key);
  const rosterDeps = { isExpected, nowMs: () => performance.now() };
  const roster = createRoster({ self, ...bounds }, rosterDeps);
  const instance = randomInt(1, instanceMax);
  const hello = (): Hello => ({
    ...{ version: meshVersion, genesisHash, instance, host, port: listens.port ?? 0 },
    ...options.advertise,
  });
  const greet = createGreeting(
    { self, genesisHash, bounds, hello },
    {
      roster,
      onOpen(link, words) {
        const { publicKey, direction, remote } = link;
        const older = roster.get(publicKey);
        const address = older?.remote ?? '';
        older?.end(refuse('MESH_REFUSED', { address, reason: duplicate }), encodeBye('duplicate'));
        roster.put(link);
        guests.set(link, { hello: words, sinceMs: clock.nowMs() });
        link.open(isExpected(publicKey) ? bounds.validatorRate : bounds.followerRate);
        tally.opened();
        deps.log.info({ peer: publicKey, direction, remote }, 'mesh: peer up');
        deps.onPeer(publicKey, true);
      },
      onMessage: ({ publicKey }, message) => deps.onMessage(publicKey, message),
      onEnd(link, fault) {
        const { publicKey: peer } = link;
        const { code, facts } = fault;
        if (code === 'KEY_IN_USE') deps.onKeyInUse?.(link.remote);
        if (code === 'MESH_MALFORMED') {
          roster.ban(peer);
          tally.banned();
          deps.log.warn({ peer, code, facts }, 'mesh: peer banned');
        }
        tally.ended(link.numbers());
        if (!roster.remove(link)) return;
        deps.log.info({ peer, code, facts }, 'mesh: peer down');
        deps.onPeer(peer, false);
        for (const wake of waiters) wake();
      },
    },
  );
  return { roster, tally, guests, greet, listens, waiters };
}

interface Doors {
  readonly listener: Listener;
  readonly dial: Dial;
  readonly dialers: readonly Dialer[];
}

function createDoors(
  { host, port, peers, identity }: MeshOptions,
  { log, random = Math.random }: MeshDeps,
  { roster, tally, greet, waiters, bounds }: Room & { readonly bounds: MeshBounds },
): Doors {
  const tlsIdentity = tlsIdentityOf(identity.keys);
  const onSocket: ListenerHandlers['onSocket'] = (socket, enter) =>
    greet({
      ...{ socket, direction: 'in', onGreeted: enter },
      onOver({ fault, openMs }) {
        if (openMs > 0) return;
        tally.refused();
        const { code, facts } = fault;
        log.debug({ remote: socket.remoteAddress, code, facts }, 'mesh: a caller was turned away');
      },
    });
  const listener = createListener(
    { ...bounds, identity: tlsIdentity, host, port },
    { onSocket, onFailure: () => tally.refused() },
  );
  const dial = createDial({ identity: tlsIdentity, bounds, greet });
  const isUp = (key: Hex): boolean => roster.get(key) !== undefined;
  const self = identity.publicKey;
  const dialers = peers.map((address) =>
    createDialer({ ...bounds, address, self }, { dial, isUp, random, log }),
  );
  for (const { wake } of dialers) waiters.add(wake);
  return { listener, dial, dialers };
}

function peerOf(link: Link, guest: Guest | undefined): MeshPeer {
  const { publicKey, direction, remote } = link;
  const { rttMs, bytesIn, bytesOut, queuedBytes } = link.numbers();
  const { host = '', port = 0 } = guest?.hello ?? {};
  return {
    ...{ publicKey, direction, remote, rttMs, bytesIn, bytesOut, queuedBytes },
    listens: port === 0 ? undefined : `${host}:${port}`,
    sinceMs: guest?.sinceMs ?? 0,
  };
}
