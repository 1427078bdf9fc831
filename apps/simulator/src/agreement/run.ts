/**
 * One run of the small level: the real core of agreement on every node, a toy ledger under it. Faults last
 * until the plan's calm; then a block that is not final anywhere yet has to become final at every honest
 * node within 10 Δ, where Δ is the cap of the timers, `hopMaxMs`, which every plan takes well above the real
 * bound of a hop (network, execution and sync together).
 */
import { createAgreement } from '@aitbc/consensus';
import {
  type Outcome,
  type RunOptions,
  recoveryMaxDeltas,
  violationOf,
} from '../campaign/outcome.ts';
import { twinsRole } from '../cast/cast.ts';
import { createVillain } from '../cast/villain.ts';
import { createDisk } from '../engine/disk.ts';
import { createNetwork, type Network } from '../engine/network.ts';
import { createRandom, type Random } from '../engine/random.ts';
import { createWorld, type Event } from '../engine/world.ts';
import { injectFaults } from '../faults/inject.ts';
import type { Plan } from '../faults/plan.ts';
import { tearJournal } from '../faults/torn-journal.ts';
import { createObserver, type Observer } from '../observer/observer.ts';
import { type AgreementBug, agreementBug } from '../planted/agreement-bugs.ts';
import { createEpochs } from './epochs.ts';
import type { Disks, JournalRecord, LifeParts, Stage } from './life.ts';
import { type Message, type ProvenBlock, tagOf, textOf } from './messages.ts';
import { type LivingNode, startNode } from './node.ts';
import { createStubSchemes } from './stub-scheme.ts';

interface Run {
  readonly plan: Plan;
  readonly stage: Stage;
  readonly network: Network;
  readonly observer: Observer;
  readonly random: Random;
  readonly bug: AgreementBug;
  readonly disks: readonly Disks[];
  /** Living honest nodes by number. */
  readonly alive: Map<number, LivingNode>;
}

/** Runs a plan to its end or its first violation. */
export function runAgreement(plan: Plan, options: RunOptions): Outcome {
  const run = createRun(plan, options);
  try {
    const recoveryDeltas = play(run);
    return outcomeOf(run, undefined, recoveryDeltas);
  } catch (error) {
    return outcomeOf(run, violationOf(error), undefined);
  }
}

function createRun(plan: Plan, options: RunOptions): Run {
  const random = createRandom(plan.seed);
  const twins = plan.villains.filter(({ roles }) => roles.includes(twinsRole));
  const endpoints = plan.nodes + twins.length;
  const endpointsOf = Array.from({ length: plan.nodes }, (_, node) => {
    const twin = twins.findIndex((villain) => villain.node === node);
    return twin < 0 ? [node] : [node, plan.nodes + twin];
  });
  const network = createNetwork<Event<Message>>(endpoints, plan.delays, random.fork('network'));
  const clocks = [...plan.clocks, ...twins.map(({ node }) => plan.clocks[node] ?? plan.clocks[0])];
  const world = createWorld<Message>({
    endpoints,
    network,
    clocks: clocks.filter((clock) => clock !== undefined),
    tagOf,
    textOf,
    ...(options.note && { note: options.note }),
  });
  const epochs = createEpochs(plan.nodes, plan.epochBlocks, random.fork('stakes'));
  const schemes = createStubSchemes(plan.nodes, random.fork('secrets'));
  const villains = new Set(plan.villains.map(({ node }) => node));
  const bug = agreementBug(options.bug);
  let made = 0;
  const stage: Stage = {
    plan,
    world,
    epochs,
    schemes,
    createAgreement: bug.createAgreement?.(createAgreement) ?? createAgreement,
    makeBlock: (block) => {
      made += 1;
      return { ...block, hash: `b${made}` };
    },
    endpointsOf: (node) => endpointsOf[node] as readonly number[],
    counts: { forged: 0, views: [] },
  };
  const observer = createObserver({
    placesOf: epochs.of,
    nodeOfKey: Number,
    schemeOf: (epoch) => schemes.genuine(epochs.of(epoch)),
    isVillain: (node) => villains.has(node),
    atMs: () => world.nowUs() / 1000,
  });
  const disks = Array.from({ length: endpoints }, (_, at) => createDisks(stage, random, at));
  return { plan, stage, network, observer, random, bug, disks, alive: new Map() };
}

function createDisks({ world, plan }: Stage, random: Random, endpoint: number): Disks {
  const options = (name: string) => ({
    random: random.fork(`${name} ${endpoint}`),
    syncMinMs: plan.syncMinMs,
    syncMaxMs: plan.syncMaxMs,
    after: (delayMs: number, run: () => void) => world.after(endpoint, delayMs, run),
  });
  return {
    journal: createDisk<JournalRecord>(options('journal')),
    store: createDisk<ProvenBlock>(options('store')),
    isJournalLost: false,
  };
}

function play(run: Run): number {
  const { plan, stage, network, observer } = run;
  const { world } = stage;
  const villains = new Set(plan.villains.map(({ node }) => node));
  for (let node = 0; node < plan.nodes; node += 1) if (!villains.has(node)) raise(run, node);
  for (const villain of plan.villains) {
    const disks = stage.endpointsOf(villain.node).map((at) => run.disks[at] as Disks);
    createVillain({ stage, villain, network, disks, random: run.random });
  }
  injectFaults({
    plan,
    world,
    network,
    endpointsOf: stage.endpointsOf,
    victims: {
      crash: (node) => strike(run, node),
      restart: (node) => raise(run, node),
      loseJournal(node) {
        const disks = run.disks[node] as Disks;
        disks.journal.wipe();
        disks.isJournalLost = true;
      },
      tearJournal(node) {
        const disks = run.disks[node] as Disks;
        disks.silent = tearJournal(disks.journal, disks.silent);
      },
      slowDisk(node, factor) {
        run.disks[node]?.journal.slow(factor);
        run.disks[node]?.store.slow(factor);
      },
    },
  });
  world.run(plan.calmUs);
  const recovery = recover(run);
  const endedMs = world.nowUs() / 1000;
  world.run((endedMs + plan.hopMaxMs) * 1000);
  observer.checkCaught(endedMs);
  return recovery;
}

/** Waits until a block above all that was final at the calm is final at every honest node. */
function recover(run: Run): number {
  const { plan, stage, observer, alive } = run;
  const { world } = stage;
  const before = observer.finalHeight();
  const deltaUs = plan.hopMaxMs * 1000;
  const isDone = (): boolean => {
    for (const { life } of alive.values()) if (life.final.height <= before) return false;
    return true;
  };
  world.run(plan.calmUs + deltaUs * recoveryMaxDeltas(plan.nodes), isDone);
  observer.counts.liveness += 1;
  if (!isDone()) {
    const heights = [...alive].map(([node, { life }]) => `${node}:${life.final.height}`);
    observer.fail('liveness', { before, heights: heights.join(' ') });
  }
  return (world.nowUs() - plan.calmUs) / deltaUs;
}

function raise(run: Run, node: number): void {
  const { stage, bug } = run;
  const parts: LifeParts = {
    stage,
    node,
    endpoint: node,
    disks: run.disks[node] as Disks,
    random: run.random.fork(`node ${node} at ${stage.world.nowUs()}`),
    observer: run.observer,
    send: (to, message) => stage.world.send(node, to, message),
    schemeOf: (epoch) => {
      const scheme = stage.schemes.schemeFor(epoch, node);
      return bug.scheme?.(scheme, epoch) ?? scheme;
    },
    waitsForDisk: bug.waitsForDisk ?? true,
    checksRanges: bug.checksRanges ?? true,
  };
  const actor = {
    receive: (from: number, message: Message) => run.alive.get(node)?.receive(from, message),
  };
  stage.world.bear(node, actor);
  run.alive.set(node, startNode(parts));
}

function strike(run: Run, node: number): void {
  run.stage.world.kill(node);
  run.alive.delete(node);
  run.observer.died(node);
  const disks = run.disks[node] as Disks;
  disks.journal.crash();
  disks.store.crash();
  run.bug.afterCrash?.(disks);
}

function outcomeOf(
  run: Run,
  violation: Outcome['violation'],
  recoveryDeltas: number | undefined,
): Outcome {
  const { stage, observer, network, disks } = run;
  const syncs = disks.reduce(
    (sum, { journal, store }) => sum + journal.counts.syncs + store.counts.syncs,
    0,
  );
  const dropped = disks.reduce((sum, { journal }) => sum + journal.counts.dropped, 0);
  return {
    violation,
    hash: stage.world.hash(),
    events: stage.world.counts.events,
    views: stage.counts.views.reduce((sum, views) => sum + (views ?? 0), 0),
    finalBlocks: observer.finalHeight(),
    recoveryDeltas,
    checks: observer.counts,
    evidence: Object.fromEntries(observer.accusations),
    happened: { ...network.counts, syncs, droppedWrites: dropped, forged: stage.counts.forged },
  };
}
