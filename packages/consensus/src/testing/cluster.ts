/**
 * A few cores in virtual time on a network that loses, repeats and reorders, with crashes and one liar: enough for
 * property tests of this package. The simulator in `apps/simulator` has the full cast, disks and ledgers.
 */
import type { Certificate, Evidence, Vote } from '@aitbc/protocol';
import { type Agreement, createAgreement } from '../agreement.ts';
import type { AgreementState } from '../agreement-state.ts';
import type {
  AgreedBlock,
  AgreedPoint,
  AgreementEffect,
  AgreementInput,
} from '../agreement-types.ts';
import { createLiar, type Liar } from './liar.ts';
import { type EffectOf, genesisPoint, stubBlock, stubOptions } from './member.ts';
import { stubValidators } from './stub-scheme.ts';

/** Draws a whole number from 0 to below `size`. */
export type Draw = (size: number) => number;

/** A seeded generator: 32-bit linear congruence, the upper bits. */
export function createDraw(seed: number): Draw {
  let state = (seed >>> 0) ^ 0x9e3779b9;
  return (size) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * size);
  };
}

/** What happens to a cluster. */
export interface ClusterOptions {
  readonly size: number;
  readonly draw: Draw;
  readonly lastHeight: number;
  /** Index of the liar, or none. */
  readonly liar?: number;
  /** Until then messages are lost and repeated, nodes crash and the liar is at work, ms. */
  readonly faultsMs: number;
  /** Of 100 messages so many are lost, and so many are repeated, while faults last. */
  readonly lossPercent: number;
}

/** A node and what its disk holds. */
export interface ClusterNode {
  readonly index: number;
  readonly journal: Vote[];
  readonly saved: Certificate[];
  readonly bodies: Map<string, AgreedBlock>;
  readonly commits: AgreedBlock[];
  final: AgreedPoint;
  finalization: Certificate | undefined;
  core: Agreement;
  state: AgreementState;
  /** Counts restarts: what was under way for an earlier life is void. */
  life: number;
  down: boolean;
  readonly timers: Map<string, number>;
  /** Blocks that wait for their parent, by its hash. */
  readonly waiting: Map<string, AgreedBlock[]>;
}

/** A cluster; time passes in `runCluster`. */
export interface Cluster {
  readonly options: ClusterOptions;
  readonly nodes: readonly ClusterNode[];
  readonly honest: readonly ClusterNode[];
  readonly liar: Liar | undefined;
  readonly evidence: Evidence[];
  /** Broken invariants, in words. */
  readonly problems: string[];
  readonly happenings: Happening[];
  nowMs: number;
  order: number;
  steps: number;
}

interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

const maxDelayMs = 40;
const executionMs = 5;
const downMs = 300;
const crashOdds = 150; // one in so many saves is the last thing before a crash
const waitingBlocks = 8;

/** A cluster whose nodes are about to start. */
export function createCluster(options: ClusterOptions): Cluster {
  const { size, draw } = options;
  const nodes = Array.from({ length: size }, (_, index) => createNode(options, index));
  const cluster: Cluster = {
    options,
    nodes,
    honest: nodes.filter(({ index }) => index !== options.liar),
    liar: options.liar === undefined ? undefined : createLiar(size, options.liar, draw),
    evidence: [],
    problems: [],
    happenings: [],
    nowMs: 0,
    order: 0,
    steps: 0,
  };
  for (const node of cluster.honest) {
    schedule(cluster, draw(maxDelayMs), () => feed(cluster, node, { type: 'start' }));
  }
  schedule(cluster, 1, () => lie(cluster));
  return cluster;
}

function createNode(options: ClusterOptions, index: number): ClusterNode {
  const disk = { index, journal: [], saved: [], final: genesisPoint, finalization: undefined };
  const core = createCoreOf(options, disk);
  return {
    ...disk,
    bodies: new Map(),
    commits: [],
    core,
    state: core.initial,
    life: 0,
    down: false,
    timers: new Map(),
    waiting: new Map(),
  };
}

type Disk = Pick<ClusterNode, 'index' | 'journal' | 'saved' | 'final' | 'finalization'>;

function createCoreOf({ size, lastHeight }: ClusterOptions, disk: Disk): Agreement {
  const { final, finalization, saved, journal } = disk;
  return createAgreement(
    stubOptions(size, disk.index, {
      lastHeight,
      hopMinMs: 2 * maxDelayMs,
      hopMaxMs: 16 * maxDelayMs,
      final,
      ownVotes: journal.filter(({ view }) => view > final.view),
      certificates: finalization ? [finalization, ...saved] : saved,
    }),
  );
}

/** Lets time pass until `isDone` or a deadline. */
export function runCluster(cluster: Cluster, untilMs: number, isDone = () => false): void {
  const { happenings } = cluster;
  while (happenings.length > 0 && !isDone()) {
    let first = 0;
    for (let at = 1; at < happenings.length; at += 1) {
      if (isBefore(happenings[at] as Happening, happenings[first] as Happening)) first = at;
    }
    const next = happenings[first] as Happening;
    if (next.atMs > untilMs) return;
    happenings[first] = happenings.at(-1) as Happening;
    happenings.pop();
    cluster.nowMs = next.atMs;
    next.run();
  }
}

/** Loses the power of all nodes at once; they come back one by one. */
export function crashAll(cluster: Cluster): void {
  for (const node of cluster.honest) if (!node.down) crash(cluster, node);
}

function isBefore(one: Happening, other: Happening): boolean {
  return one.atMs === other.atMs ? one.order < other.order : one.atMs < other.atMs;
}

function schedule(cluster: Cluster, delayMs: number, run: () => void): void {
  cluster.happenings.push({ atMs: cluster.nowMs + delayMs, order: cluster.order, run });
  cluster.order += 1;
}

function hasFaults({ nowMs, options }: Cluster): boolean {
  return nowMs < options.faultsMs;
}

function feed(cluster: Cluster, node: ClusterNode, input: AgreementInput): void {
  if (node.down) return;
  cluster.steps += 1;
  const next = node.core.step(node.state, input, cluster.nowMs);
  node.state = next.state;
  for (const effect of next.effects) {
    perform(cluster, node, effect);
    if (effect.type !== 'persist' || !hasFaults(cluster)) continue;
    if (cluster.options.draw(crashOdds) > 0) continue;
    crash(cluster, node);
    return;
  }
}

function crash(cluster: Cluster, node: ClusterNode): void {
  node.life += 1;
  node.down = true;
  schedule(cluster, cluster.options.draw(downMs), () => restart(cluster, node));
}

/** The disk holds the final chain, own votes, their certificates and the blocks that they name. */
function restart(cluster: Cluster, node: ClusterNode): void {
  node.down = false;
  node.timers.clear();
  node.waiting.clear();
  node.core = createCoreOf(cluster.options, node);
  node.state = node.core.initial;
  feed(cluster, node, { type: 'start' });
  const named = new Set(node.journal.map(({ blockHash }) => blockHash));
  const open = [...node.bodies.values()].filter(({ height }) => height > node.final.height);
  for (const { hash } of open) node.bodies.delete(hash);
  open.sort((a, b) => a.height - b.height);
  for (const block of open) if (named.has(block.hash)) takeBody(cluster, node, block);
}

/** After a delay, if the node is still in the same life. */
function inLife(cluster: Cluster, node: ClusterNode, later: { delayMs: number; run: () => void }) {
  const { life } = node;
  schedule(cluster, later.delayMs, () => {
    if (node.life === life && !node.down) later.run();
  });
}

function deliver(cluster: Cluster, to: number, run: (node: ClusterNode) => void): void {
  const { draw, lossPercent, liar } = cluster.options;
  const node = cluster.nodes[to] as ClusterNode;
  const isLossy = hasFaults(cluster);
  if (to === liar || (isLossy && draw(100) < lossPercent)) return;
  const copies = isLossy && draw(100) < lossPercent ? 2 : 1;
  for (let copy = 0; copy < copies; copy += 1) {
    schedule(cluster, 1 + draw(maxDelayMs), () => {
      if (!node.down) run(node);
    });
  }
}

function broadcast(cluster: Cluster, from: number, run: (node: ClusterNode) => void): void {
  for (const { index } of cluster.nodes) if (index !== from) deliver(cluster, index, run);
}

/** Executes a block once its parent is there; this toy ledger finds every block valid. */
function takeBody(cluster: Cluster, node: ClusterNode, block: AgreedBlock): void {
  if (block.parent !== genesisPoint.hash && !node.bodies.has(block.parent)) {
    const others = node.waiting.get(block.parent) ?? [];
    if (others.length < waitingBlocks) node.waiting.set(block.parent, [...others, block]);
    perform(cluster, node, { type: 'fetchBlock', hash: block.parent, view: block.view });
    return;
  }
  node.bodies.set(block.hash, block);
  inLife(cluster, node, {
    delayMs: cluster.options.draw(executionMs),
    run: () => feed(cluster, node, { type: 'block', block, valid: true }),
  });
  const next = node.waiting.get(block.hash) ?? [];
  node.waiting.delete(block.hash);
  for (const one of next) takeBody(cluster, node, one);
}

function perform(cluster: Cluster, node: ClusterNode, effect: AgreementEffect): void {
  if (effect.type === 'persist') persist(cluster, node, effect);
  else if (effect.type === 'sendVotes') sendVotes(cluster, node, effect.votes);
  else if (effect.type === 'sendCertificates') {
    for (const certificate of effect.certificates) {
      broadcast(cluster, node.index, (to) =>
        feed(cluster, to, { type: 'certificate', certificate }),
      );
    }
  } else if (effect.type === 'sendProposal') {
    const block = node.bodies.get(effect.hash);
    if (block) broadcast(cluster, node.index, (to) => takeBody(cluster, to, block));
    sendVotes(cluster, node, [effect.vote]);
  } else if (effect.type === 'commit') commit(cluster, node, effect);
  else if (effect.type === 'propose') propose(cluster, node, effect);
  else if (effect.type === 'arm') arm(cluster, node, effect);
  else if (effect.type === 'disarm') node.timers.delete(effect.timer);
  else if (effect.type === 'evidence') cluster.evidence.push(effect.evidence);
  else answer(cluster, node, effect);
}

function persist(cluster: Cluster, node: ClusterNode, effect: EffectOf<'persist'>): void {
  for (const vote of effect.votes) {
    const isRival = ({ view, kind }: Vote) =>
      view === vote.view &&
      (kind === vote.kind || (kind !== 'notarize' && vote.kind !== 'notarize'));
    if (node.journal.some(isRival)) {
      cluster.problems.push(`node ${node.index} signed twice in view ${vote.view}`);
    }
    node.journal.push(vote);
  }
  node.saved.push(...effect.certificates);
}

function sendVotes(cluster: Cluster, node: ClusterNode, votes: readonly Vote[]): void {
  for (const vote of votes) {
    if (!node.journal.includes(vote)) {
      cluster.problems.push(`node ${node.index} sent a vote that is not saved`);
    }
    broadcast(cluster, node.index, (to) => feed(cluster, to, { type: 'vote', vote }));
    cluster.liar?.sees(vote);
  }
}

function propose(cluster: Cluster, node: ClusterNode, effect: EffectOf<'propose'>): void {
  const { draw, size } = cluster.options;
  const proposer = stubValidators(size)[node.index]?.publicKey as string;
  const block = stubBlock(effect.view, effect.parent, { proposer, salt: draw(1_000) });
  inLife(cluster, node, {
    delayMs: draw(executionMs),
    run: () => takeBody(cluster, node, block),
  });
}

function arm(cluster: Cluster, node: ClusterNode, effect: EffectOf<'arm'>): void {
  const { timer, view, delayMs } = effect;
  const number = cluster.order;
  node.timers.set(timer, number);
  const run = () => {
    if (node.timers.get(timer) === number) feed(cluster, node, { type: 'timer', timer, view });
  };
  inLife(cluster, node, { delayMs, run });
}

function answer(cluster: Cluster, node: ClusterNode, effect: AgreementEffect): void {
  const { index } = node;
  if (effect.type === 'fetchBlock') {
    broadcast(cluster, index, (to) => {
      const block = to.bodies.get(effect.hash);
      if (block) deliver(cluster, index, (back) => takeBody(cluster, back, block));
    });
  } else if (effect.type === 'fetchCertificates') {
    const { fromView, toView } = effect;
    const request = { type: 'request', peer: String(index), fromView, toView } as const;
    broadcast(cluster, index, (to) => feed(cluster, to, request));
  } else if (effect.type === 'reply') {
    for (const certificate of effect.certificates) {
      deliver(cluster, Number(effect.peer), (to) =>
        feed(cluster, to, { type: 'certificate', certificate }),
      );
    }
  } else if (effect.type === 'forged') cluster.problems.push(`node ${index} met a forgery`);
}

function commit(cluster: Cluster, node: ClusterNode, effect: EffectOf<'commit'>): void {
  const { block, certificate } = effect;
  const last = node.commits.at(-1) ?? genesisPoint;
  if (block.parent !== last.hash || block.height !== last.height + 1) {
    cluster.problems.push(`node ${node.index} committed height ${block.height} out of order`);
  }
  node.commits.push(block);
  node.final = { hash: block.hash, height: block.height, view: block.view };
  node.finalization = certificate;
  for (const other of cluster.honest) {
    const theirs = other.commits[block.height - 1];
    if (theirs && theirs.hash !== block.hash) {
      cluster.problems.push(`two final blocks at height ${block.height}`);
    }
  }
}

function lie(cluster: Cluster): void {
  if (!cluster.liar || !hasFaults(cluster)) return;
  for (const { to, block, inputs } of cluster.liar.acts()) {
    if (block) deliver(cluster, to, (node) => takeBody(cluster, node, block));
    for (const input of inputs) deliver(cluster, to, (node) => feed(cluster, node, input));
  }
  schedule(cluster, 1 + cluster.options.draw(maxDelayMs), () => lie(cluster));
}
