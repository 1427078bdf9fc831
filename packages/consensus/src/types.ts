import type { Certificate, Hex, Vote } from '@aitbc/protocol';

/** What agreement needs to know of a block; its contents are the ledger's business. */
export interface BlockRef {
  readonly hash: Hex;
  readonly parent: Hex;
  readonly height: number;
  readonly view: number;
  /** Public key of the proposer, hex. */
  readonly proposer: Hex;
}

/** The end of the final chain; at start the genesis block with view 0. */
export interface FinalPoint {
  readonly hash: Hex;
  readonly height: number;
  readonly view: number;
}

/** What happens to the core. */
export type CoreInput =
  /** Enters the first view. Once, before any other input. */
  | { readonly type: 'start' }
  /** A proposal, own or received, that the ledger has executed; `valid` is its verdict. */
  | { readonly type: 'block'; readonly block: BlockRef; readonly valid: boolean }
  /** A vote of anybody; it is checked here. */
  | { readonly type: 'vote'; readonly vote: Vote }
  /** A certificate of anybody; it is checked here. */
  | { readonly type: 'certificate'; readonly certificate: Certificate }
  /** The timer armed for this view ran out. */
  | { readonly type: 'timer'; readonly view: number };

/** What travels between validators besides block bodies. */
export type Message =
  | { readonly type: 'vote'; readonly vote: Vote }
  | { readonly type: 'certificate'; readonly certificate: Certificate };

/**
 * What the shell has to do, in this order. `persistVotes` must be on disk before any later effect of
 * the same list is carried out.
 */
export type CoreEffect =
  | { readonly type: 'persistVotes'; readonly votes: readonly Vote[] }
  | { readonly type: 'commit'; readonly block: BlockRef; readonly certificate: Certificate }
  | { readonly type: 'send'; readonly message: Message }
  /** We lead this view: build a block on this parent and feed it back as `block`. */
  | { readonly type: 'propose'; readonly view: number; readonly parent: FinalPoint }
  | { readonly type: 'arm'; readonly view: number };

/** Signatures of one kind for one block: validator → signature. */
export type Tally = ReadonlyMap<number, Hex>;

/** What is known of one view. */
export interface Round {
  readonly view: number;
  /** Valid proposals by hash; an honest leader makes one. */
  readonly blocks: ReadonlyMap<Hex, BlockRef>;
  /** `kind:hash` → votes that were checked. */
  readonly tallies: ReadonlyMap<string, Tally>;
  /** `kind:validator` → hash that this validator voted for; a second vote of a kind never counts. */
  readonly voted: ReadonlyMap<string, Hex>;
  /** Our own votes, for resending. */
  readonly own: readonly Vote[];
  readonly notarization: Certificate | undefined;
  readonly finalization: Certificate | undefined;
}

/** Everything the core remembers. A value: `step` makes a new one. */
export interface CoreState {
  readonly started: boolean;
  /** The view we are in. */
  readonly view: number;
  /** No vote may be signed in this view or below: it may hold one from before a restart. */
  readonly votedView: number;
  /** Highest view for which a proposal was asked of the shell. */
  readonly askedView: number;
  readonly final: FinalPoint;
  /** Views above the final one; how many is bounded by `viewWindow` of core.ts. */
  readonly rounds: ReadonlyMap<number, Round>;
}

/** A new state and what to do about it. */
export interface Step {
  readonly state: CoreState;
  readonly effects: readonly CoreEffect[];
}
