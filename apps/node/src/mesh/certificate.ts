/**
 * A node's TLS certificate: self-signed, made at start, and its public key is the identity key itself.
 *
 * TLS 1.3 makes both sides sign the handshake with the key of their certificate, so a finished handshake
 * proves the identity; nobody vouches for it, and names and dates in the certificate mean nothing. What a
 * node compares is the raw public key. Signatures of TLS begin with 64 blanks and those of certificates
 * with an ASN.1 sequence, so neither can be taken for something signed under a tag of the protocol.
 *
 * Rejected: a throw-away certificate with a hello signed over exported keying material (a second handshake
 * to get right), and an X.509 library (a dozen packages for 150 constant bytes). See docs/spec/consensus.md, "Mesh".
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { hex, isSafePublicKey, type KeyPair, seedBytes } from '@aitbc/primitives';
import type { Hex } from '@aitbc/protocol';

const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex'); // RFC 8410, before the seed

const tagInteger = 0x02;
const tagBits = 0x03;
const tagName = 0x06;
const tagShortTime = 0x17;
const tagLongTime = 0x18;
const tagSequence = 0x30;

/** What `node:tls` needs to show an identity. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
  readonly minVersion: 'TLSv1.3';
}

/** Key and certificate of an identity. */
export function tlsIdentityOf(keys: KeyPair): TlsIdentity {
  const seed = keys.secretKey.subarray(0, seedBytes);
  const der = Buffer.concat([pkcs8Head, seed]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return {
    key: key.export({ format: 'pem', type: 'pkcs8' }) as string,
    cert: pemOf(certificateOf(key)),
    minVersion: 'TLSv1.3',
  };
}

/**
 * Public key, hex, that the other side of a finished handshake has proven; undefined when it has none of
 * our kind.
 */
export function provenKeyOf(socket: TLSSocket): Hex | undefined {
  const key = publicKeyOf(socket);
  if (key?.asymmetricKeyType !== 'ed25519') return undefined;
  const raw = Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
  return isSafePublicKey(raw) ? hex(raw) : undefined;
}

/** Undefined without a certificate, or with one whose key OpenSSL cannot read. */
function publicKeyOf(socket: TLSSocket): KeyObject | undefined {
  try {
    return socket.getPeerX509Certificate()?.publicKey;
  } catch {
    return undefined;
  }
}

/** Self-signed X.509 certificate: version 1, no names, valid for ever. */
function certificateOf(key: KeyObject): Buffer {
  const algorithm = sequence(element(tagName, Buffer.from([0x2b, 0x65, 0x70]))); // 1.3.101.112, Ed25519
  const noName = sequence();
  const content = sequence(
    element(tagInteger, Buffer.from([1])),
    algorithm,
    noName,
    sequence(
      element(tagShortTime, Buffer.from('700101000000Z')),
      element(tagLongTime, Buffer.from('99991231235959Z')),
    ),
    noName,
    createPublicKey(key).export({ format: 'der', type: 'spki' }),
  );
  const signature = Buffer.concat([Buffer.from([0]), sign(null, content, key)]);
  return sequence(content, algorithm, element(tagBits, signature));
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return element(tagSequence, Buffer.concat(parts));
}

/** One ASN.1 element of less than 64 KiB. */
function element(tag: number, content: Uint8Array): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), content]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content]);
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
