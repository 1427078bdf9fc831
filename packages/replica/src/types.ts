/**
 * The words between a replica and its shell. A replica is a node's mind: mempool, executed blocks that
 * are not final, agreement, fetching and catching up, without disk, socket, clock or randomness. The shell
 * feeds it inputs one at a time and carries out the effects in order. See docs/spec/replica.md.
 */
import type { RefusedTx, StateKey, StateReader, StateTree, TxReceipt } from '@aitbc/chain';
import type { Scheme } from '@aitbc/consensus';
import type {
  BlockHeader,
  Certificate,
  CertifiedBlock,
  ErrorCode,
  Evidence,
  Facts,
  Genesis,
  Hex,
  MeshMessage,
  SignedTx,
  Validator,
  Verdict,
  Vote,
} from '@aitbc/protocol';

/** The final block a replica stands on at its start, and the state after it. */
export interface ReplicaStart {
  readonly header: BlockHeader;
  readonly hash: Hex;
  /** Tree of the state after that block; from now on it belongs to the replica. */
  readonly tree: StateTree;
}

/** What the journal of votes held when the node started. */
export interface JournalContent {
  /** Own votes in the order of signing; those that no longer matter may be among them. */
  readonly votes: readonly Vote[];
  /** Bytes of blocks that own notarize votes name, by hash. */
  readonly bodies: ReadonlyMap<Hex, Uint8Array>;
  /** Certificates that were written with them. */
  readonly certificates: readonly Certificate[];
  /**
   * Where votes may have been forgotten. `view`: in this epoch nothing is signed in this view or below,
   * and nothing in older epochs. `lost`: nothing is signed until the epoch after next of the first block
   * that was certainly made after this start. Left out when the journal is whole.
   */
  readonly silent?:
    | { readonly type: 'view'; readonly epoch: number; readonly view: number }
    | { readonly type: 'lost' };
}

/** What a replica is made of. */
export interface ReplicaOptions {
  readonly genesis: Genesis;
  /** Our public key, hex: a validator's or a follower's. */
  readonly self: Hex;
  readonly start: ReplicaStart;
  readonly journal: JournalContent;
  /** Shortest time between two blocks, ms. */
  readonly minBlockIntervalMs: number;
}

/** What a replica uses; every call answers at once. */
export interface ReplicaDeps {
  /** State of a final block between the last one reported as `stored` and the head. */
  readonly reader: StateReader;
  /** Votes and certificates of an epoch; it signs when our key is in the set. */
  readonly schemeFor: (epoch: number, validators: readonly Validator[]) => Scheme;
  /** True when every envelope is signed as it must be. */
  readonly verifyTxs: (txs: readonly SignedTx[]) => boolean;
  /** A stored final block with its certificate; undefined when it is not stored (yet, or any more). */
  readonly readBlock: (height: number) => CertifiedBlock | undefined;
  /** True for a transaction of a stored final block. */
  readonly isStoredTx: (txId: Hex) => boolean;
  /** Height of the newest snapshot that the shell serves, 0 for none. */
  readonly snapshotHeight: () => number;
  /** Rest that a busy machine wants between two blocks, ms; none when left out. */
  readonly blockRestMs?: () => number;
}

/** Timers of a replica; arming one replaces the one of the same name. */
export type ReplicaTimer = 'leader' | 'progress' | 'retry' | 'pace' | 'fetch' | 'sync' | 'status';

/** What happens to a replica. */
export type ReplicaInput =
  /** Once, before any other input. */
  | { readonly type: 'start' }
  /** Decoded transactions whose signatures were checked; `from` is the peer they came from, none for local ones. */
  | { readonly type: 'txs'; readonly txs: readonly SignedTx[]; readonly from?: Hex }
  /** Any message of a peer; transactions in a `txs` message are checked with `verifyTxs`. */
  | { readonly type: 'message'; readonly peer: Hex; readonly message: MeshMessage }
  /** A timer ran out; `id` is that of its `arm` effect, others than the latest are ignored. */
  | { readonly type: 'timer'; readonly timer: ReplicaTimer; readonly id: number }
  /** Final blocks up to this height are on disk and in what `reader` reads. */
  | { readonly type: 'stored'; readonly height: number }
  | { readonly type: 'peerUp'; readonly peer: Hex }
  | { readonly type: 'peerDown'; readonly peer: Hex };

/** A block that is final now, with all that a store keeps of it. */
export interface FinalBlock {
  readonly header: BlockHeader;
  readonly hash: Hex;
  /** Bytes of the block. */
  readonly body: Uint8Array;
  readonly txs: readonly SignedTx[];
  readonly receipts: readonly TxReceipt[];
  readonly writes: ReadonlyMap<StateKey, Uint8Array>;
  /** Finalization of this block, or of a descendant that is final with it. */
  readonly certificate: Certificate;
  /** Number of entries before this block: written keys with this index or above are new. */
  readonly newFrom: number;
}

/** A block that an own notarize vote names. */
export interface NamedBody {
  readonly hash: Hex;
  readonly bytes: Uint8Array;
}

/**
 * What the shell has to do, in this order. `persist` must be on disk before any later effect, of this step
 * and of all later ones; everything else may be queued, but in order for each peer and for the store.
 */
export type ReplicaEffect =
  /** Own votes, the blocks that the notarize votes among them name, and the certificates they rest on. */
  | {
      readonly type: 'persist';
      readonly votes: readonly Vote[];
      readonly bodies: readonly NamedBody[];
      readonly certificates: readonly Certificate[];
    }
  | { readonly type: 'send'; readonly to: readonly Hex[]; readonly message: MeshMessage }
  /** Oldest first; report `stored` when they are on disk and readable. */
  | { readonly type: 'final'; readonly blocks: readonly FinalBlock[] }
  /** What became of a transaction that was handed in. */
  | {
      readonly type: 'txVerdict';
      readonly tx: SignedTx;
      readonly from?: Hex;
      readonly verdict: Verdict<true>;
    }
  /** Waiting transactions that will never be in a block, and why. */
  | { readonly type: 'dropped'; readonly txs: readonly RefusedTx[] }
  | {
      readonly type: 'arm';
      readonly timer: ReplicaTimer;
      readonly id: number;
      readonly delayMs: number;
    }
  | { readonly type: 'disarm'; readonly timer: ReplicaTimer }
  /** Two contradicting votes of a validator: sign and hand in an `evidence_submit`. */
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  /** A peer said what no honest node says: cut it off for a while. */
  | { readonly type: 'penalize'; readonly peer: Hex; readonly reason: string }
  /** After a lost journal: own votes are safe from this epoch on, a journal may begin there. */
  | { readonly type: 'resume'; readonly epoch: number }
  /** Nothing follows but answers to peers: this program cannot go on with this chain. */
  | { readonly type: 'halt'; readonly code: ErrorCode; readonly facts: Facts };

/** The last final block. */
export interface ReplicaHead {
  readonly header: BlockHeader;
  readonly hash: Hex;
}

/** Where agreement stands, for operators. */
export interface ReplicaStatus {
  readonly epoch: number;
  readonly view: number;
  /** Set of the present epoch. */
  readonly validators: readonly Validator[];
  /** True when our key is in the set. */
  readonly isValidator: boolean;
  /** False while votes from before the start may be unknown. */
  readonly mayVote: boolean;
  /** True while blocks are fetched by ranges. */
  readonly isSyncing: boolean;
  /** Height of the highest head that a connected peer claims, 0 for none. */
  readonly peerHeight: number;
  /** Executed blocks that are not final. */
  readonly pendingBlocks: number;
  readonly isHalted: boolean;
}

/** A node without I/O. Deterministic: equal options, answers of deps and inputs give equal effects. */
export interface Replica {
  /** `nowMs` is a monotonic clock, `wallMs` the clock on the wall that block times are made of. */
  step(input: ReplicaInput, nowMs: number, wallMs: number): ReplicaEffect[];
  head(): ReplicaHead;
  status(): ReplicaStatus;
  /** State after the head, whether it is stored yet or not. */
  readonly reader: StateReader;
  /** State tree at the head: roots, indices and proofs. */
  readonly tree: Pick<StateTree, 'root' | 'indexOf' | 'size' | 'proofOf'>;
  /** Next nonce of an account on lane 0 after its waiting transactions. */
  pendingNonce(account: Hex): number;
  /** A waiting transaction. */
  waitingTx(txId: Hex): SignedTx | undefined;
  /** Waiting transactions: how many, and their bytes. */
  mempool(): { readonly count: number; readonly sizeBytes: number };
  /** What each connected peer said last; undefined before it said anything. */
  peers(): ReadonlyMap<Hex, { readonly height: number; readonly view: number } | undefined>;
}
