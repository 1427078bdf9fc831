/** Options of the Redis carrier. */
import type { Clock, KeyPair } from '@aitbc/primitives';
import type { Network } from '@aitbc/protocol';
import type { BusLog } from '../types.ts';

/** Where Redis is and how it lets us in. */
export interface RedisCarrierOptions {
  readonly network: Network;
  readonly keys: KeyPair;
  /** `redis://host:port` or `rediss://host:port` for TLS; user and password may stand in it. */
  readonly url: string;
  /** ACL user; default: the one of the URL, or Redis' own default user. */
  readonly username?: string;
  readonly password?: string;
  /** Certificates (PEM) that the server's must lead to; default: those of Node. */
  readonly caPem?: string;
}

/** What the carrier needs from outside. */
export interface RedisCarrierDeps {
  readonly clock: Clock;
  readonly log: BusLog;
}
