/** Takes the network away from this process: whatever opens a socket or asks for a name throws. */
import dns from 'node:dns';
import { Socket } from 'node:net';

/** What was tried while the network was away, and its return. */
export interface DeniedNetwork {
  readonly tried: readonly string[];
  restore(): void;
}

/** No socket connects and no name resolves until `restore` is called. */
export function denyNetwork(): DeniedNetwork {
  const tried: string[] = [];
  const { connect } = Socket.prototype;
  const { lookup } = dns;
  const deny = (what: string) => () => {
    tried.push(what);
    throw new Error(`${what}: there is no network`);
  };
  Socket.prototype.connect = deny('connect') as unknown as typeof connect;
  dns.lookup = deny('lookup') as unknown as typeof lookup;
  return {
    tried,
    restore() {
      Socket.prototype.connect = connect;
      dns.lookup = lookup;
    },
  };
}
