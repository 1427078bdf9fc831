/**
 * The rules of docs/spec/simplex.qnt in TypeScript, for one liar that has signed every vote there is: what the model
 * lets a validator do in a state. Names are those of the model, so that the two can be laid side by side.
 */
import type { VoteKind } from '@aitbc/protocol';

/** Constants of a trace: who lies, and the height of the epoch's last block. */
export interface ModelScope {
  readonly liar: number;
  readonly last: number;
}

/** A block of the model; its number is its place in the list. */
export interface ModelBlock {
  readonly view: number;
  readonly parent: number;
  readonly height: number;
}

/** A vote of an honest validator; `block` is 0 in a nullify vote. */
export interface ModelVote {
  readonly kind: VoteKind;
  readonly by: number;
  readonly view: number;
  readonly block: number;
}

/** A state of the model. */
export interface ModelState {
  readonly scope: ModelScope;
  readonly blocks: readonly ModelBlock[];
  /** View of each validator, that of the liar unused. */
  readonly views: readonly number[];
  readonly votes: readonly ModelVote[];
}

/** Votes of one kind for one block in one view, enough for a certificate. */
export type ModelQuorum = Omit<ModelVote, 'by'>;

const quorum = 3;
/** Validators of the model. */
export const modelSize = 4;

/** `init` of the model. */
export function initialModel(scope: ModelScope): ModelState {
  const blocks = [{ view: 0, parent: 0, height: 0 }];
  return { scope, blocks, views: Array.from({ length: modelSize }, () => 1), votes: [] };
}

/** The leader of a view. */
export function leader(view: number): number {
  return view % modelSize;
}

/** Honest voters of a certificate. */
export function votersOf({ votes }: ModelState, one: ModelQuorum): number[] {
  return votes
    .filter(({ kind, view, block }) => isSame({ kind, view, block }, one))
    .map(({ by }) => by)
    .sort();
}

function isSame(one: ModelQuorum, other: ModelQuorum): boolean {
  return one.kind === other.kind && one.view === other.view && one.block === other.block;
}

/** True when the honest votes and the liar's make a certificate. */
export function isQuorum(state: ModelState, one: ModelQuorum): boolean {
  return votersOf(state, one).length + 1 >= quorum;
}

/** Every certificate that can be made, each once. */
export function quorumsOf(state: ModelState): ModelQuorum[] {
  const all: ModelQuorum[] = [];
  for (const { kind, view, block } of state.votes) {
    const one = { kind, view, block };
    if (isQuorum(state, one) && !all.some((other) => isSame(one, other))) all.push(one);
  }
  return all;
}

function isNullified(state: ModelState, view: number): boolean {
  return isQuorum(state, { kind: 'nullify', view, block: 0 });
}

function hasVoted({ votes }: ModelState, { kind, by, view }: Omit<ModelVote, 'block'>): boolean {
  return votes.some((vote) => vote.kind === kind && vote.by === by && vote.view === view);
}

/** A block may be built on `parent` in a view: certified in an earlier one, all between nullified. */
function mayStandOn(state: ModelState, parent: number, view: number): boolean {
  for (let at = view - 1; at >= 0; at -= 1) {
    const isIt =
      at === 0
        ? parent === 0
        : isQuorum(state, { kind: 'notarize', view: at, block: parent }) && parent !== 0;
    if (isIt) return true;
    if (!isNullified(state, at)) return false;
  }
  return false;
}

function mayGetVote(state: ModelState, number: number, view: number): boolean {
  const block = state.blocks[number];
  if (!block) return false;
  if (block.view === view) return mayStandOn(state, block.parent, view);
  const isLast = number !== 0 && block.height === state.scope.last && block.view < view;
  return isLast && mayStandOn(state, number, view);
}

function isNamed(state: ModelState, { by, view, block }: ModelVote): boolean {
  const first = leader(view);
  if (first === state.scope.liar || first === by) return true;
  return state.votes.some(
    (vote) =>
      vote.kind === 'notarize' && vote.by === first && vote.view === view && vote.block === block,
  );
}

/** `enter`: a certificate of the present view or a later one opens the view after it. */
export function mayEnter(state: ModelState, by: number, view: number): boolean {
  if (view <= (state.views[by] as number)) return view === state.views[by];
  return quorumsOf(state).some((one) => one.view === view - 1);
}

/** Why the model does not let this validator sign this vote now, or undefined. */
export function forbids(state: ModelState, vote: ModelVote): string | undefined {
  const { kind, by, view, block } = vote;
  if (hasVoted(state, vote)) return `a second ${kind} vote`;
  if (kind === 'finalize') {
    if (hasVoted(state, { kind: 'nullify', by, view })) return 'finalize after nullify';
    if (!isQuorum(state, { kind: 'notarize', view, block })) return 'finalize, not notarized';
    return undefined;
  }
  if (!mayEnter(state, by, view)) return `${kind} outside its view`;
  if (kind === 'nullify') {
    return hasVoted(state, { kind: 'finalize', by, view }) ? 'nullify after finalize' : undefined;
  }
  if (!isNamed(state, vote)) return 'notarize, not named by the leader';
  return mayGetVote(state, block, view) ? undefined : 'notarize on a parent that may not be';
}

/** The state after a vote, and after the entry into its view that came before it. */
export function withVote(state: ModelState, vote: ModelVote): ModelState {
  const present = state.views[vote.by] as number;
  const view = vote.kind === 'finalize' ? present : Math.max(present, vote.view);
  return { ...withView(state, vote.by, view), votes: [...state.votes, vote] };
}

/** The state after an entry. */
export function withView(state: ModelState, by: number, view: number): ModelState {
  return { ...state, views: state.views.map((old, at) => (at === by ? view : old)) };
}

/** The block with all that it stands on, without block 0. */
export function chainOf({ blocks }: ModelState, number: number): number[] {
  const chain: number[] = [];
  for (let at = number; at !== 0; at = (blocks[at] as ModelBlock).parent) chain.unshift(at);
  return chain;
}

/** The longest chain that is final in the model. */
export function finalChainOf(state: ModelState): number[] {
  return quorumsOf(state)
    .filter(({ kind }) => kind === 'finalize')
    .map(({ block }) => chainOf(state, block))
    .reduce((longest, chain) => (chain.length > longest.length ? chain : longest), []);
}
