/**
 * Bytes of a block: header ‖ u32 count ‖ for each transaction u32 length ‖ bytes.
 *
 * The decoder reads a stranger's bytes: it looks at the size first, and no count or length in the bytes
 * makes it reserve memory. See docs/spec/chain.md, "Blocks".
 */
import { createReader, DecodeError } from '@aitbc/primitives';
import {
  accept,
  type BlockHeader,
  decodeTx,
  encodeHeader,
  headerFields,
  limits,
  type Network,
  readRecord,
  refuse,
  type SignedTx,
  type Verdict,
} from '@aitbc/protocol';

/** A block without its certificate. */
export interface BlockBody {
  readonly header: BlockHeader;
  readonly txs: readonly SignedTx[];
}

const lengthBytes = 4;
const noBytes = new Uint8Array(0);

/** Bytes that a transaction takes in a block. */
export function sizeInBlock(tx: { readonly bytes: Uint8Array }): number {
  return lengthBytes + tx.bytes.length;
}

/** Bytes of a block without transactions. */
export function emptyBodySize(header: BlockHeader): number {
  return encodeHeader(header).length + lengthBytes;
}

/** Bytes of a block. */
export function encodeBody(body: {
  readonly header: BlockHeader;
  readonly txs: readonly { readonly bytes: Uint8Array }[];
}): Uint8Array {
  const header = encodeHeader(body.header);
  let at = header.length;
  let sizeBytes = at + lengthBytes;
  for (const tx of body.txs) sizeBytes += sizeInBlock(tx);
  const all = new Uint8Array(sizeBytes);
  const view = new DataView(all.buffer);
  const put = (length: number, bytes: Uint8Array): void => {
    view.setUint32(at, length);
    all.set(bytes, at + lengthBytes);
    at += lengthBytes + bytes.length;
  };
  all.set(header);
  put(body.txs.length, noBytes);
  for (const { bytes } of body.txs) put(bytes.length, bytes);
  return all;
}

/**
 * Block of its bytes; every transaction is decoded, no signature is checked. Refusal: BLOCK_INVALID.
 */
export function decodeBody(network: Network, bytes: Uint8Array): Verdict<BlockBody> {
  if (bytes.length > limits.blockSizeBytes) return broken(0, `it has ${bytes.length} bytes`);
  try {
    const reader = createReader(bytes);
    const header = readRecord(headerFields, reader);
    const count = reader.u32();
    if (count > limits.blockTxCount) return broken(header.height, `it has ${count} transactions`);
    const txs: SignedTx[] = [];
    for (let index = 0; index < count; index += 1) {
      const tx = decodeTx(network, reader.fixed(reader.u32()));
      if (!tx.ok) return broken(header.height, `transaction ${index}: ${tx.code}`);
      txs.push(tx.value);
    }
    reader.end();
    return accept({ header, txs });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return broken(0, error.message);
  }
}

function broken(height: number, reason: string): Verdict<never> {
  return refuse('BLOCK_INVALID', { height, reason });
}
