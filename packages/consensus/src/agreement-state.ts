/** What a core of agreement remembers. All of it is a value: a step makes a new one and shares the rest. */
import type { Certificate, Hex, Vote } from '@aitbc/protocol';
import type { AgreedBlock, AgreedPoint } from './agreement-types.ts';

/** Votes of one kind by the place of their validator; `count` of them are there. */
export interface Ballots {
  readonly votes: readonly (Vote | undefined)[];
  readonly count: number;
}

/** A block with the ledger's verdict. */
export interface JudgedBlock extends AgreedBlock {
  readonly valid: boolean;
}

/** A block that is needed, and a view whose leader or voters have it. */
export interface WantedBlock {
  readonly hash: Hex;
  readonly view: number;
}

/** What is known of one view. Every vote and certificate in it was checked. */
export interface ViewRecord {
  readonly view: number;
  /** First vote of each validator, ours among them; a contradicting one is evidence and never counts. */
  readonly notarize: Ballots;
  readonly nullify: Ballots;
  readonly finalize: Ballots;
  readonly notarization: Certificate | undefined;
  readonly nullification: Certificate | undefined;
  readonly finalization: Certificate | undefined;
  /** Blocks first proposed in this view. */
  readonly blocks: readonly JudgedBlock[];
  /** Validators reported for contradicting votes in this view. */
  readonly convicted: readonly number[];
}

/** Everything a core remembers. */
export interface AgreementState {
  readonly started: boolean;
  /** The view we are in. */
  readonly view: number;
  readonly final: AgreedPoint;
  /** The newest finalization, once one of this epoch is known. */
  readonly finalization: Certificate | undefined;
  /** By rising view: those above the final one, and a few below for late contradictions. */
  readonly views: readonly ViewRecord[];
  /** Present estimate of the longest hop, ms. */
  readonly hopMs: number;
  /** Times from the clock of a view to its notarization, ms, newest last. */
  readonly samplesMs: readonly number[];
  /** When the present view's time to propose began; undefined while there is no work. */
  readonly clockMs: number | undefined;
  readonly working: boolean;
  /** The leader of the present view had shown no vote for many views when we entered it. */
  readonly leaderGone: boolean;
  /** Highest view in which each validator was seen to vote. */
  readonly seenIn: readonly number[];
  /** Highest view for which a proposal was asked of the shell. */
  readonly askedView: number;
  /** Highest view for which missing certificates were asked; asked again by the retry timer. */
  readonly fetchedView: number;
  readonly wanted: readonly WantedBlock[];
  /** Certificates that no `persist` has carried yet. */
  readonly unsaved: readonly Certificate[];
}

const noBallots: Ballots = Object.freeze({ votes: Object.freeze([]), count: 0 });

/** A view of which nothing is known. */
export function emptyView(view: number): ViewRecord {
  return {
    view,
    notarize: noBallots,
    nullify: noBallots,
    finalize: noBallots,
    notarization: undefined,
    nullification: undefined,
    finalization: undefined,
    blocks: [],
    convicted: [],
  };
}

/** The ballots with one more; its validator must have none in there. */
export function withBallot(ballots: Ballots, vote: Vote): Ballots {
  const votes = ballots.votes.slice();
  while (votes.length < vote.validator) votes.push(undefined);
  votes[vote.validator] = vote;
  return { votes, count: ballots.count + 1 };
}

/** The record of a view, if anything is known of it. */
export function viewAt(state: Pick<AgreementState, 'views'>, view: number): ViewRecord | undefined {
  const { views } = state;
  for (let at = views.length - 1; at >= 0; at -= 1) {
    const record = views[at] as ViewRecord;
    if (record.view === view) return record;
    if (record.view < view) return undefined;
  }
  return undefined;
}

/** Hash of the block that a view certified; a finalization says no less than a notarization. */
export function certifiedHash(record: ViewRecord | undefined): Hex | undefined {
  return (record?.notarization ?? record?.finalization)?.blockHash;
}

/** A block above the final one by its hash. */
export function findBlock(state: AgreementState, hash: Hex): JudgedBlock | undefined {
  for (let at = state.views.length - 1; at >= 0; at -= 1) {
    const record = state.views[at] as ViewRecord;
    if (record.view <= state.final.view) return undefined;
    const found = blockIn(record, hash);
    if (found) return found;
  }
  return undefined;
}

/** A block of one view by its hash. */
export function blockIn(record: ViewRecord | undefined, hash: Hex): JudgedBlock | undefined {
  return record?.blocks.find((block) => block.hash === hash);
}
