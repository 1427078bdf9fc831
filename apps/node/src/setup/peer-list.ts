/** The list of other nodes in the settings: `[key@]host:port`, separated by commas. */
import { AppError } from '@aitbc/protocol';
import type { MeshAddress } from '../mesh/types.ts';

const form = /^(?:([0-9a-f]{64})@)?(\[[0-9a-f:]+\]|[^\s:@[\]]+):(\d{1,5})$/;

/** Addresses of a list; an empty one has none. Throws AppError CONFIG_INVALID that names the bad entry. */
export function peersFromText(text: string | undefined): MeshAddress[] {
  const entries = (text ?? '').split(',').map((entry) => entry.trim());
  return entries.filter((entry) => entry !== '').map(peerFromText);
}

function peerFromText(entry: string): MeshAddress {
  const [, publicKey, host = '', digits] = form.exec(entry) ?? [];
  const port = Number(digits);
  if (host === '' || port < 1 || port > 65_535) {
    const reason = `the peer "${entry}" is not of the form [key@]host:port`;
    throw new AppError('CONFIG_INVALID', { reason });
  }
  const address = { host: host.replace(/^\[|\]$/g, ''), port };
  return publicKey ? { ...address, publicKey } : address;
}
