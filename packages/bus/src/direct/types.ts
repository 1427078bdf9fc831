/** Options of the direct carrier. */
import type { Clock, KeyPair } from '@aitbc/primitives';
import type { Hex, Network } from '@aitbc/protocol';
import type { Carrier } from '../carrier.ts';
import type { BusLog } from '../types.ts';

/** How a node takes part in the network of peers. */
export interface DirectOptions {
  readonly network: Network;
  /** The account's own keys: the peer id is made from them, so a connection proves the account. */
  readonly keys: KeyPair;
  /** Multiaddrs to listen on, as `/ip4/0.0.0.0/tcp/0`; none for a node that only dials. */
  readonly listen?: readonly string[];
  /** Multiaddrs to tell others when they differ from those listened on. */
  readonly announce?: readonly string[];
  /** Peers to stay connected to: the way into the network. */
  readonly peers?: readonly string[];
  /** Peers that relay, each as in `peers`: we stay connected to them and take a place at one that has room. */
  readonly relays?: readonly string[];
  /** Relay for others, bounded. Default false. */
  readonly isRelay?: boolean;
  /** Find peers on the local network by multicast DNS. Default false. */
  readonly isLanSearched?: boolean;
  /** Take part in the distributed table of addresses. Default true. */
  readonly hasTable?: boolean;
  /** Topics to check and forward without anybody here listening; for nodes that hold the network together. */
  readonly carriedTopics?: readonly string[];
  /** Time between two rounds of upkeep of the gossip mesh; default 1000. */
  readonly gossipRoundMs?: number;
}

/** What the carrier needs from outside. */
export interface DirectDeps {
  readonly clock: Clock;
  readonly log: BusLog;
}

/** The direct carrier knows addresses, too. */
export interface DirectCarrier extends Carrier {
  /** Multiaddrs under which others reach us, each with our peer id. */
  addresses(): string[];
  /** Public keys of the connected peers, hex. */
  peers(): Hex[];
}
