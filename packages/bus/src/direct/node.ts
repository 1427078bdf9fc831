/**
 * The libp2p node, with everything bounded. gossipsub's own signatures are off: an envelope is signed already,
 * and it is checked (in `validate`) before it is forwarded. Peers are never dialled because of what somebody
 * else says about them without our having asked: no peer exchange.
 */
import { sha256 } from '@aitbc/primitives';
import { limits } from '@aitbc/protocol';
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2';
import { privateKeyFromRaw } from '@libp2p/crypto/keys';
import { dcutr } from '@libp2p/dcutr';
import { type GossipSub, gossipsub, StrictNoSign } from '@libp2p/gossipsub';
import { identify, identifyPush } from '@libp2p/identify';
import type { Libp2p } from '@libp2p/interface';
import { kadDHT } from '@libp2p/kad-dht';
import { mdns } from '@libp2p/mdns';
import { noise } from '@libp2p/noise';
import { ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { createLibp2p } from 'libp2p';
import { envelopeBytesMax } from '../core/envelope.ts';
import type { DirectOptions } from './types.ts';

const gossipRoundMs = 1_000;
const pendingConnections = 16;
const connectionsPerSecond = 16; // from one address
const dialTimeoutMs = 5_000;
const relayedPeers = 32;
const tableProtocol = '/aitbc/kad/1';

/** A libp2p node with our services. */
export type DirectNode = Libp2p<{ pubsub: GossipSub }>;

/** A node that was not started yet. */
export async function createNode(
  options: DirectOptions,
  scoreOf: (peer: string) => number,
): Promise<DirectNode> {
  // Any relay that we are connected to, not one by name: a place lost with a restart is then looked for again.
  const relayed = options.relays?.length ? ['/p2p-circuit'] : [];
  const { maxConnections, ...others } = connectionLimits();
  return await createLibp2p({
    start: false,
    privateKey: privateKeyFromRaw(options.keys.secretKey),
    nodeInfo: { name: 'aitbc', userAgent: 'aitbc' },
    addresses: {
      listen: [...(options.listen ?? []), ...relayed],
      ...(options.announce && { announce: [...options.announce] }),
    },
    transports: [tcp({ maxConnections }), circuitRelayTransport()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionManager: { maxConnections, ...others },
    peerDiscovery: options.isLanSearched ? [mdns()] : [],
    services: {
      identify: identify(),
      identifyPush: identifyPush(),
      ping: ping(),
      dcutr: dcutr(),
      ...(options.hasTable !== false && { table: addressTable() }),
      ...(options.isRelay && { relay: relayServer() }),
      pubsub: gossip(options, scoreOf),
    },
  });
}

function connectionLimits() {
  return {
    maxConnections: limits.busPeers,
    maxIncomingPendingConnections: pendingConnections,
    inboundConnectionThreshold: connectionsPerSecond,
    dialTimeout: dialTimeoutMs,
    inboundUpgradeTimeout: dialTimeoutMs,
  };
}

/** Private addresses stay in the table: a network of one office or one machine is a network, too. */
function addressTable() {
  return kadDHT({
    protocol: tableProtocol,
    clientMode: false,
    peerInfoMapper: (peer) => peer,
  });
}

function relayServer() {
  return circuitRelayServer({ reservations: { maxReservations: relayedPeers } });
}

function gossip(options: DirectOptions, scoreOf: (peer: string) => number) {
  return gossipsub({
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: (message) => sha256(message.data),
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    emitSelf: false,
    doPX: false,
    heartbeatInterval: options.gossipRoundMs ?? gossipRoundMs,
    seenTTL: limits.busAgeMs,
    maxInboundDataLength: envelopeBytesMax,
    maxOutboundBufferSize: limits.busQueueBytes,
    scoreParams: {
      appSpecificScore: scoreOf,
      appSpecificWeight: 1,
      IPColocationFactorWhitelist: new Set(['127.0.0.1', '::1']), // a devnet lives on one machine
    },
  });
}
