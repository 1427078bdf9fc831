/**
 * Receipts: what a block says that each of its transactions did. Their bytes are hashed into the header's
 * `receiptRoot`, so what a claim paid can be proved from a header. See docs/spec/chain.md, "Receipts".
 */
import { createReader, createWriter, DecodeError, type Writer } from '@aitbc/primitives';
import {
  accept,
  addressOf,
  type ErrorCode,
  type Fields,
  field,
  type Hex,
  isErrorCode,
  limits,
  readRecord,
  refuse,
  type TxKind,
  txKinds,
  type Verdict,
  writeRecord,
} from '@aitbc/protocol';

/** What became of one row of a claim: paid in full (nait) with no code, or nothing and a code. */
export interface ClaimResult {
  readonly channelId: Hex;
  readonly paid: bigint;
  readonly code: ErrorCode | null;
}

/** What a transaction did. `rows` only for claims. */
export interface TxReceipt {
  readonly txId: Hex;
  readonly height: number;
  /** Place in its block, from 0. */
  readonly index: number;
  readonly kind: TxKind;
  readonly from: Hex;
  /** nait */
  readonly fee: bigint;
  readonly rows?: readonly ClaimResult[];
}

/** JSON form of a receipt. */
export interface TxReceiptJson {
  txId: string;
  height: number;
  index: number;
  kind: TxKind;
  from: string;
  fee: string;
  rows?: { channelId: string; paid: string; code: string | null }[];
}

const codeBytes = 40; // the longest code of the table is shorter; a test compares

const receiptFields = {
  txId: field.hash,
  height: field.count,
  index: field.u32,
  kind: field.u8,
  from: field.account,
  fee: field.amount,
  rows: field.list(
    { channelId: field.hash, paid: field.amount, code: field.text(codeBytes) },
    limits.claimRows,
  ),
} as const satisfies Fields;

const kindByNumber = new Map<number, TxKind>(
  Object.entries(txKinds).map(([name, { number }]) => [number, name as TxKind]),
);

/** Canonical bytes of a receipt; a row that was paid has an empty code. */
export function encodeReceipt(receipt: TxReceipt): Uint8Array {
  const writer = createWriter();
  writeReceipt(writer, receipt);
  return writer.finish();
}

/** Canonical bytes of each receipt: parts of one memory, because one of its own costs more than its receipt. */
export function encodeReceipts(receipts: readonly TxReceipt[]): Uint8Array[] {
  const writer = createWriter();
  const ends = receipts.map((receipt) => writeReceipt(writer, receipt));
  const all = writer.finish();
  return ends.map((end, at) => all.subarray(ends[at - 1] ?? 0, end));
}

/** Appends a receipt; where it ends. */
function writeReceipt(writer: Writer, receipt: TxReceipt): number {
  const { txId, height, index, kind, from, fee, rows } = receipt;
  writeRecord(receiptFields, writer, {
    txId,
    height,
    index,
    kind: txKinds[kind].number,
    from,
    fee,
    rows: rows?.map((row) => ({ ...row, code: row.code ?? '' })) ?? [],
  });
  return writer.sizeBytes();
}

/** Receipt of its bytes. Refusal: STORE_CORRUPT. */
export function decodeReceipt(bytes: Uint8Array): Verdict<TxReceipt> {
  try {
    const reader = createReader(bytes);
    const { kind: number, rows, ...rest } = readRecord(receiptFields, reader);
    reader.end();
    const kind = kindByNumber.get(number);
    if (!kind) throw new DecodeError(`kind ${number} is not known`);
    if (kind !== 'channel_claim' && rows.length > 0) throw new DecodeError('only claims have rows');
    const results = rows.map((row) => ({ ...row, code: codeOf(row.code) }));
    return accept({ ...rest, kind, ...(kind === 'channel_claim' ? { rows: results } : {}) });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse('STORE_CORRUPT', { what: 'a receipt', reason: error.message });
  }
}

function codeOf(text: string): ErrorCode | null {
  if (text === '') return null;
  if (!isErrorCode(text)) throw new DecodeError(`code ${text} is not known`);
  return text;
}

/** JSON form for APIs: addresses and decimal strings. */
export function receiptToJson(receipt: TxReceipt): TxReceiptJson {
  const { txId, height, index, kind, from, fee, rows } = receipt;
  return {
    txId,
    height,
    index,
    kind,
    from: addressOf(from),
    fee: fee.toString(),
    ...(rows ? { rows: rows.map((row) => ({ ...row, paid: row.paid.toString() })) } : {}),
  };
}
