/** The way to an account: a connection there is, an address that is known or found, or a relay in between. */

import { bytesFromHex, publicKeyBytes } from '@aitbc/primitives';
import { AppError, type Hex } from '@aitbc/protocol';
import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import type { Connection, PeerId } from '@libp2p/interface';
import { peerIdFromPublicKey } from '@libp2p/peer-id';
import { multiaddr } from '@multiformats/multiaddr';
import type { DirectNode } from './node.ts';

const relayTries = 3;

/** A connection to the account. Throws AppError UNAVAILABLE. */
export async function connectTo(
  node: DirectNode,
  to: Hex,
  signal: AbortSignal,
): Promise<Connection> {
  const peer = peerIdOf(to);
  const open = node.getConnections(peer).find(({ status }) => status === 'open');
  if (open) return open;
  try {
    return await node.dial(peer, { signal });
  } catch (error) {
    const relayed = await dialThroughPeers(node, peer, signal);
    if (relayed) return relayed;
    const reason = 'no address is known that answers';
    throw new AppError('UNAVAILABLE', { what: `The agent ${to}`, reason }, { cause: error });
  }
}

/** Peers that we are connected to may relay to it, even when its own address reached nobody yet. */
async function dialThroughPeers(
  node: DirectNode,
  peer: PeerId,
  signal: AbortSignal,
): Promise<Connection | undefined> {
  const direct = node.getConnections().filter(({ limits }) => limits === undefined);
  for (const { remoteAddr, remotePeer } of direct.slice(0, relayTries)) {
    if (signal.aborted) return undefined;
    const base = remoteAddr.toString().split('/p2p/')[0];
    const address = `${base}/p2p/${remotePeer}/p2p-circuit/p2p/${peer}`;
    const connection = await node.dial(multiaddr(address), { signal }).catch(() => undefined);
    if (connection) return connection;
  }
  return undefined;
}

function peerIdOf(key: Hex): PeerId {
  const raw = bytesFromHex(key, publicKeyBytes);
  if (!raw) throw new AppError('BAD_REQUEST', { reason: 'the receiver is no public key' });
  return peerIdFromPublicKey(publicKeyFromRaw(raw));
}
