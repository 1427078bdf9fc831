/**
 * Transactions: the table of kinds, the envelope and its one canonical encoding.
 *
 *   version u8 = 1 | kind u8 | flags u16 = 0 | chain u32 | lane u16 = 0 | nonce u64 | validUntil u64 |
 *   from 32 | fee u64 | body of the kind | signature 64
 *
 * Signed bytes: tag `AITBC-TX-v1` ‖ genesis hash ‖ everything before the signature. The id of a
 * transaction is the SHA-256 of all its bytes. `validUntil` is the last height it may enter, 0 for none.
 * `chain` is the head of the genesis hash: it only makes a wrong network a clear error, the signature
 * is what binds. Flags and lanes are reserved. See docs/spec/chain.md, "Transactions".
 */
import {
  createReader,
  createWriter,
  DecodeError,
  hex,
  sha256,
  sign,
  verify,
} from '@aitbc/primitives';
import { accept, refuse, type Verdict } from './errors.ts';
import {
  account,
  amount,
  count,
  type Fields,
  type Hex,
  readRecord,
  recordFromJson,
  recordToJson,
  u8,
  u16,
  u32,
  writeRecord,
} from './fields.ts';
import { limits } from './limits.ts';
import { bytes32, type Network, signatureBytesOf, signingBytes } from './network.ts';
import { type TxBody, type TxKind, txKinds } from './tx-kinds.ts';

/** An unsigned transaction; `from` is the account id in hex. */
export type UnsignedTx = {
  [K in TxKind]: {
    readonly kind: K;
    readonly chain: number;
    readonly nonce: number;
    readonly validUntil: number;
    readonly from: Hex;
    /** nait */
    readonly fee: bigint;
    readonly body: TxBody<K>;
  };
}[TxKind];

/** A signed transaction with its id and the exact bytes that were signed and sent. */
export type SignedTx = UnsignedTx & {
  readonly signature: Hex;
  readonly txId: Hex;
  readonly bytes: Uint8Array;
};

const envelopeFields = {
  version: u8,
  kind: u8,
  flags: u16,
  chain: u32,
  lane: u16,
  nonce: count,
  validUntil: count,
  from: account,
  fee: amount,
} as const satisfies Fields;

export const txVersion = 1;
const signatureSizeBytes = 64;
const kindByNumber = new Map<number, TxKind>(
  Object.entries(txKinds).map(([name, { number }]) => [number, name as TxKind]),
);

/** Bytes of a transaction without its signature. Throws RangeError for a value that does not fit. */
export function encodeUnsignedTx(tx: UnsignedTx): Uint8Array {
  const writer = createWriter();
  const { number, fields } = txKinds[tx.kind];
  writeRecord(envelopeFields, writer, {
    version: txVersion,
    kind: number,
    flags: 0,
    chain: tx.chain,
    lane: 0,
    nonce: tx.nonce,
    validUntil: tx.validUntil,
    from: tx.from,
    fee: tx.fee,
  });
  writeRecord(fields as Fields, writer, tx.body);
  return writer.finish();
}

/** Signs an unsigned transaction with the 64-byte secret key of `from`. */
export function signTx(network: Network, tx: UnsignedTx, secretKey: Uint8Array): SignedTx {
  const unsigned = encodeUnsignedTx(tx);
  return attachSignature(tx, unsigned, sign(signingBytes('tx', network, unsigned), secretKey));
}

/** The signed transaction of an unsigned one and its 64-byte signature. */
export function attachSignature(
  tx: UnsignedTx,
  unsigned: Uint8Array,
  signatureOfTx: Uint8Array,
): SignedTx {
  const all = new Uint8Array(unsigned.length + signatureSizeBytes);
  all.set(unsigned);
  all.set(signatureOfTx, unsigned.length);
  return { ...tx, signature: hex(signatureOfTx), txId: hex(sha256(all)), bytes: all };
}

/**
 * Decodes and checks the form of a transaction: size, layout, version, kind, flags, chain. The
 * signature is not checked here (`verifyTx` does), state rules are the ledger's.
 * Refusals: TX_TOO_LARGE, TX_MALFORMED, TX_VERSION_UNKNOWN, TX_KIND_UNKNOWN, TX_FLAGS_UNSUPPORTED, TX_WRONG_CHAIN.
 */
export function decodeTx(network: Network, all: Uint8Array): Verdict<SignedTx> {
  if (all.length > limits.txSizeBytes) {
    return refuse('TX_TOO_LARGE', { sizeBytes: all.length, limitBytes: limits.txSizeBytes });
  }
  const body = all.subarray(0, Math.max(0, all.length - signatureSizeBytes));
  const unsigned = decodeUnsignedTx(network, body);
  if (!unsigned.ok) return unsigned;
  const copy = Uint8Array.from(all);
  return accept({
    ...unsigned.value,
    signature: hex(copy.subarray(body.length)),
    txId: hex(sha256(copy)),
    bytes: copy,
  });
}

/** Decodes the bytes a wallet is asked to sign. Same refusals as `decodeTx`. */
export function decodeUnsignedTx(network: Network, unsigned: Uint8Array): Verdict<UnsignedTx> {
  try {
    const reader = createReader(unsigned);
    const { version, kind: number, flags, lane, ...envelope } = readRecord(envelopeFields, reader);
    if (version !== txVersion) return refuse('TX_VERSION_UNKNOWN', { version });
    const kind = kindByNumber.get(number);
    if (!kind) return refuse('TX_KIND_UNKNOWN', { kind: number });
    if (flags !== 0 || lane !== 0) return refuse('TX_FLAGS_UNSUPPORTED', { flags, lane });
    if (envelope.chain !== network.chain) {
      return refuse('TX_WRONG_CHAIN', { got: envelope.chain, expected: network.chain });
    }
    const body = readRecord(txKinds[kind].fields as Fields, reader);
    reader.end();
    return accept({ ...envelope, kind, body } as UnsignedTx);
  } catch (error) {
    if (error instanceof DecodeError) return refuse('TX_MALFORMED', { reason: error.message });
    throw error;
  }
}

/** True when the sender's key signed exactly these bytes for this network. */
export function verifyTx(network: Network, tx: SignedTx): boolean {
  const unsigned = tx.bytes.subarray(0, tx.bytes.length - signatureSizeBytes);
  return verify(
    signatureBytesOf(tx.signature),
    signingBytes('tx', network, unsigned),
    bytes32(tx.from),
  );
}

/** JSON form for people and APIs: addresses, decimal strings, hex. */
export function txToJson(tx: UnsignedTx & Partial<SignedTx>): TxJson {
  return {
    ...(tx.txId === undefined ? {} : { txId: tx.txId }),
    kind: tx.kind,
    from: account.toJson(tx.from) as string,
    nonce: tx.nonce,
    validUntil: tx.validUntil,
    fee: tx.fee.toString(),
    body: recordToJson(txKinds[tx.kind].fields as Fields, tx.body),
  };
}

/** Body of a kind from its JSON form. Refusal: BAD_REQUEST. */
export function txBodyFromJson<K extends TxKind>(kind: K, json: unknown): Verdict<TxBody<K>> {
  try {
    return accept(recordFromJson(txKinds[kind].fields as Fields, json) as TxBody<K>);
  } catch (error) {
    if (error instanceof DecodeError) return refuse('BAD_REQUEST', { reason: error.message });
    throw error;
  }
}

/** A transaction as APIs show it. */
export interface TxJson {
  readonly txId?: Hex;
  readonly kind: TxKind;
  readonly from: string;
  readonly nonce: number;
  readonly validUntil: number;
  readonly fee: string;
  readonly body: Record<string, unknown>;
}
