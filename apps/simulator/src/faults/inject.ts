/** Carries a plan's faults out on a world: begins and ends each at its time. */
import type { Network } from '../engine/network.ts';
import type { World } from '../engine/world.ts';
import type { Fault, Plan } from './plan.ts';

/** What a level does to its nodes. */
export interface Victims {
  crash(node: number): void;
  restart(node: number): void;
  loseJournal(node: number): void;
  /** The last synced write of the journal cannot be read any more, and a reader can tell. */
  tearJournal(node: number): void;
  slowDisk(node: number, factor: number): void;
}

/** Endpoints of a validator: a twin has two. */
export type EndpointsOf = (node: number) => readonly number[];

export interface InjectOptions<M> {
  readonly plan: Plan;
  readonly world: World<M>;
  readonly network: Network;
  readonly victims: Victims;
  readonly endpointsOf: EndpointsOf;
}

/** Puts all faults of the plan into the world's future. */
export function injectFaults<M>(options: InjectOptions<M>): void {
  const { plan, world, network } = options;
  const down = new Int16Array(plan.nodes);
  for (const fault of plan.faults) {
    world.at(fault.atUs, () => {
      world.note(-1, () => `begins ${JSON.stringify(fault)}`);
      begin(options, fault, down);
    });
    world.at(Math.min(fault.atUs + fault.forUs, plan.calmUs), () => {
      world.note(-1, () => `ends ${fault.kind} of ${fault.atUs}`);
      end(options, fault, down);
    });
  }
  world.at(plan.calmUs, () => {
    world.note(-1, () => 'calm');
    network.calm();
  });
}

function begin<M>(options: InjectOptions<M>, fault: Fault, down: Int16Array): void {
  const { network, world, plan, victims } = options;
  if (fault.kind === 'partition') blockSides(options, fault.side, 1);
  else if (fault.kind === 'cut') blockLink(options, fault, 1);
  else if (fault.kind === 'clog')
    for (const at of options.endpointsOf(fault.node)) network.clog(at);
  else if (fault.kind === 'loss') network.addLoss(fault.share);
  else if (fault.kind === 'duplicate') network.addDuplication(fault.share);
  else if (fault.kind === 'slow') network.slow(fault.node, fault.factor);
  else if (fault.kind === 'slowDisk') victims.slowDisk(fault.node, fault.factor);
  else if (fault.kind === 'pause') world.pause(fault.node, fault.atUs + fault.forUs);
  else for (const node of nodesDown(fault, plan.nodes)) takeDown(options, { node, fault, down });
}

function end<M>(options: InjectOptions<M>, fault: Fault, down: Int16Array): void {
  const { network, plan, victims } = options;
  const isOver = options.world.nowUs() >= plan.calmUs;
  if (fault.kind === 'partition') blockSides(options, fault.side, -1);
  else if (fault.kind === 'cut') blockLink(options, fault, -1);
  else if (fault.kind === 'clog')
    for (const at of options.endpointsOf(fault.node)) network.unclog(at);
  else if (fault.kind === 'loss' && !isOver) network.addLoss(-fault.share);
  else if (fault.kind === 'duplicate' && !isOver) network.addDuplication(-fault.share);
  else if (fault.kind === 'slow' && !isOver) network.slow(fault.node, 1 / fault.factor);
  else if (fault.kind === 'slowDisk') victims.slowDisk(fault.node, 1 / fault.factor);
  else for (const node of nodesDown(fault, plan.nodes)) bringUp(options, node, down);
}

function nodesDown(fault: Fault, nodes: number): number[] {
  if (fault.kind === 'power') return Array.from({ length: nodes }, (_, node) => node);
  const isCrash = fault.kind === 'crash' || fault.kind.endsWith('Journal');
  return isCrash && 'node' in fault ? [fault.node] : [];
}

/** Villains stay up: what they forget in a crash would only make them tamer. */
function takeDown<M>(
  { plan, victims }: InjectOptions<M>,
  one: { readonly node: number; readonly fault: Fault; readonly down: Int16Array },
): void {
  const { node, fault, down } = one;
  if (plan.villains.some((villain) => villain.node === node)) return;
  if (down[node] === 0) victims.crash(node);
  if (fault.kind === 'lostJournal') victims.loseJournal(node);
  if (fault.kind === 'tornJournal') victims.tearJournal(node);
  down[node] = (down[node] as number) + 1;
}

function bringUp<M>({ plan, victims }: InjectOptions<M>, node: number, down: Int16Array): void {
  if (plan.villains.some((villain) => villain.node === node)) return;
  down[node] = (down[node] as number) - 1;
  if (down[node] === 0) victims.restart(node);
}

function blockSides<M>(options: InjectOptions<M>, side: readonly number[], by: 1 | -1): void {
  const inside = new Set(side);
  for (let from = 0; from < options.plan.nodes; from += 1) {
    for (let to = 0; to < options.plan.nodes; to += 1) {
      if (inside.has(from) !== inside.has(to)) blockLink(options, { from, to }, by);
    }
  }
}

function blockLink<M>(
  { network, endpointsOf }: InjectOptions<M>,
  link: { readonly from: number; readonly to: number },
  by: 1 | -1,
): void {
  for (const from of endpointsOf(link.from)) {
    for (const to of endpointsOf(link.to)) network.block(from, to, by);
  }
}
