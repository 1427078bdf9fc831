/**
 * Transactions on their way to a worker: one buffer that is handed over, not copied.
 *
 *   for each transaction: length u32 | bytes
 */

/** The transactions in one buffer of their own. */
export function packTxs(txs: readonly { readonly bytes: Uint8Array }[]): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(txs.reduce((sum, { bytes }) => sum + 4 + bytes.length, 0));
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const { bytes } of txs) {
    view.setUint32(at, bytes.length);
    packed.set(bytes, at + 4);
    at += 4 + bytes.length;
  }
  return packed;
}

/** Views of the transactions in a packed buffer. */
export function unpackTxs(packed: Uint8Array): Uint8Array[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const txs: Uint8Array[] = [];
  for (let at = 0; at < packed.length; ) {
    const end = at + 4 + view.getUint32(at);
    txs.push(packed.subarray(at + 4, end));
    at = end;
  }
  return txs;
}

/** What a worker is asked. */
export interface VerifyRequest {
  readonly id: number;
  readonly packed: Uint8Array;
}

/** What it answers: one byte for each transaction, 1 for valid. */
export interface VerifyAnswer {
  readonly id: number;
  readonly valid: Uint8Array<ArrayBuffer>;
}
