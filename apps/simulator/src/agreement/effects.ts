/**
 * Carries out what the core wants, in order. Nothing that stands behind a `persist` happens before the
 * disk has it: the outbox stops there, and everything later queues up behind, also from later steps.
 */
import type { AgreementEffect, AgreementInput } from '@aitbc/consensus';
import type { Vote } from '@aitbc/protocol';
import { anyPeer, broadcast, type Feed, type Life } from './life.ts';
import { blockText, type Message, type ToyBlock, voteText } from './messages.ts';

/** What of a life the effects need from elsewhere. */
export interface EffectDeps {
  readonly feed: Feed;
  readonly commit: (life: Life, effect: Extract<AgreementEffect, { type: 'commit' }>) => void;
}

/** Queues the effects of a step and carries out those that need not wait. */
export function perform(life: Life, effects: readonly AgreementEffect[], deps: EffectDeps): void {
  for (const effect of effects) life.outbox.push(effect);
  drain(life, deps);
}

/** Effects of one core die with it, except votes on their way to the disk and what was found out. */
export function dropOutbox(life: Life): void {
  const kept = life.outbox.filter(({ type }) => type === 'persist' || type === 'evidence');
  life.outbox.splice(0, life.outbox.length, ...kept);
}

function drain(life: Life, deps: EffectDeps): void {
  while (!life.isSyncing) {
    const effect = life.outbox.shift();
    if (!effect) return;
    if (effect.type === 'persist') persist(life, effect, deps);
    else carryOut(life, effect, deps);
  }
}

function persist(
  life: Life,
  { votes, certificates }: Extract<AgreementEffect, { type: 'persist' }>,
  deps: EffectDeps,
): void {
  const bodies = votes
    .filter(({ kind }) => kind === 'notarize')
    .map(({ blockHash }) => life.bodies.get(blockHash))
    .filter((block) => block !== undefined);
  for (const one of certificates) life.observer?.believed(life.node, one);
  life.disks.journal.write({ votes, certificates, bodies });
  life.isSyncing = life.waitsForDisk;
  life.disks.journal.sync(() => {
    for (const vote of votes) life.observer?.durable(life.node, vote);
    if (!life.waitsForDisk) return;
    life.isSyncing = false;
    drain(life, deps);
  });
}

function carryOut(life: Life, effect: AgreementEffect, deps: EffectDeps): void {
  switch (effect.type) {
    case 'arm':
      return arm(life, effect, deps.feed);
    case 'disarm':
      life.timers.set(effect.timer, timerOf(life, effect.timer) + 1);
      return;
    case 'sendVotes':
      return sendVotes(life, effect.votes);
    case 'sendCertificates':
      for (const one of effect.certificates) life.observer?.sentCertificate(life.node, one);
      return broadcast(life, certificates(life, effect.certificates));
    case 'reply':
      return life.send(Number(effect.peer), certificates(life, effect.certificates));
    case 'sendProposal':
      return sendProposal(life, effect);
    case 'propose':
      return propose(life, effect, deps.feed);
    case 'commit':
      return deps.commit(life, effect);
    case 'evidence':
      life.stage.world.note(life.endpoint, () => `accuses ${effect.evidence.validator}`);
      return life.observer?.accused(life.node, effect.evidence);
    case 'forged':
      life.stage.counts.forged += 1;
      return;
    default:
      return fetch(life, effect);
  }
}

function arm(life: Life, effect: Extract<AgreementEffect, { type: 'arm' }>, feed: Feed): void {
  const { timer, view, delayMs } = effect;
  const turn = timerOf(life, timer) + 1;
  const { core } = life;
  life.timers.set(timer, turn);
  noteView(life, view);
  life.stage.world.after(life.endpoint, delayMs, () => {
    if (life.core !== core || timerOf(life, timer) !== turn) return;
    life.stage.world.note(life.endpoint, () => `timer ${timer} of view ${view}`);
    feed(life, { type: 'timer', timer, view });
  });
}

function noteView(life: Life, view: number): void {
  if (view <= life.view) return;
  life.view = view;
  const { views } = life.stage.counts;
  const { number } = life.epoch;
  if (life.observer && view > (views[number] ?? 0)) views[number] = view;
}

function timerOf(life: Life, timer: string): number {
  return life.timers.get(timer) ?? 0;
}

function sendVotes(life: Life, votes: readonly Vote[]): void {
  for (const vote of votes) life.observer?.sentVote(life.node, vote);
  life.stage.world.note(life.endpoint, () => `votes ${votes.map(voteText).join(' ')}`);
  broadcast(life, { type: 'votes', epoch: life.epoch.number, votes });
}

function certificates(
  life: Life,
  list: Extract<Message, { type: 'certificates' }>['certificates'],
): Extract<Message, { type: 'certificates' }> {
  return { type: 'certificates', epoch: life.epoch.number, certificates: list };
}

function sendProposal(
  life: Life,
  { hash, vote }: Extract<AgreementEffect, { type: 'sendProposal' }>,
): void {
  const block = life.bodies.get(hash);
  if (!block) return;
  life.observer?.sentVote(life.node, vote);
  life.stage.world.note(life.endpoint, () => `proposes ${blockText(block)}`);
  broadcast(life, { type: 'proposal', epoch: life.epoch.number, block, vote });
}

function propose(
  life: Life,
  { view, parent }: Extract<AgreementEffect, { type: 'propose' }>,
  feed: Feed,
): void {
  const { core } = life;
  const delayMs = life.random.unit() * life.stage.plan.executeMaxMs;
  life.stage.world.after(life.endpoint, delayMs, () => {
    if (life.core !== core || parent.height < life.final.height) return;
    const block: ToyBlock = life.stage.makeBlock({
      parent: parent.hash,
      height: parent.height + 1,
      view,
      epoch: life.epoch.number,
      proposer: String(life.node),
      isRight: true,
    });
    life.bodies.set(block.hash, block);
    life.verdicts.set(block.hash, true);
    feed(life, { type: 'block', block, valid: true });
  });
}

type Fetch = Extract<AgreementEffect, { type: 'fetchBlock' | 'fetchCertificates' }>;

function fetch(life: Life, effect: AgreementEffect): void {
  const { stage, epoch, node } = life;
  const wanted = effect as Fetch;
  const leaderView = wanted.type === 'fetchBlock' ? wanted.view : life.view;
  const leader = epoch.nodeOf(epoch.leaderOf(leaderView));
  const asked = leader === node ? [] : [life.random.pick(stage.endpointsOf(leader))];
  const message: Message =
    wanted.type === 'fetchBlock'
      ? { type: 'wantBlock', hash: wanted.hash }
      : { ...wanted, type: 'wantCertificates', epoch: epoch.number };
  for (const peer of [...asked, anyPeer(life)]) life.send(peer, message);
}

/** An input with its trace. */
export function inputText(input: AgreementInput): string {
  return input.type === 'block'
    ? `verdict ${input.valid} on ${blockText(input.block)}`
    : input.type;
}
