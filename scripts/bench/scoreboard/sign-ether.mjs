/**
 * Signs Ethereum transfers (type 2, EIP-1559) fast enough to have a hundred thousand ready: the few items of the
 * recursive length prefix form that a transfer needs, Keccak, and secp256k1 by its native library. The libraries
 * are loaded when they are first needed, because they are installed on demand.
 */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

/** The libraries belong to the peers, which have a package of their own. */
const peersRequire = createRequire(new URL('../peers/package.json', import.meta.url));
const transferType = Uint8Array.of(2);

/** Makes the signer of transfers on a chain. */
export async function createEtherSigner({ chainId, maxFeeWei, tipWei, gas }) {
  const { keccak_256: keccak } = await import(peersRequire.resolve('@noble/hashes/sha3.js'));
  const secp256k1 = peersRequire('secp256k1');
  const head = number(BigInt(chainId));
  const fees = [number(tipWei), number(maxFeeWei), number(gas)];
  return {
    /** Key and address of the account with a number. */
    account(at) {
      const key = createHash('sha256').update(`bench ether account ${at}`).digest();
      const point = secp256k1.publicKeyCreate(key, false);
      return { key, address: Buffer.from(keccak(point.subarray(1)).subarray(12)) };
    },
    /** Raw bytes and hash, in hex, of a transfer of one wei. */
    transfer({ key, to, nonce }) {
      const fields = [
        head,
        number(BigInt(nonce)),
        ...fees,
        item(to),
        number(1n),
        item([]),
        list([]),
      ];
      const digest = keccak(Buffer.concat([transferType, list(fields)]));
      const { signature, recid } = secp256k1.ecdsaSign(digest, key);
      const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
      const seal = [number(BigInt(recid)), item(trimmed(r)), item(trimmed(s))];
      const raw = Buffer.concat([transferType, list([...fields, ...seal])]);
      return {
        raw: `0x${raw.toString('hex')}`,
        hash: `0x${Buffer.from(keccak(raw)).toString('hex')}`,
      };
    },
  };
}

/** A number as an item: big-endian, no zeros in front. */
function number(value) {
  const digits = value.toString(16);
  return item(
    value === 0n
      ? []
      : Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex'),
  );
}

function trimmed(bytes) {
  const first = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(first < 0 ? bytes.length : first);
}

function item(bytes) {
  const isItself = bytes.length === 1 && bytes[0] < 0x80;
  return isItself
    ? Buffer.from(bytes)
    : Buffer.concat([prefix(0x80, bytes.length), Buffer.from(bytes)]);
}

function list(items) {
  const body = Buffer.concat(items);
  return Buffer.concat([prefix(0xc0, body.length), body]);
}

/** Length prefix; nothing here is longer than 255 bytes. */
function prefix(base, length) {
  return length <= 55 ? Buffer.of(base + length) : Buffer.of(base + 56, length);
}
