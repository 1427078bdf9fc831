/**
 * Receipts of a block in one row. Height and index follow from the place, so most receipts are 74 bytes and are
 * written without a codec: this runs once for every transaction, and a writer for each would cost as much
 * as storing it.
 *
 *   plain   0 u8 | kind u8 | transaction id 32 | from 32 | fee u64
 *   other   1 u8 | length u16 | the receipt as `encodeReceipt` writes it: those that say more
 */
import { decodeReceipt, encodeReceipt, type TxReceipt } from '@aitbc/chain';
import { hex } from '@aitbc/primitives';
import { AppError, type TxKind, txKinds, unwrap } from '@aitbc/protocol';

const plainBytes = 74;

const kindByNumber = new Map<number, TxKind>(
  Object.entries(txKinds).map(([name, { number }]) => [number, name as TxKind]),
);

/** True for one that has nothing but the fields of a plain row. */
function isPlain({ rows }: TxReceipt): boolean {
  return rows === undefined;
}

/** One row of the receipts. */
export function encodeReceiptRow(receipts: readonly TxReceipt[]): Uint8Array {
  const others = receipts.map((receipt) => (isPlain(receipt) ? undefined : encodeReceipt(receipt)));
  const sizeBytes = others.reduce((sum, other) => sum + (other ? 3 + other.length : plainBytes), 0);
  const row = Buffer.allocUnsafe(sizeBytes);
  let at = 0;
  for (const [index, receipt] of receipts.entries()) {
    const other = others[index];
    if (other) {
      row.writeUInt8(1, at);
      row.writeUInt16BE(other.length, at + 1);
      row.set(other, at + 3);
      at += 3 + other.length;
      continue;
    }
    row[at] = 0;
    row[at + 1] = txKinds[receipt.kind].number;
    row.write(receipt.txId, at + 2, 'hex');
    row.write(receipt.from, at + 34, 'hex');
    row.writeBigUInt64BE(receipt.fee, at + 66);
    at += plainBytes;
  }
  return row;
}

/** Receipts of the row of a height. Throws AppError STORE_CORRUPT. */
export function decodeReceiptRow(height: number, bytes: Uint8Array): TxReceipt[] {
  const row = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const receipts: TxReceipt[] = [];
  for (let at = 0; at < row.length; ) {
    const isOther = row[at] === 1;
    if (isOther && at + 3 > row.length) throw corrupt(height);
    const sizeBytes = isOther ? 3 + row.readUInt16BE(at + 1) : plainBytes;
    if (at + sizeBytes > row.length) throw corrupt(height);
    const part = row.subarray(at, at + sizeBytes);
    const index = receipts.length;
    receipts.push(isOther ? unwrap(decodeReceipt(part.subarray(3))) : plain(part, height, index));
    at += sizeBytes;
  }
  return receipts;
}

function plain(part: Buffer, height: number, index: number): TxReceipt {
  const kind = kindByNumber.get(part[1] as number);
  if (!kind || part[0] !== 0) throw corrupt(height);
  const txId = hex(part.subarray(2, 34));
  const from = hex(part.subarray(34, 66));
  return { txId, height, index, kind, from, fee: part.readBigUInt64BE(66) };
}

function corrupt(height: number): AppError {
  const reason = `the receipts of block ${height} are not readable`;
  return new AppError('STORE_CORRUPT', { what: 'the database', reason });
}
