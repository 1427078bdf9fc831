/**
 * Bytes of a block: header ‖ u32 count ‖ for each transaction u32 length ‖ bytes.
 *
 * The decoder reads a stranger's bytes: it looks at the size first, and no count or length in the bytes
 * makes it reserve memory. See docs/spec/chain.md, "Blocks".
 */
import { concat, createReader, createWriter, DecodeError } from '@aitbc/primitives';
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
  const parts: Uint8Array[] = [encodeHeader(body.header), lengthOf(body.txs.length)];
  for (const { bytes } of body.txs) parts.push(lengthOf(bytes.length), bytes);
  return concat(...parts);
}

function lengthOf(size: number): Uint8Array {
  return createWriter().u32(size).finish();
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
