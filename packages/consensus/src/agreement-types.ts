/**
 * The words between the core of agreement and its shell. One core serves one epoch: the validator set
 * is fixed while it lives, and the shell makes the next core when the epoch's last block is final.
 */
import type { Certificate, Evidence, Hex, LeaderOf, Validator, Vote } from '@aitbc/protocol';
import type { Scheme } from './scheme.ts';

/** What agreement needs to know of a block; its contents are the ledger's business. */
export interface AgreedBlock {
  readonly hash: Hex;
  readonly parent: Hex;
  readonly height: number;
  /** View it was first proposed in. */
  readonly view: number;
  /** Public key of the proposer, hex. */
  readonly proposer: Hex;
}

/** The block an epoch's first block stands on (view 0), or a later final block of this epoch. */
export interface AgreedPoint {
  readonly hash: Hex;
  readonly height: number;
  readonly view: number;
}

/** What a core is made of. */
export interface AgreementOptions {
  readonly epoch: number;
  readonly validators: readonly Validator[];
  /** The schedule of these validators, if it is known already; making one costs more than the rest of a core. */
  readonly leaderOf?: LeaderOf;
  readonly scheme: Scheme;
  /** Our public key, hex; without one, or with one outside the set, the core observes. */
  readonly self?: Hex;
  /** Where the stored chain ends. */
  readonly final: AgreedPoint;
  /** Height of the last block of this epoch: nothing is proposed above it. */
  readonly lastHeight: number;
  /** Own votes of this epoch that the journal holds above the final view, in the order of signing. */
  readonly ownVotes: readonly Vote[];
  /** Certificates of this epoch that the journal holds, and the finalization of `final` if it is of this epoch. */
  readonly certificates?: readonly Certificate[];
  /** Nothing is signed in this view or below: votes there may be unknown. 0 when the log is whole; Infinity to observe. */
  readonly silentThrough: number;
  /** Bounds of the assumed longest hop, ms. */
  readonly hopMinMs: number;
  readonly hopMaxMs: number;
  /** True when the shell will say with `work` inputs when a block is worth making; else it always is. */
  readonly paced?: boolean;
}

/** Timers of a core; arming one replaces the one of the same name. */
export type AgreementTimer = 'leader' | 'progress' | 'retry';

/** What happens to a core. `nowMs` of a step is a monotonic clock. */
export type AgreementInput =
  /** Enters the first view. Once, before any other input. */
  | { readonly type: 'start' }
  /**
   * A block that the ledger has executed on its parent; `valid` is the verdict. Own proposals too. A block
   * that was not valid only for voting (its time) is fed again as valid when a certificate names it.
   */
  | { readonly type: 'block'; readonly block: AgreedBlock; readonly valid: boolean }
  /** A vote of anybody; it is checked here. The leader's notarize vote names its proposal. */
  | { readonly type: 'vote'; readonly vote: Vote }
  /** A certificate of anybody; it is checked here. */
  | { readonly type: 'certificate'; readonly certificate: Certificate }
  | { readonly type: 'timer'; readonly timer: AgreementTimer; readonly view: number }
  /**
   * For `paced` cores: a transaction waits or a heartbeat is due, or no longer. A view's time to propose runs
   * from its entry or from the first moment with work, whichever is later; an idle view never times out.
   */
  | { readonly type: 'work'; readonly waiting: boolean }
  /** A peer asks for certificates of the views from–to. */
  | {
      readonly type: 'request';
      readonly peer: Hex;
      readonly fromView: number;
      readonly toView: number;
    };

/** What the shell has to do, in this order; `persist` must be on disk before any later effect of the list. */
export type AgreementEffect =
  /**
   * Own votes, with the blocks that the notarize votes among them name: both must survive a crash. Beside
   * them the certificates learned since the last `persist`: they are why these votes could be signed, and
   * without them a network that loses power as a whole might lack the lost votes of a liar to go on.
   */
  | {
      readonly type: 'persist';
      readonly votes: readonly Vote[];
      readonly certificates: readonly Certificate[];
    }
  /** Final now, oldest first; the certificate may be that of a descendant. */
  | { readonly type: 'commit'; readonly block: AgreedBlock; readonly certificate: Certificate }
  | { readonly type: 'sendVotes'; readonly votes: readonly Vote[] }
  | { readonly type: 'sendCertificates'; readonly certificates: readonly Certificate[] }
  /** Send our own proposal; `vote` is our notarize vote for it. */
  | { readonly type: 'sendProposal'; readonly hash: Hex; readonly vote: Vote }
  /** Answer to a `request`. */
  | {
      readonly type: 'reply';
      readonly peer: Hex;
      readonly certificates: readonly Certificate[];
    }
  /** We lead this view: build a block on this parent and feed it back as `block`. Void once the view is over. */
  | { readonly type: 'propose'; readonly view: number; readonly parent: AgreedPoint }
  /** A block is needed whose verdict we do not have; ask whoever proposed or certified it. */
  | { readonly type: 'fetchBlock'; readonly hash: Hex; readonly view: number }
  /** Certificates of these views are needed; ask the leader of the present view first, then anyone. */
  | { readonly type: 'fetchCertificates'; readonly fromView: number; readonly toView: number }
  | {
      readonly type: 'arm';
      readonly timer: AgreementTimer;
      readonly view: number;
      readonly delayMs: number;
    }
  | { readonly type: 'disarm'; readonly timer: AgreementTimer }
  | { readonly type: 'evidence'; readonly evidence: Evidence }
  /** The vote or certificate of this step is not signed as it says: whoever sent it lies. */
  | { readonly type: 'forged' };
