/**
 * Addresses: bech32m, prefix `ait`, over the 32-byte account id. One spelling only: lower case, correct
 * checksum, exactly 32 bytes. Inside the system an account is its bytes; text exists at the edges.
 */
import { bech32m } from '@scure/base';

export const addressPrefix = 'ait';
export const accountIdBytes = 32;

/** `ait1…` of a 32-byte account id. */
export function addressFromId(accountId: Uint8Array): string {
  if (accountId.length !== accountIdBytes) throw new RangeError('an account id is 32 bytes');
  return bech32m.encode(addressPrefix, bech32m.toWords(accountId));
}

/** Account id of an address, or the reason why the text is none. */
export function idFromAddress(
  text: string,
): { ok: true; accountId: Uint8Array } | { ok: false; reason: string } {
  if (text !== text.toLowerCase()) return { ok: false, reason: 'it must be lower case' };
  if (!text.startsWith(`${addressPrefix}1`))
    return { ok: false, reason: 'it must begin with ait1' };
  const decoded = bech32m.decodeUnsafe(text);
  if (!decoded) return { ok: false, reason: 'its checksum is wrong' };
  const accountId = bech32m.fromWordsUnsafe(decoded.words);
  if (!accountId || accountId.length !== accountIdBytes) {
    return { ok: false, reason: 'it must hold 32 bytes' };
  }
  return { ok: true, accountId };
}
