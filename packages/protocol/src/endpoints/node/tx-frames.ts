/**
 * Binary frames of a WebSocket to a node: many transactions in, one answer out, without base64, JSON or an
 * object for each.
 *
 *   batch    u8 1 ‖ request id u32 ‖ count u16 ‖ count × (u32 length ‖ transaction)
 *   answer   u8 2 ‖ request id u32 ‖ count u16 ‖ count × (u8 1 ‖ txId 32  or  u8 0 ‖ u16 length ‖ code in ASCII)
 *   fault    u8 3 ‖ request id u32 ‖ u16 length ‖ code in ASCII ‖ u16 length ‖ reason in UTF-8
 *
 * A refused transaction does not stop the others. A frame that cannot be read is answered by a fault, with the
 * request id when that much was there and 0 otherwise, and nothing of it is taken. Refusals carry the code of
 * the error table and not a number, because numbers would be a second table that has to stay the same for ever.
 * See docs/spec/wire.md, "Batches of bytes".
 */
import { createReader, createWriter, DecodeError, hex } from '@aitbc/primitives';
import { accept, type ErrorCode, isErrorCode, refuse, type Verdict } from '../../errors.ts';
import { type Hex, text } from '../../fields.ts';
import { limits } from '../../limits.ts';
import { bytes32 } from '../../network.ts';

/** First byte of each frame. */
export const txFrameTypes = Object.freeze({ batch: 1, answer: 2, fault: 3 });

const codeText = text(40);
const reasonText = text(240);
const reasonCharsMax = 80; // of three bytes at most
const requestIdMax = 0xffff_ffff;

/** Transactions of one request, as their signed bytes. */
export interface TxBatch {
  readonly requestId: number;
  readonly txs: readonly Uint8Array[];
}

/** What became of one transaction: its id, or the code of its refusal. */
export type TxOutcome =
  | { readonly txId: Hex; readonly code?: undefined }
  | { readonly txId?: undefined; readonly code: ErrorCode };

/** What a node sends: outcomes in the order of the batch, or why it could not read the frame. */
export type TxReply =
  | { readonly requestId: number; readonly outcomes: readonly TxOutcome[] }
  | {
      readonly requestId: number;
      readonly fault: { readonly code: ErrorCode; readonly reason: string };
    };

/** Bytes of a batch. Throws RangeError for a request id that is no u32. */
export function encodeTxBatch({ requestId, txs }: TxBatch): Uint8Array {
  const writer = createWriter().u8(txFrameTypes.batch).u32(requestId).u16(txs.length);
  for (const tx of txs) writer.u32(tx.length).fixed(tx, tx.length);
  return writer.finish();
}

/**
 * Batch of a frame; the transactions are views of its bytes. Refusals: BAD_REQUEST. `facts.requestId` is that of
 * the frame, 0 when it has none.
 */
export function decodeTxBatch(bytes: Uint8Array): Verdict<TxBatch> {
  let requestId = 0;
  try {
    const reader = createReader(bytes);
    if (reader.u8() !== txFrameTypes.batch) throw new DecodeError('the frame is no batch');
    requestId = reader.u32();
    const count = reader.u16();
    if (count < 1 || count > limits.frameTxs) {
      throw new DecodeError(`a batch holds 1 to ${limits.frameTxs} transactions, not ${count}`);
    }
    const txs: Uint8Array[] = [];
    for (let at = 0; at < count; at += 1) txs.push(reader.fixed(reader.u32()));
    reader.end();
    return accept({ requestId, txs });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse('BAD_REQUEST', { reason: error.message, requestId });
  }
}

/** Bytes of a reply. */
export function encodeTxReply(reply: TxReply): Uint8Array {
  if ('fault' in reply) {
    const { requestId, fault } = reply;
    const writer = createWriter().u8(txFrameTypes.fault).u32(requestId);
    codeText.write(writer, fault.code);
    reasonText.write(writer, shortened(fault.reason));
    return writer.finish();
  }
  const { requestId, outcomes } = reply;
  const writer = createWriter().u8(txFrameTypes.answer).u32(requestId).u16(outcomes.length);
  for (const { txId, code } of outcomes) {
    if (code === undefined) writer.u8(1).fixed(bytes32(txId), 32);
    else codeText.write(writer.u8(0), code);
  }
  return writer.finish();
}

/** Reply of a frame. Refusal: ANSWER_INVALID. */
export function decodeTxReply(bytes: Uint8Array): Verdict<TxReply> {
  try {
    const reader = createReader(bytes);
    const type = reader.u8();
    const requestId = reader.u32();
    const reply: TxReply =
      type === txFrameTypes.fault
        ? { requestId, fault: readFault(reader) }
        : { requestId, outcomes: readOutcomes(type, reader) };
    reader.end();
    return accept(reply);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return refuse('ANSWER_INVALID', { what: 'a frame of the node', reason: error.message });
  }
}

/** What fits into a fault; a letter of two units that the cut goes through becomes a replacement character. */
function shortened(reason: string): string {
  return reason.slice(0, reasonCharsMax).replace(/\p{Surrogate}/gu, '\ufffd');
}

type Reader = ReturnType<typeof createReader>;

function readFault(reader: Reader): { code: ErrorCode; reason: string } {
  const code = readCode(reader);
  return { code, reason: reasonText.read(reader) };
}

function readOutcomes(type: number, reader: Reader): TxOutcome[] {
  if (type !== txFrameTypes.answer) throw new DecodeError(`frame type ${type} is not known`);
  const count = reader.u16();
  if (count > limits.frameTxs) throw new DecodeError(`${count} outcomes are more than were asked`);
  return Array.from({ length: count }, (): TxOutcome => {
    const isTaken = reader.u8();
    if (isTaken > 1) throw new DecodeError('an outcome is neither 0 nor 1');
    return isTaken === 1 ? { txId: hex(reader.fixed(32)) } : { code: readCode(reader) };
  });
}

function readCode(reader: Reader): ErrorCode {
  const code = codeText.read(reader);
  if (!isErrorCode(code)) throw new DecodeError('an outcome has a code that is not known');
  return code;
}

/** Request ids of one connection: 1 and up, over again after the largest. */
export function nextRequestId(last: number): number {
  return last >= requestIdMax ? 1 : last + 1;
}
