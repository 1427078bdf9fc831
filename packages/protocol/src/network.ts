/**
 * Which chain a message belongs to. The genesis document fixes it; its hash is part of every signed
 * message, so nothing signed for one network, or for a devnet before its reset, is valid on another.
 */
import {
  bytesFromHex,
  canonicalJson,
  concat,
  hex,
  type JsonValue,
  sha256,
  sha256Hex,
  utf8,
} from '@aitbc/primitives';
import type { Hex } from './fields.ts';
import type { ChainParams } from './params.ts';

/** The signed-message tags: each ends in NUL, none is a prefix of another. */
export const tags = Object.freeze({
  genesis: 'AITBC-GENESIS-v1\0',
  tx: 'AITBC-TX-v1\0',
  payer: 'AITBC-PAYER-v1\0',
  lane: 'AITBC-LANE-v1\0',
  mandate: 'AITBC-MANDATE-v1\0',
  task: 'AITBC-TASK-v1\0',
  multisig: 'AITBC-MULTISIG-v1\0',
  multisigSlot: 'AITBC-MULTISIGSLOT-v1\0',
  multisigProposal: 'AITBC-MULTISIGPROPOSAL-v1\0',
  block: 'AITBC-BLOCK-v1\0',
  vote: 'AITBC-VOTE-v1\0',
  channel: 'AITBC-CHANNEL-v1\0',
  voucher: 'AITBC-VOUCHER-v1\0',
  start: 'AITBC-START-v1\0',
  topUp: 'AITBC-TOPUP-v1\0',
  resume: 'AITBC-RESUME-v1\0',
  acknowledge: 'AITBC-ACKNOWLEDGE-v1\0',
  paymentReference: 'AITBC-REFERENCE-v1\0',
  txId: 'AITBC-TXID-v1\0',
  claim: 'AITBC-CLAIM-v1\0',
  refund: 'AITBC-REFUND-v1\0',
  offer: 'AITBC-OFFER-v1\0',
  receipt: 'AITBC-RECEIPT-v1\0',
  job: 'AITBC-JOB-v1\0',
  prefix: 'AITBC-PREFIX-v1\0',
  login: 'AITBC-LOGIN-v1\0',
  stake: 'AITBC-STAKE-v1\0',
  proposal: 'AITBC-PROPOSAL-v1\0',
  bus: 'AITBC-BUS-v1\0',
  draw: 'AITBC-DRAW-v1\0',
  audit: 'AITBC-AUDIT-v1\0',
  auditVote: 'AITBC-AUDITVOTE-v1\0',
  auditRecord: 'AITBC-AUDITRECORD-v1\0',
  auditReport: 'AITBC-AUDITREPORT-v1\0',
  letter: 'AITBC-LETTER-v1\0',
  notice: 'AITBC-NOTICE-v1\0',
  accountCall: 'AITBC-ACCOUNTCALL-v1\0',
});

/** Name of a tag. */
export type Tag = keyof typeof tags;

const tagBytes = Object.fromEntries(
  Object.entries(tags).map(([name, tag]) => [name, utf8(tag)]),
) as Record<Tag, Uint8Array>;

/** A validator of the genesis document. */
export interface GenesisValidator {
  /** Ed25519 public key, hex. */
  readonly publicKey: Hex;
  /** Voting weight, nait as decimal string; these coins are part of the supply. */
  readonly stake: string;
  /** Address of the account that may take the stake out; the account with the validator's key when left out. */
  readonly owner?: string;
}

/** The document every node of a network starts from. Amounts are decimal strings of nait. */
export interface Genesis {
  readonly network: string;
  readonly timeMs: number;
  readonly accounts: readonly { readonly address: string; readonly balance: string }[];
  readonly validators: readonly GenesisValidator[];
  readonly params: ChainParams;
}

/** What messages need to know of their network. */
export interface Network {
  readonly name: string;
  /** SHA-256 of the genesis document, hex. */
  readonly genesisHash: Hex;
  /** First four bytes of the hash: the short id inside transactions. */
  readonly chain: number;
  /** CAIP-2 id for x402: `aitbc:` and the first 32 hex digits. */
  readonly caip2: string;
}

/** Network identity of a genesis document. */
export function networkFromGenesis(genesis: Genesis): Network {
  const document = utf8(canonicalJson(genesis as unknown as JsonValue));
  return networkFromHash(genesis.network, hex(sha256(concat(tagBytes.genesis, document))));
}

/** Network identity of a known genesis hash. */
export function networkFromHash(name: string, genesisHash: Hex): Network {
  return {
    name,
    genesisHash,
    chain: Number.parseInt(genesisHash.slice(0, 8), 16),
    caip2: `aitbc:${genesisHash.slice(0, 32)}`,
  };
}

/** The bytes that are signed: tag ‖ genesis hash ‖ body. */
export function signingBytes(
  tag: Tag,
  network: Network,
  ...body: readonly Uint8Array[]
): Uint8Array {
  return concat(tagBytes[tag], genesisBytes(network), ...body);
}

/** SHA-256 of tag ‖ genesis hash ‖ body, hex: ids of channels, jobs, contexts. */
export function taggedHash(tag: Tag, network: Network, ...body: readonly Uint8Array[]): Hex {
  return sha256Hex(signingBytes(tag, network, ...body));
}

/** Bytes of a 32-byte hex value that is known to be well-formed. */
export function bytes32(value: Hex): Uint8Array {
  const decoded = bytesFromHex(value, 32);
  if (!decoded) throw new RangeError('expected 64 hex digits');
  return decoded;
}

/** Bytes of a 64-byte hex value, or an empty array that no check accepts. */
export function signatureBytesOf(value: Hex): Uint8Array {
  return bytesFromHex(value, 64) ?? new Uint8Array(0);
}

const genesisCache = new WeakMap<Network, Uint8Array>();

function genesisBytes(network: Network): Uint8Array {
  const known = genesisCache.get(network);
  if (known) return known;
  const decoded = bytes32(network.genesisHash);
  genesisCache.set(network, decoded);
  return decoded;
}
