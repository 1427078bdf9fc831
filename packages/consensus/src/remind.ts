/**
 * What is said again and what is answered. The paper on Simplex assumes links that lose nothing; ours do, so a
 * view that makes no progress repeats our votes with the certificates that prove that we may be in it. One
 * repetition sends a bounded amount: votes and certificates of at most `remindedViews` views.
 */
import type { Certificate, Hex, Vote, VoteKind } from '@aitbc/protocol';
import { voteKinds } from '@aitbc/protocol';
import { findBlock, type ViewRecord, viewAt } from './agreement-state.ts';
import { findTip } from './ancestry.ts';
import { maySign, namedBlock, ownVote, type Turn } from './turn.ts';

const remindedViews = 8; // the next leader needs those since the last block; older ones it can ask for
const refetchedBlocks = 8;
const replyCertificates = 64; // what one message of the mesh takes; who needs more asks again
const kinds = Object.keys(voteKinds) as VoteKind[];

/** Repeats what others, or we, may have lost. */
export function remind(turn: Turn): void {
  if (turn.setup.lone) return;
  refetch(turn);
  if (!isUnfinished(turn)) return;
  const { view } = turn.state;
  const lowest = Math.max(turn.state.final.view + 1, view - remindedViews);
  const votes: Vote[] = [];
  for (let at = lowest; at <= view; at += 1) votes.push(...openVotes(turn, at));
  repropose(turn, votes);
  if (votes.length > 0) turn.effects.push({ type: 'sendVotes', votes });
  const certificates = proofOfView(turn, lowest);
  if (certificates.length > 0) turn.effects.push({ type: 'sendCertificates', certificates });
}

/** True when something above the final block waits for others: a block for its votes, or a view for its end. */
function isUnfinished({ state, setup }: Turn): boolean {
  return state.views.some((record) => {
    if (record.view <= state.final.view) return false;
    if (record.notarization) return true;
    return !record.nullification && kinds.some((kind) => record[kind].votes[setup.self]);
  });
}

/** Own votes of a view that no certificate has made superfluous. */
function openVotes(turn: Turn, view: number): Vote[] {
  const record = viewAt(turn.state, view);
  if (!record || view <= turn.setup.silentThrough) return [];
  const isDone = record.notarization !== undefined || record.nullification !== undefined;
  return kinds
    .filter((kind) => kind === 'finalize' || !isDone)
    .flatMap((kind) => ownVote(turn, kind, view) ?? []);
}

/** The leader's notarize vote goes out with its proposal. */
function repropose(turn: Turn, votes: Vote[]): void {
  const { setup, state } = turn;
  if (setup.leaderOf(state.view) !== setup.self) return;
  const at = votes.findIndex(({ kind, view }) => kind === 'notarize' && view === state.view);
  if (at < 0) return;
  const [vote] = votes.splice(at, 1) as [Vote];
  turn.effects.push({ type: 'sendProposal', hash: vote.blockHash, vote });
}

function proofOfView({ state }: Turn, lowest: number): Certificate[] {
  const proof = state.finalization ? [state.finalization] : [];
  for (let view = lowest; view < state.view; view += 1) {
    proof.push(...certificatesOf(viewAt(state, view)));
  }
  return proof;
}

function certificatesOf(record: ViewRecord | undefined): Certificate[] {
  const { notarization, nullification, finalization } = record ?? {};
  return [notarization, nullification, finalization].filter((one) => one !== undefined);
}

/** Asks again for what is missing. */
function refetch(turn: Turn): void {
  const { state, effects } = turn;
  for (const { hash, view } of state.wanted.slice(0, refetchedBlocks)) {
    effects.push({ type: 'fetchBlock', hash, view });
  }
  fetchNamed(turn);
  const tip = findTip(turn);
  const hasGap = tip.type === 'lacksCertificate' && maySign(turn, state.view);
  if (!hasGap && state.clockMs === undefined) return;
  const lowest = Math.max(state.final.view + 1, hasGap ? tip.view - replyCertificates : state.view);
  effects.push({ type: 'fetchCertificates', fromView: lowest, toView: state.view });
}

/** Asks for the block that the leader has named, when it has not come by itself. */
export function fetchNamed(turn: Turn): void {
  const { state, effects } = turn;
  const hash = namedBlock(turn, state.view);
  if (hash === undefined || findBlock(state, hash)) return;
  if (state.wanted.some((wanted) => wanted.hash === hash)) return;
  effects.push({ type: 'fetchBlock', hash, view: state.view });
}

/**
 * Answers a peer that asks for certificates: the newest finalization, what proves our view, then those of the
 * views asked for, newest first, as many as fit.
 */
export function reply(
  { state, effects }: Turn,
  request: { readonly peer: Hex; readonly fromView: number; readonly toView: number },
): void {
  const { peer, fromView, toView } = request;
  const certificates: Certificate[] = state.finalization ? [state.finalization] : [];
  for (let at = state.views.length - 1; at >= 0; at -= 1) {
    const record = state.views[at] as ViewRecord;
    if (record.view <= state.final.view || record.view < fromView) break;
    if (record.view > toView && record.view !== state.view - 1) continue;
    certificates.push(...certificatesOf(record));
    if (certificates.length >= replyCertificates) break;
  }
  if (certificates.length === 0) return;
  effects.push({ type: 'reply', peer, certificates: certificates.slice(0, replyCertificates) });
}
