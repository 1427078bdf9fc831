/**
 * Bytes of the messages between nodes: one byte that names the message, then its parts in the order of
 * the table. One message has one encoding; a decoder refuses unknown names, lists above their bound, bytes
 * left over and whatever is longer than a frame. What a signature, a certificate or a hash proves is not
 * looked at here: decoding must stay cheaper than sending. See docs/spec/consensus.md, "Mesh".
 */
import { createReader, createWriter, DecodeError, type Reader } from '@aitbc/primitives';
import { certificateFields, headerFields } from '../blocks.ts';
import { accept, refuse, type Verdict } from '../errors.ts';
import { amount, count, hash, key, u8, u32 } from '../fields.ts';
import { limits } from '../limits.ts';
import type { LightBundle } from '../proofs/light-bundle.ts';
import type { CertifiedBlock, MeshMessage, MeshMessageType, PeerStatus } from './message.ts';
import {
  blob,
  blobs,
  fieldRecord,
  type Part,
  type PartsOf,
  partRecord,
  places,
  rows,
  shortTxId,
  vote,
} from './parts.ts';

type BodyOf<T extends MeshMessageType> = Omit<Extract<MeshMessage, { type: T }>, 'type'>;
type Body<T extends MeshMessageType> = { readonly id: number; readonly part: Part<BodyOf<T>> };

function body<T extends MeshMessageType>(id: number, parts: PartsOf<BodyOf<T>>): Body<T> {
  return { id, part: partRecord<BodyOf<T>>(parts) };
}

const header = fieldRecord(headerFields);
const certificate = fieldRecord(certificateFields);
const blockBody = blob(limits.blockSizeBytes);
const inBlock = places(limits.blockTxCount);
const status = partRecord<PeerStatus>({
  ...{ height: count, hash, epoch: count, view: count },
  snapshotHeight: count,
});
const certifiedBlock = partRecord<CertifiedBlock>({ body: blockBody, certificate });
const validator = fieldRecord({ publicKey: key, stake: amount });
const validators = rows(validator, limits.validators);
const bundle = partRecord<LightBundle>({ header, certificate, validators });

/** Name of a message → its number, which is never used again, and its parts in wire order. */
const bodies: { readonly [T in MeshMessageType]: Body<T> } = {
  status: body<'status'>(1, { status }),
  votes: body<'votes'>(2, { votes: rows(vote, limits.meshVotes) }),
  certificates: body<'certificates'>(3, {
    certificates: rows(certificate, limits.meshCertificates),
  }),
  proposal: body<'proposal'>(4, { header, txIds: rows(shortTxId, limits.blockTxCount), vote }),
  txs: body<'txs'>(5, { txs: blobs(limits.txSizeBytes, limits.meshTxs) }),
  wantTxs: body<'wantTxs'>(6, { hash, places: inBlock }),
  blockTxs: body<'blockTxs'>(7, {
    ...{ hash, places: inBlock },
    txs: blobs(limits.txSizeBytes, limits.blockTxCount),
  }),
  wantBlock: body<'wantBlock'>(8, { hash }),
  block: body<'block'>(9, { hash, body: blockBody }),
  wantCertificates: body<'wantCertificates'>(10, { epoch: count, fromView: count, toView: count }),
  wantRange: body<'wantRange'>(11, { from: count, to: count }),
  range: body<'range'>(12, { from: count, blocks: rows(certifiedBlock, limits.meshRangeBlocks) }),
  wantSnapshot: body<'wantSnapshot'>(13, {}),
  snapshot: body<'snapshot'>(14, { bundle, size: u32, level: u8 }),
  wantChunk: body<'wantChunk'>(15, { height: count, chunk: u32 }),
  chunk: body<'chunk'>(16, { height: count, chunk: u32, bytes: blob(limits.meshChunkBytes) }),
  wantBundle: body<'wantBundle'>(17, { height: count }),
  bundle: body<'bundle'>(18, { height: count, bundles: rows(bundle, 1) }),
};

const typeById = new Map(
  (Object.keys(bodies) as MeshMessageType[]).map((type) => [bodies[type].id, type]),
);

/** Bytes of a message. A message beyond a bound is a bug of its maker: RangeError. */
export function encodeMeshMessage(message: MeshMessage): Uint8Array {
  const fault = faultOf(message);
  if (fault) throw new RangeError(fault);
  const { id, part } = bodies[message.type] as Body<MeshMessageType>;
  const writer = createWriter().u8(id);
  part.write(writer, message);
  const bytes = writer.finish();
  if (bytes.length > limits.meshFrameBytes) {
    throw new RangeError(`a message of ${bytes.length} bytes is above ${limits.meshFrameBytes}`);
  }
  return bytes;
}

/** Message of its bytes; it keeps none of them. Refusal: MESH_MALFORMED. */
export function decodeMeshMessage(bytes: Uint8Array): Verdict<MeshMessage> {
  if (bytes.length > limits.meshFrameBytes) return malformed(`${bytes.length} bytes are too many`);
  try {
    const reader = createReader(bytes);
    const message = readMessage(reader);
    reader.end();
    const fault = faultOf(message);
    return fault ? malformed(fault) : accept(message);
  } catch (error) {
    if (error instanceof DecodeError) return malformed(error.message);
    throw error;
  }
}

/**
 * Bytes that a block takes in a `range`: stop before their sum passes `limits.meshFrameBytes` less
 * `rangeOverheadBytes`.
 */
export function certifiedBlockBytes({ body: blockBytes, certificate }: CertifiedBlock): number {
  return 4 + blockBytes.length + certificateHeadBytes + certificate.votes.length * ballotBytes;
}

/** Bytes of a `range` without blocks. */
export const rangeOverheadBytes = 11;

const certificateHeadBytes = 51; // kind 1, epoch 8, view 8, hash 32, number of votes 2
const ballotBytes = 66; // validator 2, signature 64

function readMessage(reader: Reader): MeshMessage {
  const id = reader.u8();
  const type = typeById.get(id);
  if (!type) throw new DecodeError(`message ${id} is not known`);
  return { type, ...bodies[type].part.read(reader) } as MeshMessage;
}

/** What the parts alone cannot say. */
function faultOf(message: MeshMessage): string | undefined {
  if (message.type !== 'blockTxs' || message.places.length === message.txs.length) return undefined;
  return `${message.txs.length} transactions for ${message.places.length} places`;
}

function malformed(reason: string): Verdict<never> {
  return refuse('MESH_MALFORMED', { reason });
}
