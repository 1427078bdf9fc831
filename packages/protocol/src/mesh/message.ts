/**
 * What nodes say to each other over the mesh. Everything in here is proven by signatures, certificates
 * or hashes, or is a hint that is checked before it is used; nothing is believed because of who sent it.
 * See docs/spec/consensus.md, "Mesh".
 */
import type { BlockHeader, Certificate, Vote } from '../blocks.ts';
import type { Hex } from '../fields.ts';
import type { LightBundle } from '../proofs/light-bundle.ts';

/** Where a node stands: the head of its final chain and the view it is in. A hint. */
export interface PeerStatus {
  readonly height: number;
  readonly hash: Hex;
  readonly epoch: number;
  readonly view: number;
  /** Height of the newest snapshot it serves, 0 for none. */
  readonly snapshotHeight: number;
}

/** First 8 bytes of a transaction id, hex: enough to find a waiting transaction, `txRoot` decides. */
export type ShortTxId = Hex;

/** A block with the certificate that makes it or a descendant final. */
export interface CertifiedBlock {
  /** Bytes of the block: header and transactions. */
  readonly body: Uint8Array;
  /** Finalization of this block, or of one of its descendants in the same answer. */
  readonly certificate: Certificate;
}

/** One message of the mesh. */
export type MeshMessage =
  | { readonly type: 'status'; readonly status: PeerStatus }
  | { readonly type: 'votes'; readonly votes: readonly Vote[] }
  | { readonly type: 'certificates'; readonly certificates: readonly Certificate[] }
  /** A proposal without bodies; `vote` is the leader's own notarize vote for it. */
  | {
      readonly type: 'proposal';
      readonly header: BlockHeader;
      readonly txIds: readonly ShortTxId[];
      readonly vote: Vote;
    }
  /** Transactions for the mempool, signed bytes. */
  | { readonly type: 'txs'; readonly txs: readonly Uint8Array[] }
  /** Bodies of a proposal that the asker lacks, by their place in it. */
  | { readonly type: 'wantTxs'; readonly hash: Hex; readonly places: readonly number[] }
  | {
      readonly type: 'blockTxs';
      readonly hash: Hex;
      readonly places: readonly number[];
      readonly txs: readonly Uint8Array[];
    }
  /** A whole block by its hash, final or not. */
  | { readonly type: 'wantBlock'; readonly hash: Hex }
  | { readonly type: 'block'; readonly hash: Hex; readonly body: Uint8Array }
  /** Certificates of an epoch from a view on, up to a view. */
  | {
      readonly type: 'wantCertificates';
      readonly epoch: number;
      readonly fromView: number;
      readonly toView: number;
    }
  /** Final blocks from a height on; the answer holds as many as fit. */
  | { readonly type: 'wantRange'; readonly from: number; readonly to: number }
  | { readonly type: 'range'; readonly from: number; readonly blocks: readonly CertifiedBlock[] }
  | { readonly type: 'wantSnapshot' }
  /** The newest snapshot: the final block whose state it is, and how the state is cut. */
  | {
      readonly type: 'snapshot';
      readonly bundle: LightBundle;
      /** Leaves of the state tree, the sentinel among them. */
      readonly size: number;
      /** A chunk has 2^level leaves. */
      readonly level: number;
    }
  | { readonly type: 'wantChunk'; readonly height: number; readonly chunk: number }
  | {
      readonly type: 'chunk';
      readonly height: number;
      readonly chunk: number;
      /** Entries with the siblings above them, see `decodeChunk` of the chain package; empty: not there. */
      readonly bytes: Uint8Array;
    }
  /** Header, certificate and set of a final block that has a certificate of its own. */
  | { readonly type: 'wantBundle'; readonly height: number }
  /** One bundle, or none when the block or its set is not there. */
  | {
      readonly type: 'bundle';
      readonly height: number;
      readonly bundles: readonly LightBundle[];
    };

/** Name of a message. */
export type MeshMessageType = MeshMessage['type'];
