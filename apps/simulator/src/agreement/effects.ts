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
  const [first] = effects;
  if (first && effects.length === 1 && !life.isSyncing && life.outbox.length === 0) {
    act(life, first, deps);
    return;
  }
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
    act(life, effect, deps);
  }
}

function act(life: Life, effect: AgreementEffect, deps: EffectDeps): void {
  if (effect.type === 'persist') persist(life, effect, deps);
  else carryOut(life, effect, deps);
}

function persist(
  life: Life,
  { votes, certificates }: Extract<AgreementEffect, { type: 'persist' }>,
  deps: EffectDeps,
): void {
  const bodies: ToyBlock[] = [];
  for (const { kind, blockHash } of votes) {
    const body = kind === 'notarize' ? life.bodies.get(blockHash) : undefined;
    if (body) bodies.push(body);
  }
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

type Carried = Exclude<AgreementEffect, { type: 'persist' }>;

const handlers: {
  readonly [T in Carried['type']]: (
    life: Life,
    effect: Extract<Carried, { type: T }>,
    deps: EffectDeps,
  ) => void;
} = {
  arm: (life, effect, { feed }) => arm(life, effect, feed),
  disarm: (life, { timer }) => void life.timers.set(timer, timerOf(life, timer) + 1),
  sendVotes: (life, { votes }) => sendVotes(life, votes),
  sendCertificates(life, effect) {
    for (const one of effect.certificates) life.observer?.sentCertificate(life.node, one);
    broadcast(life, certificates(life, effect.certificates));
  },
  reply: (life, effect) => life.send(Number(effect.peer), certificates(life, effect.certificates)),
  sendProposal,
  propose: (life, effect, { feed }) => propose(life, effect, feed),
  commit: (life, effect, { commit }) => commit(life, effect),
  evidence(life, { evidence }) {
    life.stage.world.note(life.endpoint, () => `accuses ${evidence.validator}`);
    life.observer?.accused(life.node, evidence);
  },
  forged(life) {
    life.stage.counts.forged += 1;
  },
  fetchBlock: (life, { hash, view }) => ask(life, view, { type: 'wantBlock', hash }),
  fetchCertificates(life, { fromView, toView }) {
    const epoch = life.epoch.number;
    ask(life, life.view, { type: 'wantCertificates', epoch, fromView, toView });
  },
};

function carryOut<T extends Carried['type']>(
  life: Life,
  effect: Extract<Carried, { type: T }>,
  deps: EffectDeps,
): void {
  handlers[effect.type as T](life, effect, deps);
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
  const { world } = life.stage;
  if (world.isNoted) world.note(life.endpoint, () => `votes ${votes.map(voteText).join(' ')}`);
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

/** Asks the leader of a view, and anybody. */
function ask(life: Life, view: number, message: Message): void {
  const { stage, epoch, node } = life;
  const leader = epoch.nodeOf(epoch.leaderOf(view));
  const asked = leader === node ? [] : [life.random.pick(stage.endpointsOf(leader))];
  for (const peer of [...asked, anyPeer(life)]) life.send(peer, message);
}

/** An input as a line of a trace. */
export function inputText(input: AgreementInput): string {
  return input.type === 'block'
    ? `verdict ${input.valid} on ${blockText(input.block)}`
    : input.type;
}
