/**
 * One run of the large level: whole replicas under faults while people pay each other. After the calm a block
 * that is new everywhere has to become final at every honest node in time; then the chain is judged as a whole.
 */
import type { StateKey } from '@aitbc/chain';
import { decodeMeshMessage, encodeMeshMessage, type MeshMessage, unwrap } from '@aitbc/protocol';
import {
  type Outcome,
  type RunOptions,
  recoveryMaxDeltas,
  violationOf,
} from '../campaign/outcome.ts';
import { twinsRole } from '../cast/cast.ts';
import { naiveDifference } from '../commerce/naive-ledger.ts';
import { createDisk } from '../engine/disk.ts';
import { createNetwork, type Network } from '../engine/network.ts';
import { createRandom, type Random } from '../engine/random.ts';
import { createWorld, type Event } from '../engine/world.ts';
import { injectFaults } from '../faults/inject.ts';
import type { Plan } from '../faults/plan.ts';
import { tearJournal } from '../faults/torn-journal.ts';
import { createObserver, type Observer } from '../observer/observer.ts';
import { wholeBug } from '../planted/whole-bugs.ts';
import { createGround, type SetOfEpoch } from './ground.ts';
import {
  type Disks,
  type JournalRecord,
  type Stage,
  type StoredBlock,
  startLife,
  type WholeLife,
} from './life.ts';
import { createWholeVillain } from './villain.ts';
import { createWatch, entriesInOrder, type Watch } from './watch.ts';
import { createWorkload } from './workload.ts';

interface Run {
  readonly plan: Plan;
  readonly stage: Stage;
  readonly network: Network;
  readonly observer: Observer;
  readonly watch: Watch;
  readonly random: Random;
  readonly disks: readonly Disks[];
  /** Living nodes by endpoint. */
  readonly alive: Map<number, WholeLife>;
  readonly villains: ReadonlySet<number>;
  /** Highest view of honest nodes, by epoch. */
  readonly views: number[];
}

/** Every fourth seed sends messages as bytes, through the codec of the mesh. */
const codecEvery = 4;
/** Longest stay behind after the calm that is not agreement's: a peer that failed rests, a range is fetched. */
const syncMs = 12_000;

/** Runs a plan to its end or its first violation. */
export function runWhole(plan: Plan, options: RunOptions): Outcome {
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
  const places = Array.from({ length: plan.nodes }, (_, node) => [node]);
  for (const [at, { node }] of twins.entries()) places[node]?.push(plan.nodes + at);
  const nodeAt = (endpoint: number): number => twins[endpoint - plan.nodes]?.node ?? endpoint;
  const endpoints = plan.nodes + twins.length;
  const network = createNetwork<Event<MeshMessage>>(endpoints, plan.delays, random.fork('network'));
  const clocks = Array.from({ length: endpoints }, (_, at) => plan.clocks[nodeAt(at)]);
  const world = createWorld<MeshMessage>({
    endpoints,
    network,
    clocks: clocks.filter((clock) => clock !== undefined),
    tagOf,
    textOf,
    ...(options.note && { note: options.note }),
  });
  const ground = createGround(plan);
  const skew = random.fork('wall');
  const skewMaxMs = Math.floor(ground.genesis.params.blockSkewMs / 4);
  const stage: Stage = {
    world,
    ground,
    minBlockIntervalMs: Math.round(plan.delays.boundUs / 2_000),
    endpointsOf: (node) => places[node] ?? [],
    nodeAt,
    wallSkewMs: places.map(() => skew.between(-skewMaxMs, skewMaxMs)),
    bug: wholeBug(options.bug),
  };
  const villains = new Set(plan.villains.map(({ node }) => node));
  const isVillain = (node: number): boolean => villains.has(node);
  const sets = new Map<number, SetOfEpoch>();
  const setOf = (epoch: number): SetOfEpoch => sets.get(epoch) ?? { epoch, validators: [] };
  const atMs = (): number => world.nowUs() / 1000;
  const observer = createObserver({
    placesOf: (epoch) => ({
      nodeOf: (validator) => ground.nodeOfKey(setOf(epoch).validators[validator]?.publicKey ?? ''),
      validatorOf: (node) =>
        setOf(epoch).validators.findIndex(({ publicKey }) => ground.nodeOfKey(publicKey) === node),
    }),
    nodeOfKey: ground.nodeOfKey,
    schemeOf: (epoch) => ground.schemeOf(setOf(epoch)),
    isVillain,
    atMs,
  });
  const watch = createWatch({ ground, observer, sets, atMs, isVillain });
  const disks = Array.from({ length: endpoints }, (_, at) =>
    createDisks(plan, stage, { random, at }),
  );
  const alive = new Map<number, WholeLife>();
  return { plan, stage, network, observer, watch, random, disks, alive, villains, views: [] };
}

function createDisks(
  plan: Plan,
  { world, ground }: Stage,
  { random, at }: { readonly random: Random; readonly at: number },
): Disks {
  const options = (name: string) => ({
    random: random.fork(`${name} ${at}`),
    syncMinMs: plan.syncMinMs,
    syncMaxMs: plan.syncMaxMs,
    after: (delayMs: number, run: () => void) => world.after(at, delayMs, run),
  });
  return {
    journal: createDisk<JournalRecord>(options('journal')),
    store: createDisk<StoredBlock>(options('store')),
    state: new Map<StateKey, Uint8Array>(entriesInOrder(ground.first)),
    txs: new Set(),
    applied: 0,
    isJournalLost: false,
  };
}

function play(run: Run): number {
  const { plan, stage, network, random } = run;
  const { world } = stage;
  for (let node = 0; node < plan.nodes; node += 1) if (!run.villains.has(node)) raise(run, node);
  for (const villain of plan.villains) {
    const disks = stage.endpointsOf(villain.node).map((at) => run.disks[at] as Disks);
    const onStart = (life: WholeLife): void => connect(run, life);
    createWholeVillain({ plan, stage, villain, network, disks, random, onStart });
  }
  const victims = {
    crash: (node: number) => strike(run, node),
    restart: (node: number) => raise(run, node),
    loseJournal(node: number) {
      const disks = run.disks[node] as Disks;
      disks.journal.wipe();
      disks.isJournalLost = true;
    },
    tearJournal(node: number) {
      const disks = run.disks[node] as Disks;
      disks.silent = tearJournal(disks.journal, disks.silent);
    },
    slowDisk(node: number, factor: number) {
      run.disks[node]?.journal.slow(factor);
      run.disks[node]?.store.slow(factor);
    },
  };
  injectFaults({ plan, world, network, endpointsOf: stage.endpointsOf, victims });
  startWorkload(run);
  world.run(plan.calmUs);
  const recovery = recover(run);
  judge(run);
  return recovery;
}

function startWorkload({ plan, stage, random, watch, villains, alive }: Run): void {
  const { world, ground } = stage;
  const chance = random.fork('workload');
  const work = createWorkload({
    ground,
    random: chance,
    watch,
    isVillain: (node) => villains.has(node),
    alive: () => [...alive.values()].filter(({ node }) => !villains.has(node)),
  });
  const next = (): void => {
    work();
    world.at(world.nowUs() + chance.below(plan.delays.boundUs * 2), next);
  };
  world.at(plan.delays.boundUs, next);
}

function raise(run: Run, node: number): void {
  const { stage } = run;
  const { world, ground } = stage;
  const usesCodec = run.plan.seed % codecEvery === 0;
  const send = (to: number, message: MeshMessage): void => {
    const said = usesCodec ? unwrap(decodeMeshMessage(encodeMeshMessage(message))) : message;
    world.send(node, to, said);
  };
  const disks = run.disks[node] as Disks;
  const receive = (from: number, message: MeshMessage): void => {
    const peer = ground.validators[stage.nodeAt(from)]?.id;
    if (peer !== undefined) run.alive.get(node)?.give({ type: 'message', peer, message });
  };
  world.bear(node, { receive });
  connect(run, startLife({ stage, node, endpoint: node, disks, watch: run.watch, send }));
}

/** Starts a replica and tells it and the others of each other. */
function connect(run: Run, life: WholeLife): void {
  const { ground, world } = run.stage;
  const keyOf = (node: number): string => (ground.validators[node] as { id: string }).id;
  run.alive.set(life.endpoint, life);
  life.give({ type: 'start' });
  for (const other of [...run.alive.values()]) {
    if (other.node === life.node) continue;
    life.give({ type: 'peerUp', peer: keyOf(other.node) });
    other.give({ type: 'peerUp', peer: keyOf(life.node) });
  }
  world.note(life.endpoint, () => `starts at height ${life.replica.head().header.height}`);
}

function strike(run: Run, node: number): void {
  const { stage, alive, observer } = run;
  stage.world.kill(node);
  alive.delete(node);
  observer.died(node);
  const disks = run.disks[node] as Disks;
  disks.journal.crash();
  disks.store.crash();
  const peer = (stage.ground.validators[node] as { id: string }).id;
  for (const other of alive.values()) other.give({ type: 'peerDown', peer });
}

function recover(run: Run): number {
  const { plan, stage, observer, alive, villains } = run;
  const { world } = stage;
  const before = observer.finalHeight();
  const deltaUs = plan.hopMaxMs * 1000;
  const heightOf = (life: WholeLife): number => life.replica.head().header.height;
  const isDone = (): boolean => {
    for (const life of alive.values()) {
      if (!villains.has(life.node) && heightOf(life) <= before) return false;
    }
    return true;
  };
  const limitUs = deltaUs * recoveryMaxDeltas(plan.nodes) + syncMs * 1000;
  world.run(plan.calmUs + limitUs, isDone);
  observer.counts.liveness += 1;
  if (!isDone()) {
    const heights = [...alive.values()].map((life) => {
      const { epoch, view, mayVote, isSyncing } = life.replica.status();
      return `${life.node}:${heightOf(life)}@${epoch}.${view}${mayVote ? '' : ' silent'}${isSyncing ? ' syncing' : ''}`;
    });
    observer.fail('liveness', { before, heights: heights.join(', ') });
  }
  return (world.nowUs() - plan.calmUs) / deltaUs;
}

function judge({ stage, watch }: Run): void {
  const { genesis, first } = stage.ground;
  const difference = naiveDifference(genesis, first.writes, watch.chain);
  watch.counts.oracle += 1;
  if (difference) watch.fail('oracle', difference);
}

function outcomeOf(
  run: Run,
  violation: Outcome['violation'],
  recoveryDeltas: number | undefined,
): Outcome {
  const { stage, observer, watch, network, alive, villains, disks } = run;
  const lives = [...alive.values()].filter(({ node }) => !villains.has(node));
  const finals = watch.chain.at(-1)?.header;
  const views = watch.chain.reduce((sum, { header }, at) => {
    const next = watch.chain[at + 1]?.header;
    return next && next.epoch === header.epoch ? sum : sum + header.view;
  }, 0);
  const syncs = disks.reduce((sum, { journal }) => sum + journal.counts.syncs, 0);
  return {
    violation,
    hash: stage.world.hash(),
    events: stage.world.counts.events,
    views: lives.length > 0 ? views : 0,
    finalBlocks: finals?.height ?? 0,
    recoveryDeltas,
    checks: { ...observer.counts, ...watch.counts },
    evidence: Object.fromEntries(observer.accusations),
    happened: { ...network.counts, syncs, ...watch.txs, epochs: watch.sets.size },
  };
}

function tagOf(message: MeshMessage): number {
  const view = message.type === 'votes' ? (message.votes[0]?.view ?? 0) : 0;
  return (message.type.length << 20) ^ message.type.charCodeAt(0) ^ view;
}

function textOf(message: MeshMessage): string {
  return JSON.stringify(message, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}`;
    if (value instanceof Uint8Array) return `${value.length} bytes`;
    return typeof value === 'string' && value.length > 12 ? value.slice(0, 8) : value;
  });
}
