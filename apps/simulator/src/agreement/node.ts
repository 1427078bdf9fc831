/**
 * A node of the small level: builds a life from what its disks hold, and takes the messages of others.
 * See life.ts for the contract that it keeps towards the core.
 */
import type { AgreedPoint, Agreement, AgreementEffect, AgreementInput } from '@aitbc/consensus';
import { agreementWindow } from '@aitbc/consensus';
import type { Vote } from '@aitbc/protocol';
import type { Actor } from '../engine/world.ts';
import { pruneBodies, replayBodies, takeBody } from './blocks.ts';
import { answerRange, askRange, farBlocks, farViews, provenBlocks } from './catch-up.ts';
import { dropOutbox, type EffectDeps, inputText, perform } from './effects.ts';
import type { Epoch } from './epochs.ts';
import { type Disks, genesisHash, type JournalRecord, type Life, type LifeParts } from './life.ts';
import type { Message, ProvenBlock, ToyBlock } from './messages.ts';

const earlyMax = 256;
const journalPruneBlocks = 64;
/** Records of views that a core may keep beside those between the final and its own view. */
const viewSlack = agreementWindow + 16;

/** A node that is up. */
export interface LivingNode extends Actor<Message> {
  readonly life: Life;
}

/** Starts a node from its disks. */
export function startNode(parts: LifeParts): LivingNode {
  const life = createLife(parts);
  life.observer?.born(life.node, life.final.height, life.final.hash);
  for (const vote of life.saved.flatMap(({ votes }) => votes)) {
    life.observer?.durable(life.node, vote);
  }
  enterEpoch(life, life.epoch);
  const bodies = life.disks.journal.records.flatMap((record) => record.bodies);
  replayBodies(life, bodies, feed);
  return { life, receive: (from, message) => receive(life, from, message) };
}

function createLife(parts: LifeParts): Life {
  const { stage, disks } = parts;
  const stored = disks.store.records;
  const final = stored[stored.length - 1]?.block;
  const height = final?.height ?? 0;
  const epoch = stage.epochs.of(stage.epochs.numberOf(height + 1));
  const view = final?.epoch === epoch.number ? final.view : 0;
  const point: AgreedPoint = { hash: final?.hash ?? genesisHash, height, view };
  const saved = [...disks.journal.records];
  const core = createCore(parts, { epoch, final: point, saved });
  return {
    ...parts,
    epoch,
    core,
    state: core.initial,
    final: point,
    saved,
    bodies: new Map(),
    verdicts: new Map(),
    orphans: new Map(),
    outbox: [],
    isSyncing: false,
    isStoring: false,
    timers: new Map(),
    early: [],
    askedRangeAtMs: Number.NEGATIVE_INFINITY,
    view: 0,
  };
}

function createCore(parts: LifeParts, from: Pick<Life, 'epoch' | 'final' | 'saved'>): Agreement {
  const { stage, node, disks } = parts;
  const { epoch, final, saved } = from;
  const { hopMinMs, hopMaxMs } = stage.plan;
  const lastVoted = parts.observer?.lastVotedEpoch(node) ?? -1;
  const votes = saved.flatMap((record) => record.votes);
  const last = disks.store.records[disks.store.records.length - 1]?.certificate;
  const certificates = [...saved.flatMap((record) => record.certificates), ...(last ? [last] : [])];
  const isLost = disks.isJournalLost && epoch.number <= lastVoted;
  return stage.createAgreement({
    epoch: epoch.number,
    validators: epoch.validators,
    leaderOf: epoch.leaderOf,
    scheme: parts.schemeOf(epoch),
    self: String(node),
    final,
    lastHeight: epoch.lastHeight,
    ownVotes: votes.filter((vote) => vote.epoch === epoch.number && vote.view > final.view),
    certificates: certificates.filter((one) => one.epoch === epoch.number),
    silentThrough: isLost ? Number.POSITIVE_INFINITY : silentThroughOf(disks, epoch),
    hopMinMs,
    hopMaxMs,
  });
}

function silentThroughOf({ silent }: Disks, epoch: Epoch): number {
  if (!silent || silent.epoch < epoch.number) return 0;
  return silent.epoch === epoch.number ? silent.view : Number.POSITIVE_INFINITY;
}

/** Makes the core of an epoch at the present final block and starts it. */
function enterEpoch(life: Life, epoch: Epoch): void {
  life.epoch = epoch;
  life.view = 0;
  life.timers.clear();
  dropOutbox(life);
  life.saved = life.saved.filter((one) => isOfEpoch(one, epoch.number));
  life.observer?.deaf(life.node);
  life.core = createCore(life, life);
  life.state = life.core.initial;
  feed(life, { type: 'start' });
  const early = life.early.splice(0);
  for (const { from, message } of early) receive(life, from, message);
}

/** Whether a record may hold what the core of an epoch, or of a later one, is made from. */
function isOfEpoch({ votes, certificates }: Life['saved'][number], epoch: number): boolean {
  return votes.some((one) => one.epoch >= epoch) || certificates.some((one) => one.epoch >= epoch);
}

const deps: EffectDeps = { feed, commit };

function feed(life: Life, input: AgreementInput): void {
  const { world } = life.stage;
  if (world.isNoted && input.type !== 'vote' && input.type !== 'certificate') {
    world.note(life.endpoint, () => `steps on ${inputText(input)}`);
  }
  const { state, effects } = life.core.step(life.state, input, world.clockMs(life.endpoint));
  life.state = state;
  if (input.type === 'vote') watchVote(life, input.vote);
  if (effects.length === 0) return;
  for (const effect of effects) if (effect.type === 'persist') life.saved.push(effect);
  perform(life, effects, deps);
}

/** Votes of villains are followed to see that contradictions are noticed, and that memory stays bounded. */
function watchVote(life: Life, vote: Vote): void {
  if (!life.observer?.isVillain(life.epoch.nodeOf(vote.validator))) return;
  const { state } = life;
  life.observer.kept(life.node, state.views.length, state.view - state.final.view + viewSlack);
  const isOver = state.final.height >= life.epoch.lastHeight;
  if (isOver || vote.view <= state.final.view || vote.epoch !== life.epoch.number) return;
  const counted = state.views.find(({ view }) => view === vote.view)?.[vote.kind].votes[
    vote.validator
  ];
  const isGenuine = life.stage.schemes.genuine(life.epoch).verifyVote(vote);
  if (isGenuine) life.observer.heard(life.node, vote, counted?.blockHash === vote.blockHash);
}

const receivers: {
  readonly [T in Message['type']]: (
    life: Life,
    from: number,
    message: Extract<Message, { type: T }>,
  ) => void;
} = {
  votes(life, from, message) {
    if (isOfThisEpoch(life, from, message))
      for (const vote of message.votes) hear(life, from, vote);
  },
  certificates: receiveCertificates,
  proposal(life, from, message) {
    if (!isOfThisEpoch(life, from, message)) return;
    hear(life, from, message.vote);
    takeBlock(life, from, message.block);
  },
  wantBlock: (life, from, { hash }) => answerBlock(life, from, hash),
  block: (life, from, { block }) => takeBlock(life, from, block),
  wantCertificates(life, from, { epoch, fromView, toView }) {
    if (epoch < life.epoch.number) answerRange(life, from, life.final.height);
    if (epoch === life.epoch.number) {
      feed(life, { type: 'request', peer: String(from), fromView, toView });
    }
  },
  wantRange: (life, from, message) => answerRange(life, from, message.from),
  range: (life, _from, { blocks }) => takeRange(life, blocks),
};

function receive<T extends Message['type']>(
  life: Life,
  from: number,
  message: Extract<Message, { type: T }>,
): void {
  receivers[message.type as T](life, from, message);
}

/** False for messages of other epochs: the next one's wait, later ones show that we are behind. */
function isOfThisEpoch(
  life: Life,
  from: number,
  message: Extract<Message, { readonly epoch: number }>,
): boolean {
  const { epoch } = message;
  if (epoch === life.epoch.number) return true;
  if (epoch < life.epoch.number) return false;
  if (epoch === life.epoch.number + 1 && life.early.length < earlyMax) {
    life.early.push({ from, message });
  }
  askRange(life, from);
  return false;
}

function takeBlock(life: Life, from: number, block: ToyBlock): void {
  if (block.height > life.final.height + farBlocks) askRange(life, from);
  takeBody(life, block, feed);
}

function hear(life: Life, from: number, vote: Vote): void {
  if (vote.view > life.view + farViews && life.schemeOf(life.epoch).verifyVote(vote)) {
    askRange(life, from);
  }
  feed(life, { type: 'vote', vote });
}

function receiveCertificates(
  life: Life,
  from: number,
  message: Extract<Message, { type: 'certificates' }>,
): void {
  if (!isOfThisEpoch(life, from, message)) return;
  const { core } = life;
  for (const certificate of message.certificates) {
    if (life.core !== core) return;
    if (certificate.view > life.view + farViews) askRange(life, from);
    feed(life, { type: 'certificate', certificate });
  }
}

function answerBlock(life: Life, from: number, hash: string): void {
  const block =
    life.bodies.get(hash) ??
    life.disks.store.records.findLast((stored) => stored.block.hash === hash)?.block;
  if (block) life.send(from, { type: 'block', block });
}

function commit(life: Life, effect: Extract<AgreementEffect, { type: 'commit' }>): void {
  const block = life.bodies.get(effect.block.hash);
  if (!block) throw new Error(`committed ${effect.block.hash} has no body`);
  append(life, { block, certificate: effect.certificate });
  pruneBodies(life);
  if (block.height === life.epoch.lastHeight) {
    life.final = { ...life.final, view: 0 };
    enterEpoch(life, life.stage.epochs.of(life.epoch.number + 1));
  }
}

function append(life: Life, one: ProvenBlock): void {
  const { block, certificate } = one;
  life.observer?.committed(life.node, block, certificate);
  life.stage.world.fold(block.height);
  life.final = { hash: block.hash, height: block.height, view: block.view };
  life.disks.store.write(one);
  storeSoon(life);
  if (block.height % journalPruneBlocks === 0) pruneJournal(life);
}

/** One sync at a time; it covers all blocks that came meanwhile at its end by another one. */
function storeSoon(life: Life): void {
  if (life.isStoring) return;
  life.isStoring = true;
  const { height } = life.final;
  life.disks.store.sync(() => {
    life.isStoring = false;
    if (life.final.height > height) storeSoon(life);
  });
}

function pruneJournal(life: Life): void {
  const stored = life.disks.store.records;
  const last = stored[stored.length - 1]?.block;
  if (!last) return;
  const isOldBody = (block: ToyBlock): boolean => block.height <= last.height;
  const isOldRound = (one: { readonly epoch: number; readonly view: number }): boolean =>
    one.epoch < last.epoch || (one.epoch === last.epoch && one.view <= last.view);
  const isOld = ({ votes, certificates }: Pick<JournalRecord, 'votes' | 'certificates'>): boolean =>
    votes.every(isOldRound) && certificates.every(isOldRound);
  life.disks.journal.forget((one) => isOld(one) && one.bodies.every(isOldBody));
  life.saved = life.saved.filter((one) => !isOld(one));
}

/** Appends proven blocks, then goes on with a fresh core on the new end. */
function takeRange(life: Life, blocks: readonly ProvenBlock[]): void {
  const proven = provenBlocks(life, blocks);
  const last = proven[proven.length - 1];
  if (!last) return;
  const bodies = [...life.bodies.values()];
  for (const one of proven) append(life, one);
  const epoch = life.stage.epochs.of(life.stage.epochs.numberOf(last.block.height + 1));
  const view = last.block.epoch === epoch.number ? last.block.view : 0;
  life.final = { ...life.final, view };
  enterEpoch(life, epoch);
  replayBodies(life, bodies, feed);
}
