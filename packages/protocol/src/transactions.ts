/**
 * Transactions: the envelope and its one canonical encoding.
 *
 *   version u8 = 1 | kind u8 | flags u16 | chain u32 | lane u16 | nonce u64 | validUntil u64 |
 *   from 32 | fee u64 | body of the kind | signature 64 [ | payer 32 | payer's signature 64 ]
 *
 * The sender signs tag `AITBC-TX-v1` ‖ genesis hash ‖ everything before its signature. With flag bit 0 somebody
 * else pays the fee: the payer stands behind the sender's signature and signs the same bytes under the tag
 * `AITBC-PAYER-v1`. The sender does not name its payer, so anyone can sponsor what is signed already, and
 * nobody else's money is reached by it. The id of a transaction is the SHA-256 of all its bytes.
 *
 * `lane` chooses a counter: 0 the account's ordinary nonce, 1 to 65 534 independent ones, 65 535 no order: the
 * nonce is a free salt, and the transaction is valid once until `validUntil`. What is "the same" there is decided
 * by `contentIdOf`, the hash of what the sender signed, because a second payer makes a second id.
 *
 * `validUntil` is the last height it may enter, 0 for none. `chain` is the head of the genesis hash: it only
 * makes a wrong network a clear error, the signature is what binds. See docs/spec/chain.md, "Transactions".
 */
import {
  concat,
  createReader,
  createWriter,
  DecodeError,
  hex,
  sha256Hex,
  sign,
} from '@aitbc/primitives';
import { accept, refuse, type Verdict } from './errors.ts';
import {
  account,
  accountText,
  amount,
  count,
  type Field,
  type Fields,
  type Hex,
  recordFromJson,
  recordToJson,
  u8,
  u16,
  u32,
  writeRecord,
} from './fields.ts';
import { limits } from './limits.ts';
import { bytes32, type Network, signingBytes, taggedHash } from './network.ts';
import { type MultisigOperation, type TxBody, type TxKind, txKinds } from './tx-kinds.ts';
import {
  accountSizeBytes,
  payerSizeBytes,
  signatureSizeBytes,
  sponsoredFlag,
  tailSizeOf,
} from './tx-signatures.ts';

/** An unsigned transaction; `from` is the account id in hex. */
export type UnsignedTx = {
  [K in TxKind]: {
    readonly kind: K;
    readonly chain: number;
    /** Which counter `nonce` is of; 0 when left out. */
    readonly lane?: number;
    readonly nonce: number;
    readonly validUntil: number;
    readonly from: Hex;
    /** nait */
    readonly fee: bigint;
    /** Somebody else pays the fee and signs after the sender. */
    readonly sponsored?: true;
    readonly body: TxBody<K>;
  };
}[TxKind];

/** A signed transaction with its id and the exact bytes that were signed and sent; its signatures are in the bytes only. */
export type SignedTx = UnsignedTx & {
  /** Account that pays the fee of a sponsored transaction. */
  readonly payer?: Hex;
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
/** The lane whose transactions have no order. */
export const expiringLane = 0xffff;

const publicKeyOffset = 32; // a secret key ends in its public key

/** A kind and the fields of its body. */
interface KindOfBody {
  readonly kind: TxKind;
  readonly fields: readonly (readonly [string, Field<unknown>])[];
}

/** Kinds by their number, with the fields of their bodies in order. */
const kindByNumber = new Map<number, KindOfBody>(
  Object.entries(txKinds).map(([name, { number, fields }]) => [
    number,
    { kind: name as TxKind, fields: Object.entries(fields as Fields) },
  ]),
);

/** Bytes of a transaction without its signature. Throws RangeError for a value that does not fit. */
export function encodeUnsignedTx(tx: UnsignedTx): Uint8Array {
  const writer = createWriter();
  const { number, fields } = txKinds[tx.kind];
  writeRecord(envelopeFields, writer, {
    version: txVersion,
    kind: number,
    flags: tx.sponsored ? sponsoredFlag : 0,
    chain: tx.chain,
    lane: laneOf(tx),
    nonce: tx.nonce,
    validUntil: tx.validUntil,
    from: tx.from,
    fee: tx.fee,
  });
  writeRecord(fields as Fields, writer, tx.body);
  return writer.finish();
}

/** Hash of what the sender signs, without its tag: one for all signatures and payers of the same wish. */
export function contentIdOf(tx: UnsignedTx): Hex {
  return sha256Hex(encodeUnsignedTx(tx));
}

/** Counter that a transaction uses; 0 is the account's own. */
export function laneOf(tx: Pick<UnsignedTx, 'lane'>): number {
  return tx.lane ?? 0;
}

/** Account that pays the fee; undefined for a sponsored transaction whose payer is not known yet. */
export function feePayerOf(tx: UnsignedTx & { readonly payer?: Hex }): Hex | undefined {
  return tx.sponsored ? tx.payer : tx.from;
}

/** Who pays instead of the sender, with a 64-byte signature of the same bytes. */
export interface PayerSignature {
  readonly payer: Hex;
  readonly signature: Uint8Array;
}

/** The sender's signature of an unsigned transaction, 64 bytes. */
export function senderSignatureOf(
  network: Network,
  tx: UnsignedTx,
  secretKey: Uint8Array,
): Uint8Array {
  return sign(signingBytes('tx', network, encodeUnsignedTx(tx)), secretKey);
}

/** Signs an unsigned transaction with the 64-byte secret key of `from`. Throws RangeError for a sponsored one. */
export function signTx(network: Network, tx: UnsignedTx, secretKey: Uint8Array): SignedTx {
  return attachSignature(tx, senderSignatureOf(network, tx, secretKey));
}

/**
 * Completes a sponsored transaction with the 64-byte secret key of its payer; `signature` is the sender's.
 * Throws RangeError for one that is not sponsored.
 */
export function sponsorTx(
  network: Network,
  { tx, signature }: { readonly tx: UnsignedTx; readonly signature: Uint8Array },
  payerKey: Uint8Array,
): SignedTx {
  const payer = hex(payerKey.subarray(publicKeyOffset));
  const payerSignature = sign(signingBytes('payer', network, encodeUnsignedTx(tx)), payerKey);
  return attachSignature(tx, signature, { payer, signature: payerSignature });
}

/** The signed transaction of an unsigned one and its signatures. Throws RangeError when `sponsored` and the payer do not fit. */
export function attachSignature(
  tx: UnsignedTx,
  signatureOfTx: Uint8Array,
  payer?: PayerSignature,
): SignedTx {
  if ((tx.sponsored === true) !== (payer !== undefined)) {
    throw new RangeError('a sponsored transaction, and no other, has a payer');
  }
  const unsigned = encodeUnsignedTx(tx);
  const tail = payer ? [bytes32(payer.payer), payer.signature] : [];
  const all = concat(unsigned, signatureOfTx, ...tail);
  return {
    ...tx,
    ...(payer ? { payer: payer.payer } : {}),
    txId: sha256Hex(all),
    bytes: all,
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Decodes and checks the form of a transaction: size, layout, version, kind, flags, chain. The
 * signatures are not checked here (`verifyTx` does), state rules are the ledger's.
 * Refusals: TX_TOO_LARGE, TX_MALFORMED, TX_VERSION_UNKNOWN, TX_KIND_UNKNOWN, TX_FLAGS_UNSUPPORTED, TX_WRONG_CHAIN.
 */
export function decodeTx(network: Network, all: Uint8Array): Verdict<SignedTx> {
  return decodeOwnTx(network, new Uint8Array(all)); // many times faster than `from`, which iterates
}

/** `decodeTx` of bytes that are the caller's alone and will not change: the transaction keeps them, without a copy. */
export function decodeOwnTx(network: Network, all: Uint8Array): Verdict<SignedTx> {
  if (all.length > limits.txSizeBytes) {
    return refuse('TX_TOO_LARGE', { sizeBytes: all.length, limitBytes: limits.txSizeBytes });
  }
  const signedBytes = Math.max(0, all.length - tailSizeOf(all));
  const unsigned = decodeUnsignedTx(network, all.subarray(0, signedBytes));
  if (!unsigned.ok) return unsigned;
  const tx = unsigned.value as Writable<SignedTx>; // made just now: filled up, because a copy is dearer than the decoding
  if (tx.sponsored) {
    const at = signedBytes + signatureSizeBytes;
    tx.payer = accountText(all.subarray(at, at + payerSizeBytes));
  }
  tx.txId = sha256Hex(all);
  tx.bytes = all;
  return accept(tx as SignedTx);
}

/** Decodes the bytes a wallet is asked to sign. Same refusals as `decodeTx`. */
export function decodeUnsignedTx(network: Network, unsigned: Uint8Array): Verdict<UnsignedTx> {
  try {
    const reader = createReader(unsigned);
    // The envelope by hand, in the order of `envelopeFields`: this runs several times for every transaction.
    const version = reader.u8();
    const number = reader.u8();
    const flags = reader.u16();
    const chain = reader.u32();
    const lane = reader.u16();
    const nonce = reader.count();
    const validUntil = reader.count();
    const from = accountText(reader.fixed(accountSizeBytes));
    const fee = reader.u64();
    if (version !== txVersion) return refuse('TX_VERSION_UNKNOWN', { version });
    const known = kindByNumber.get(number);
    if (!known) return refuse('TX_KIND_UNKNOWN', { kind: number });
    if ((flags & ~sponsoredFlag) !== 0) return refuse('TX_FLAGS_UNSUPPORTED', { flags });
    if (chain !== network.chain) {
      return refuse('TX_WRONG_CHAIN', { got: chain, expected: network.chain });
    }
    const { kind, fields } = known;
    const body: Record<string, unknown> = {};
    for (const [name, field] of fields) body[name] = field.read(reader);
    reader.end();
    const tx: Record<string, unknown> = { chain, nonce, validUntil, from, fee };
    if (lane !== 0) tx.lane = lane;
    if (flags !== 0) tx.sponsored = true;
    tx.kind = kind;
    tx.body = body;
    return accept(tx as unknown as UnsignedTx);
  } catch (error) {
    if (error instanceof DecodeError) return refuse('TX_MALFORMED', { reason: error.message });
    throw error;
  }
}

/** JSON form for people and APIs: addresses, decimal strings, hex. */
export function txToJson(tx: UnsignedTx & Partial<SignedTx>): TxJson {
  return {
    ...(tx.txId === undefined ? {} : { txId: tx.txId }),
    kind: tx.kind,
    from: account.toJson(tx.from) as string,
    ...(tx.lane ? { lane: tx.lane } : {}),
    nonce: tx.nonce,
    validUntil: tx.validUntil,
    fee: tx.fee.toString(),
    ...(tx.sponsored ? { sponsored: true } : {}),
    ...(tx.payer === undefined ? {} : { payer: account.toJson(tx.payer) as string }),
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
  /** Left out for the ordinary lane, 0. */
  readonly lane?: number;
  readonly nonce: number;
  readonly validUntil: number;
  readonly fee: string;
  readonly sponsored?: true;
  /** Address of who pays the fee instead of the sender. */
  readonly payer?: string;
  readonly body: Record<string, unknown>;
}

/** Id of a lane's counter in the state. */
export function laneIdOf(network: Network, accountId: Hex, lane: number): Hex {
  return taggedHash('lane', network, bytes32(accountId), createWriter().u16(lane).finish());
}

/** Id of the mandate that an owner gave to a sub-key. */
export function mandateIdOf(network: Network, owner: Hex, subKey: Hex): Hex {
  return taggedHash('mandate', network, bytes32(owner), bytes32(subKey));
}

/** Id of a task: all its terms and its poster. */
export function taskIdOf(network: Network, poster: Hex, terms: TxBody<'task_post'>): Hex {
  const writer = createWriter();
  writeRecord(txKinds.task_post.fields, writer, terms);
  return taggedHash('task', network, bytes32(poster), writer.finish());
}

/** Account id that a `multisig_create` of this sender makes: a hash, so no key signs for it. */
export function multisigIdOf(
  network: Network,
  creator: Hex,
  terms: TxBody<'multisig_create'>,
): Hex {
  const writer = createWriter();
  writeRecord(txKinds.multisig_create.fields, writer, terms);
  return taggedHash('multisig', network, bytes32(creator), writer.finish());
}

/** Where a proposal stands. */
export interface MultisigPlace {
  readonly multisig: Hex;
  readonly proposer: Hex;
  readonly slot: number;
}

/** Id of the entry of a member's slot. */
export function multisigSlotIdOf(network: Network, place: MultisigPlace): Hex {
  return taggedHash('multisigSlot', network, placeBytes(place));
}

/** What a proposal is: its place, the how manieth it is there, and what it says. */
export interface MultisigWish extends MultisigPlace {
  readonly number: number;
  readonly expiresAtMs: number;
  readonly operations: readonly MultisigOperation[];
}

/** Id of a proposal: all of it, so who approves the id approves these operations and no others. */
export function multisigProposalIdOf(network: Network, wish: MultisigWish): Hex {
  const writer = createWriter();
  count.write(writer, wish.number);
  const { multisig, slot, expiresAtMs } = wish;
  const body = { multisig, slot, expiresAtMs, operations: [...wish.operations] };
  writeRecord(txKinds.multisig_propose.fields, writer, body);
  return taggedHash('multisigProposal', network, bytes32(wish.proposer), writer.finish());
}

function placeBytes({ multisig, proposer, slot }: MultisigPlace): Uint8Array {
  return createWriter().hex(multisig, 32).hex(proposer, 32).u8(slot).finish();
}
