/**
 * Marks calls that came over the relay. They reach the front from this very machine, so without a mark every buyer
 * would share one address, and would pass for a neighbour. The mark carries a secret of this process: nobody else
 * can claim an address with it.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { hex, randomBytes } from '@aitbc/primitives';

const header = 'x-aitbc-relayed';
const secretBytes = 16;

/** Writes and reads the mark. */
export interface RelayMark {
  /** Headers for a call of somebody at this address. */
  headersFor(from: string): Record<string, string>;
  /** Address of who calls: the marked one, else the one of the connection. */
  callerOf(request: { readonly ip: string; readonly headers: IncomingHttpHeaders }): string;
}

/** A mark with a fresh secret. */
export function createRelayMark(): RelayMark {
  const secret = `${hex(randomBytes(secretBytes))} `;
  return {
    headersFor: (from) => ({ [header]: secret + from }),
    callerOf({ ip, headers }) {
      const mark = headers[header];
      return typeof mark === 'string' && mark.startsWith(secret) ? mark.slice(secret.length) : ip;
    },
  };
}
