/**
 * The seat at the table of agreement: one core for the present epoch. It is opened at the start, when an epoch
 * begins, and when blocks that were fetched have moved the head past it; each time it gets our own votes
 * and the certificates again, so it signs nothing twice, and the executed blocks above the head. Effects of the core
 * become effects of the replica in the same order. See docs/spec/replica.md, "Agreement".
 */
import { type AgreementEffect, type AgreementInput, createAgreement } from '@aitbc/consensus';
import type { Certificate, Hex } from '@aitbc/protocol';
import { feedAgain, feedKnown } from './blocks.ts';
import { want } from './fetch.ts';
import { finalise, report } from './ledger.ts';
import { emit, type Letter, type Mind, penalize, type Seat, send, validatorPeers } from './mind.ts';
import { settlePool } from './pool.ts';
import { shortIdOf } from './proposals.ts';
import { armFor, disarm } from './timers.ts';
import type { FinalBlock, NamedBody } from './types.ts';

/** Epochs that a node without its journal stays silent after the first block it saw being made. */
const silentEpochs = 2;

/** Opens the seat anew when it is not that of the head. */
export function openSeat(mind: Mind): void {
  if (!mind.isSeatStale || mind.isHalted) return;
  mind.isSeatStale = false;
  const { era, head } = mind;
  const view = head.header.epoch === era.epoch ? head.header.view : 0;
  const certificates = certificatesAbove(mind, view);
  const silentThrough = silentThroughOf(mind, era.epoch);
  const agreement = createAgreement({
    epoch: era.epoch,
    validators: era.set.validators,
    scheme: era.scheme,
    self: mind.options.self,
    final: { hash: head.hash, height: head.header.height, view },
    lastHeight: era.lastHeight,
    ownVotes: mind.ownVotes.filter((vote) => vote.epoch === era.epoch && vote.view > view),
    certificates,
    silentThrough,
    hopMinMs: era.params.hopMinMs,
    hopMaxMs: era.params.hopMaxMs,
    paced: true,
  });
  mind.seat = { epoch: era.epoch, agreement, silentThrough, state: agreement.initial };
  mind.ask = undefined;
  mind.wasWaiting = false;
  mind.inbox = [{ input: { type: 'start' }, from: undefined }];
  for (const timer of ['leader', 'progress', 'retry'] as const) disarm(mind, timer);
  feedAgain(mind);
}

/** Certificates of this epoch that still say something, and the finalization of the head. */
function certificatesAbove(mind: Mind, view: number): Certificate[] {
  const { epoch } = mind.era;
  const known = mind.seat?.epoch === epoch ? mind.seat.state.views : [];
  const inViews = known.flatMap(({ notarization, nullification, finalization }) =>
    [notarization, nullification, finalization].filter((one) => one !== undefined),
  );
  const useful = new Map<string, Certificate>();
  for (const one of [...mind.certificates, ...inViews]) {
    const isOfHead = one.blockHash === mind.head.hash;
    if (one.epoch !== epoch || (one.view <= view && !isOfHead)) continue;
    useful.set(`${one.kind}:${one.view}`, one);
  }
  mind.certificates = [...useful.values()];
  return mind.certificates;
}

function silentThroughOf(mind: Mind, epoch: number): number {
  const { silent } = mind.options.journal;
  if (!silent) return 0;
  if (silent.type === 'view') {
    if (epoch === silent.epoch) return silent.view;
    return epoch < silent.epoch ? Number.POSITIVE_INFINITY : 0;
  }
  const isSafe = mind.resumeEpoch !== undefined && epoch >= mind.resumeEpoch;
  return isSafe ? 0 : Number.POSITIVE_INFINITY;
}

/**
 * After a lost journal: a block whose time is later than our start by more than clocks may differ was made
 * after it, so every vote that we forgot is of its epoch or an older one.
 */
function noticeFreshBlock(mind: Mind, { header }: FinalBlock): void {
  if (mind.options.journal.silent?.type !== 'lost' || mind.resumeEpoch !== undefined) return;
  if (header.timeMs <= mind.startWallMs + 2 * mind.era.params.blockSkewMs) return;
  mind.resumeEpoch = header.epoch + silentEpochs;
  emit(mind, { type: 'resume', epoch: mind.resumeEpoch });
}

/** Runs what is queued for agreement. */
export function runInbox(mind: Mind): void {
  for (let letter = mind.inbox.shift(); letter; letter = mind.inbox.shift()) {
    const { seat } = mind;
    if (!seat || mind.isHalted || isForAnother(seat, letter.input)) continue;
    const { state, effects } = seat.agreement.step(seat.state, letter.input, mind.nowMs);
    seat.state = state;
    carryOut(mind, effects, letter);
    openSeat(mind);
  }
}

function isForAnother({ epoch }: Seat, input: AgreementInput): boolean {
  if (input.type === 'vote') return input.vote.epoch !== epoch;
  if (input.type === 'certificate') return input.certificate.epoch !== epoch;
  return false;
}

function carryOut(mind: Mind, effects: readonly AgreementEffect[], letter: Letter): void {
  const finals: FinalBlock[] = [];
  for (const effect of effects) {
    if (effect.type === 'commit') finals.push(commit(mind, effect.block.hash, effect.certificate));
    else {
      reportFinals(mind, finals.splice(0));
      apply(mind, effect, letter.from);
    }
  }
  reportFinals(mind, finals);
}

function commit(mind: Mind, hash: Hex, certificate: Certificate): FinalBlock {
  const final = finalise(mind, hash, certificate);
  noticeFreshBlock(mind, final);
  forgetOld(mind, final);
  mind.certificates.push(certificate);
  return final;
}

/** Votes and certificates of views that are final now say nothing any more. */
function forgetOld(mind: Mind, { header }: FinalBlock): void {
  const isOld = (one: { readonly epoch: number; readonly view: number }): boolean =>
    one.epoch < header.epoch || (one.epoch === header.epoch && one.view <= header.view);
  mind.ownVotes = mind.ownVotes.filter((vote) => !isOld(vote));
  mind.certificates = mind.certificates.filter((one) => !isOld(one));
}

/** Makes fetched blocks final. Agreement begins again above them. */
export function commitFetched(mind: Mind, hash: Hex, certificate: Certificate): void {
  reportFinals(mind, [commit(mind, hash, certificate)]);
  mind.isSeatStale = true;
}

function reportFinals(mind: Mind, finals: readonly FinalBlock[]): void {
  if (finals.length === 0) return;
  report(mind, finals);
  settlePool(mind, finals);
}

type Effect = Exclude<AgreementEffect, { readonly type: 'commit' }>;

const handlers: {
  readonly [T in Effect['type']]: (
    mind: Mind,
    effect: Extract<Effect, { readonly type: T }>,
    from: Hex | undefined,
  ) => void;
} = {
  persist,
  sendVotes(mind, { votes }) {
    send(mind, validatorPeers(mind), { type: 'votes', votes });
  },
  sendCertificates(mind, { certificates }) {
    send(mind, [...mind.peers.keys()], { type: 'certificates', certificates });
  },
  sendProposal,
  reply(mind, { peer, certificates }) {
    send(mind, [peer], { type: 'certificates', certificates });
  },
  propose(mind, { view, parent }) {
    mind.ask = { view, parent, sinceMs: mind.nowMs };
  },
  fetchBlock(mind, { hash, view }) {
    if (!feedKnown(mind, hash)) want(mind, hash, view);
  },
  fetchCertificates,
  arm: armFor,
  disarm(mind, { timer }) {
    disarm(mind, timer);
  },
  evidence: emit,
  forged(mind, _effect, from) {
    if (from !== undefined) penalize(mind, from, 'its vote or certificate is forged');
  },
};

function apply<T extends Effect['type']>(
  mind: Mind,
  effect: Extract<Effect, { readonly type: T }>,
  from: Hex | undefined,
): void {
  handlers[effect.type as T](mind, effect, from);
}

function persist(
  mind: Mind,
  { votes, certificates }: Extract<Effect, { readonly type: 'persist' }>,
): void {
  mind.ownVotes.push(...votes);
  mind.certificates.push(...certificates);
  const bodies: NamedBody[] = [];
  for (const { kind, blockHash } of votes) {
    const block = kind === 'notarize' ? mind.pending.get(blockHash) : undefined;
    if (block) bodies.push({ hash: blockHash, bytes: block.body });
  }
  emit(mind, { type: 'persist', votes, bodies, certificates });
}

function sendProposal(
  mind: Mind,
  { hash, vote }: Extract<Effect, { readonly type: 'sendProposal' }>,
): void {
  const block = mind.pending.get(hash);
  if (!block) return;
  const { header, txs } = block;
  const message = { type: 'proposal', header, txIds: txs.map(shortIdOf), vote } as const;
  send(mind, validatorPeers(mind), message);
}

/** The leader of the present view first, then the other validators in turn. */
function fetchCertificates(
  mind: Mind,
  { fromView, toView }: Extract<Effect, { readonly type: 'fetchCertificates' }>,
): void {
  const { era, seat, certificateAttempts } = mind;
  const { validators, leaderOf } = era.set;
  const leader = validators[leaderOf(seat?.state.view ?? toView)]?.publicKey;
  const order = [leader, ...validatorPeers(mind), ...mind.peers.keys()];
  const peers = [...new Set(order)].filter(
    (peer): peer is Hex => peer !== undefined && mind.peers.has(peer),
  );
  const peer = peers[certificateAttempts % Math.max(1, peers.length)];
  mind.certificateAttempts += 1;
  if (peer === undefined) return;
  send(mind, [peer], { type: 'wantCertificates', epoch: era.epoch, fromView, toView });
}
