/**
 * Counting votes and certificates.
 *
 * A vote is looked at in this order: is it in the window, is it new, is it of use, is it signed. Nothing is
 * verified twice, and what a certificate has already proved is not verified at all. The first vote of a kind of
 * a validator in a view counts; one that contradicts it is reported as evidence, once per validator and view.
 */
import type { Certificate, Hex, SignedBallot, Vote, VoteKind } from '@aitbc/protocol';
import { voteKinds, zeroHash } from '@aitbc/protocol';
import { type AgreementState, type ViewRecord, viewAt, withBallot } from './agreement-state.ts';
import type { AgreementInput } from './agreement-types.ts';
import { maySign, type OpenView, openView, ownVote, reaches, type Turn } from './turn.ts';

/** Views above the present one in which votes are kept, and none further is signed. */
export const agreementWindow = 256;
/** Views at and below the final one that are kept for contradictions that come late. */
export const keptFinalViews = 4;
/** A validator that showed no vote for this many views is held for gone; seen again twice as often. */
export const silentViews = 8;

const kindNames = Object.freeze(
  (Object.keys(voteKinds) as VoteKind[]).sort((a, b) => voteKinds[a] - voteKinds[b]),
);
const certificateNames = Object.freeze({
  notarize: 'notarization',
  nullify: 'nullification',
  finalize: 'finalization',
} as const);
const opposites = Object.freeze({
  notarize: undefined,
  nullify: 'finalize',
  finalize: 'nullify',
} as const);

/** Kind of the votes in a certificate, or undefined when there is no such kind. */
export function kindOf({ kind }: Certificate): VoteKind | undefined {
  return kindNames[kind - 1];
}

/** True when a step with this input would change nothing and say nothing: most of what many peers send is known. */
export function isKnown(state: AgreementState, input: AgreementInput): boolean {
  if (input.type === 'vote') {
    const { kind, view, validator, blockHash } = input.vote;
    return viewAt(state, view)?.[kind].votes[validator]?.blockHash === blockHash;
  }
  if (input.type !== 'certificate') return false;
  const { view, blockHash } = input.certificate;
  if (view <= state.final.view) return true;
  const kind = kindOf(input.certificate);
  return (
    kind !== undefined && viewAt(state, view)?.[certificateNames[kind]]?.blockHash === blockHash
  );
}

/** Takes a vote of anybody. */
export function takeVote(turn: Turn, vote: Vote): void {
  const { setup, state, effects } = turn;
  const { kind, view, validator } = vote;
  if (vote.epoch !== setup.epoch || !setup.validators[validator]) return;
  if (view <= state.final.view - keptFinalViews || view > state.view + agreementWindow) return;
  if ((kind === 'nullify') !== (vote.blockHash === zeroHash)) return;
  const record = viewAt(state, view);
  const held = record?.[kind].votes[validator];
  if (held?.blockHash === vote.blockHash) return;
  const against = contradicted(record, vote);
  if (against && record?.convicted.includes(validator)) return;
  if (!against && isIdle(turn, record, vote)) return;
  if (!setup.scheme.verifyVote(vote)) effects.push({ type: 'forged' });
  else if (against) convict(turn, against, vote);
  else countVote(turn, vote);
}

/** The vote of the same validator that contradicts this one. */
function contradicted(record: ViewRecord | undefined, vote: Vote): Vote | undefined {
  const held = record?.[vote.kind].votes[vote.validator];
  if (held) return held.blockHash === vote.blockHash ? undefined : held;
  const opposite = opposites[vote.kind];
  return opposite && record?.[opposite].votes[vote.validator];
}

/** True when a vote decides nothing any more; now and then one is taken as a sign of life. */
function isIdle({ state }: Turn, record: ViewRecord | undefined, vote: Vote): boolean {
  if (vote.view > state.final.view && !record?.[certificateNames[vote.kind]]) return false;
  return (state.seenIn[vote.validator] as number) >= vote.view - silentViews / 2;
}

function convict(turn: Turn, first: Vote, second: Vote): void {
  const { validator } = first;
  const record = openView(turn, first.view);
  if (record.convicted.includes(validator)) return;
  record.convicted = [...record.convicted, validator];
  const publicKey = turn.setup.validators[validator]?.publicKey as Hex;
  turn.effects.push({
    type: 'evidence',
    evidence: { validator: publicKey, first: ballotOf(first), second: ballotOf(second) },
  });
}

function ballotOf({ kind, epoch, view, blockHash, signature }: Vote): SignedBallot {
  return { kind, epoch, view, blockHash, signature };
}

/** Counts a checked vote that contradicts none; a quorum becomes a certificate, which is sent. */
export function countVote(turn: Turn, vote: Vote): void {
  const { setup, state } = turn;
  const record = openView(turn, vote.view);
  record[vote.kind] = withBallot(record[vote.kind], vote);
  noteSeen(turn, vote);
  if (vote.view <= state.final.view) return;
  if (vote.view === state.view) turn.dirty ||= isAwaited(turn, record, vote);
  const certificate = certify(turn, record, vote);
  if (!certificate) return;
  putCertificate(turn, record, certificate);
  if (!setup.lone) turn.effects.push({ type: 'sendCertificates', certificates: [certificate] });
}

function isAwaited({ setup }: Turn, record: ViewRecord, vote: Vote): boolean {
  if (vote.kind === 'nullify') return record.nullify.count >= setup.blocking.voters;
  return vote.kind === 'notarize' && vote.validator === setup.leaderOf(vote.view);
}

function noteSeen({ state }: Turn, { validator, view }: Vote): void {
  if ((state.seenIn[validator] as number) >= view) return;
  const seenIn = state.seenIn.slice();
  seenIn[validator] = view;
  state.seenIn = seenIn;
}

function certify({ setup }: Turn, record: ViewRecord, vote: Vote): Certificate | undefined {
  const { kind, epoch, view, blockHash } = vote;
  const { votes, count } = record[kind];
  if (count < setup.quorum.voters || record[certificateNames[kind]]) return undefined;
  if (!reaches(setup, votes, { weight: setup.quorum, blockHash })) return undefined;
  const tally = new Map<number, Hex>();
  for (const each of votes) {
    if (each?.blockHash === blockHash) tally.set(each.validator, each.signature);
  }
  return setup.scheme.assemble({ kind, epoch, view, blockHash }, tally);
}

function putCertificate(turn: Turn, record: OpenView, certificate: Certificate): void {
  const kind = kindOf(certificate) as VoteKind;
  record[certificateNames[kind]] = certificate;
  turn.news.push(certificate);
  if (kind === 'finalize' || turn.setup.self < 0) return;
  turn.state.unsaved = [...turn.state.unsaved, certificate];
}

/** Takes a certificate of anybody, of any view above the final one: only a quorum can have made it. */
export function takeCertificate(turn: Turn, certificate: Certificate): void {
  const { setup, state, effects } = turn;
  const kind = kindOf(certificate);
  if (!kind || certificate.epoch !== setup.epoch || certificate.view <= state.final.view) return;
  if ((kind === 'nullify') !== (certificate.blockHash === zeroHash)) return;
  const held = viewAt(state, certificate.view);
  const other = held?.[certificateNames[kind]];
  if (other?.blockHash === certificate.blockHash) return;
  if (other && certificate.votes.every(({ validator }) => isConvicted(held, validator))) return;
  if (!setup.scheme.verifyCertificate(certificate)) {
    effects.push({ type: 'forged' });
    return;
  }
  takeVotesOf(turn, certificate, kind);
  const record = openView(turn, certificate.view);
  if (!record[certificateNames[kind]]) putCertificate(turn, record, certificate);
}

function isConvicted(record: ViewRecord | undefined, validator: number): boolean {
  return record?.convicted.includes(validator) ?? false;
}

/** The votes of a certificate are checked with it; they may contradict others of their validators. */
function takeVotesOf(turn: Turn, certificate: Certificate, kind: VoteKind): void {
  const { epoch, view, blockHash } = certificate;
  const record = openView(turn, view);
  for (const { validator, signature } of certificate.votes) {
    const vote: Vote = { kind, epoch, view, blockHash, validator, signature };
    const against = contradicted(record, vote);
    if (against) convict(turn, against, vote);
    else if (!record[kind].votes[validator]) {
      record[kind] = withBallot(record[kind], vote);
      noteSeen(turn, vote);
    }
  }
}

/** Signs a vote of our own and counts it, unless an earlier one, or silence, forbids it. */
export function castVote(
  turn: Turn,
  kind: VoteKind,
  at: { view: number; hash: Hex },
): Vote | undefined {
  const { setup } = turn;
  if (!maySign(turn, at.view) || ownVote(turn, kind, at.view)) return undefined;
  const opposite = opposites[kind];
  if (opposite && ownVote(turn, opposite, at.view)) return undefined;
  const vote = setup.scheme.sign({ kind, epoch: setup.epoch, view: at.view, blockHash: at.hash });
  if (!vote) return undefined;
  turn.signed.push(vote);
  turn.sends.push(vote);
  countVote(turn, vote);
  return vote;
}
