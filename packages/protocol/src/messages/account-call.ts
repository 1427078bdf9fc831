/**
 * Calls that an account signs: proof of who asks, without a login.
 *
 * The header `authorization: Account <public key>.<time ms>.<signature>` signs the row of the endpoint table and the parsed
 * input: tag ‖ genesis hash ‖ UTF-8 of `<method> <path of the row>\n<time>\n<canonical JSON of the input>`. Whoever reads along
 * can repeat the same call for `clockSkewMs`, so only calls may be signed that do the same however often they come: reading,
 * and deleting by name.
 *
 * Why not the challenge and token of providers: a token lives in the memory of one coordinator, and accounts ask
 * whichever of several answers; a signature costs no round trip, and a stolen one reads one thing for two minutes
 * instead of everything for ten.
 */
import {
  canonicalJson,
  hex,
  type JsonValue,
  type KeyPair,
  sign,
  utf8,
  verify,
} from '@aitbc/primitives';
import type { Endpoint } from '../endpoints/endpoint.ts';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import { bytes32, type Network, signatureBytesOf, signingBytes } from '../network.ts';

type Row = Pick<Endpoint, 'method' | 'path' | 'input'>;

/** The call that is signed. */
export interface AccountCall {
  readonly row: Row;
  /** Input as the schema of the row gives it out, with its defaults. */
  readonly input: unknown;
}

const headerPattern = /^Account ([0-9a-f]{64})\.(\d{1,16})\.([0-9a-f]{128})$/;

/** Value of the header. Throws what the row's schema says about the input. */
export function signAccountCall(
  network: Network,
  { row, input }: AccountCall,
  { keys, nowMs }: { readonly keys: KeyPair; readonly nowMs: number },
): string {
  const message = messageOf(network, { row, input: row.input.parse(input) }, nowMs);
  return `Account ${hex(keys.publicKey)}.${nowMs}.${hex(sign(message, keys.secretKey))}`;
}

/** The account that signed this call just now, its public key. Refusal: UNAUTHORIZED. */
export function callerOf(
  network: Network,
  call: AccountCall,
  { header, nowMs }: { readonly header: string | undefined; readonly nowMs: number },
): Verdict<Hex> {
  const fault = (reason: string) => refuse('UNAUTHORIZED', { reason });
  const [, account, time, signature] = headerPattern.exec(header ?? '') ?? [];
  if (!account || !time || !signature) return fault('the call is not signed by an account');
  const timeMs = Number(time);
  if (!(Math.abs(nowMs - timeMs) <= limits.clockSkewMs)) {
    return fault('the signature is not of now; compare the clocks');
  }
  const message = messageOf(network, call, timeMs);
  if (verify(signatureBytesOf(signature), message, bytes32(account))) return accept(account);
  return fault('the signature is not over this call');
}

function messageOf(network: Network, { row, input }: AccountCall, timeMs: number): Uint8Array {
  const json = JSON.parse(JSON.stringify(input)) as JsonValue; // what is undefined is not said
  const text = `${row.method} ${row.path}\n${timeMs}\n${canonicalJson(json)}`;
  return signingBytes('accountCall', network, utf8(text));
}
