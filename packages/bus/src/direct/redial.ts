/**
 * Stays connected to the peers of the configuration: dials each, and dials again, with growing pauses, for as long
 * as it is not connected. libp2p's bootstrap module dials once after the start; this is for the years after it.
 */
import type { PeerId } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { delay } from '../core/wait.ts';
import type { BusLog } from '../types.ts';
import type { DirectNode } from './node.ts';

const pauseMs = { first: 250, most: 15_000 };
const lookMs = 250;

/** Runs until the signal is aborted. */
export async function keepDialling(
  node: DirectNode,
  peers: readonly string[],
  { log, signal }: { log: BusLog; signal: AbortSignal },
): Promise<void> {
  await Promise.all(
    peers.map((address) => keepOne(node, address, { log, signal }).catch(() => {})), // ends with the signal
  );
}

async function keepOne(
  node: DirectNode,
  address: string,
  { log, signal }: { log: BusLog; signal: AbortSignal },
): Promise<void> {
  let peer: PeerId | undefined;
  let waitMs = pauseMs.first;
  while (!signal.aborted) {
    if (peer && node.getConnections(peer).length > 0) {
      waitMs = pauseMs.first;
      await delay(lookMs, signal);
      continue;
    }
    try {
      peer = (await node.dial(multiaddr(address), { signal })).remotePeer;
    } catch (error) {
      log.debug({ address, err: error }, 'a peer does not answer');
    }
    await delay(waitMs, signal); // also after success: some take a connection only to close it
    waitMs = Math.min(waitMs * 2, pauseMs.most);
  }
}
