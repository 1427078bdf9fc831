/**
 * Headers, votes and certificates: what a stranger needs to check that a block is final.
 *
 * `stateRoot` is the state after the block. A block's hash is the tagged hash of its header bytes. A
 * vote signs (kind, epoch, view, block hash); a certificate is the votes of more than 2/3 of the stake for one
 * kind, epoch, view and hash. See docs/spec/chain.md, "Blocks", and docs/spec/consensus.md.
 */
import { createReader, createWriter, DecodeError, sign, verify } from '@aitbc/primitives';
import { accept, refuse, type Verdict } from './errors.ts';
import {
  count,
  type Fields,
  type Hex,
  hash,
  key,
  list,
  type RecordOf,
  readRecord,
  signature,
  u8,
  u16,
  u32,
  writeRecord,
} from './fields.ts';
import { limits } from './limits.ts';
import { bytes32, type Network, signatureBytesOf, signingBytes, taggedHash } from './network.ts';

export const headerFields = {
  version: u8,
  chain: u32,
  height: count,
  epoch: count,
  view: count,
  parent: hash,
  timeMs: count,
  proposer: key,
  txRoot: hash,
  stateRoot: hash,
  receiptRoot: hash,
  validatorsHash: hash,
  nextValidatorsHash: hash,
  evidenceRoot: hash,
} as const satisfies Fields;

/** A block header. */
export type BlockHeader = RecordOf<typeof headerFields>;

export const zeroHash: Hex = '00'.repeat(32);

/** Canonical bytes of a header. */
export function encodeHeader(header: BlockHeader): Uint8Array {
  const writer = createWriter();
  writeRecord(headerFields, writer, header);
  return writer.finish();
}

/** Header of its bytes. Refusal: BLOCK_INVALID. */
export function decodeHeader(all: Uint8Array): Verdict<BlockHeader> {
  return decodeAll(headerFields, all, (reason) => refuse('BLOCK_INVALID', { height: 0, reason }));
}

/** Hash of a block: tagged hash of its header. */
export function blockHashOf(network: Network, header: BlockHeader): Hex {
  return taggedHash('block', network, encodeHeader(header));
}

/** Kinds of votes; numbers are never used again. */
export const voteKinds = Object.freeze({ notarize: 1, nullify: 2, finalize: 3 });

/** Name of a vote kind. */
export type VoteKind = keyof typeof voteKinds;

/**
 * What a validator signs; `blockHash` is all zero in a nullify vote. Views are numbered from 1 in each
 * epoch, so both together name the round of a vote.
 */
export interface Vote {
  readonly kind: VoteKind;
  readonly epoch: number;
  readonly view: number;
  readonly blockHash: Hex;
  /** Index in the validator set. */
  readonly validator: number;
  readonly signature: Hex;
}

/** Signed bytes of a vote. */
export function voteBytes(
  network: Network,
  vote: Omit<Vote, 'validator' | 'signature'>,
): Uint8Array {
  const { kind, epoch, view } = vote;
  const writer = createWriter().u8(voteKinds[kind]).u64(BigInt(epoch)).u64(BigInt(view));
  return signingBytes('vote', network, writer.fixed(bytes32(vote.blockHash), 32).finish());
}

/** A signed vote. */
export function signVote(
  network: Network,
  vote: Omit<Vote, 'signature'>,
  secretKey: Uint8Array,
): Vote {
  const signed = sign(voteBytes(network, vote), secretKey);
  return { ...vote, signature: signature.read(createReader(signed)) };
}

/** Votes of a quorum for one kind, view and block. */
export const certificateFields = {
  kind: u8,
  epoch: count,
  view: count,
  blockHash: hash,
  votes: list({ validator: u16, signature }, limits.validators),
} as const satisfies Fields;

/** A certificate. */
export type Certificate = RecordOf<typeof certificateFields>;

/** Canonical bytes of a certificate. */
export function encodeCertificate(certificate: Certificate): Uint8Array {
  const writer = createWriter();
  writeRecord(certificateFields, writer, certificate);
  return writer.finish();
}

/** Certificate of its bytes. Refusal: CERTIFICATE_INVALID. */
export function decodeCertificate(all: Uint8Array): Verdict<Certificate> {
  return decodeAll(certificateFields, all, (reason) => refuse('CERTIFICATE_INVALID', { reason }));
}

/** A member of the validator set; stake in nait. */
export interface Validator {
  readonly publicKey: Hex;
  readonly stake: bigint;
}

/** Hash of a validator set, in its order. */
export function validatorsHashOf(network: Network, validators: readonly Validator[]): Hex {
  const writer = createWriter().u16(validators.length);
  for (const { publicKey, stake } of validators) writer.fixed(bytes32(publicKey), 32).u64(stake);
  return taggedHash('block', network, writer.finish());
}

/** Smallest stake that is more than two thirds of the whole. */
export function quorumOf(validators: readonly Validator[]): bigint {
  const total = validators.reduce((sum, { stake }) => sum + stake, 0n);
  return (total * 2n) / 3n + 1n;
}

/**
 * Checks that a certificate carries votes of a quorum, each by a different validator, in rising order,
 * each signature valid. Refusal: CERTIFICATE_INVALID.
 */
export function verifyCertificate(
  network: Network,
  validators: readonly Validator[],
  certificate: Certificate,
): Verdict<true> {
  const kind = (Object.keys(voteKinds) as VoteKind[]).find(
    (name) => voteKinds[name] === certificate.kind,
  );
  if (!kind) return refuse('CERTIFICATE_INVALID', { reason: 'its kind is not known' });
  const { epoch, view, blockHash } = certificate;
  const message = voteBytes(network, { kind, epoch, view, blockHash });
  let stake = 0n;
  let last = -1;
  for (const vote of certificate.votes) {
    const validator = validators[vote.validator];
    if (!validator || vote.validator <= last) {
      return refuse('CERTIFICATE_INVALID', { reason: 'its voters are not in order' });
    }
    if (!verify(signatureBytesOf(vote.signature), message, bytes32(validator.publicKey))) {
      return refuse('CERTIFICATE_INVALID', { reason: `vote ${vote.validator} is not signed` });
    }
    last = vote.validator;
    stake += validator.stake;
  }
  if (stake >= quorumOf(validators)) return accept(true);
  return refuse('CERTIFICATE_INVALID', { reason: 'its votes are no quorum' });
}

function decodeAll<F extends Fields>(
  fields: F,
  all: Uint8Array,
  onError: (reason: string) => Verdict<never>,
): Verdict<RecordOf<F>> {
  try {
    const reader = createReader(all);
    const record = readRecord(fields, reader);
    reader.end();
    return accept(record);
  } catch (error) {
    if (error instanceof DecodeError) return onError(error.message);
    throw error;
  }
}
