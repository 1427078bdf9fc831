/** Twins: one key on two machines, each of which others reach or do not, in turn. */
import type { Network } from '../engine/network.ts';
import type { Random } from '../engine/random.ts';
import type { World } from '../engine/world.ts';
import type { Plan } from '../faults/plan.ts';

export interface TwinParts<M> {
  readonly world: World<M>;
  readonly network: Network;
  readonly plan: Plan;
  readonly node: number;
  readonly random: Random;
}

/** Now and then each other node is given one twin to talk to, the other one, or both. */
export function shareOutTwins<M>(parts: TwinParts<M>, twins: readonly number[]): void {
  const { world, network, plan, node, random } = parts;
  const chance = random.fork(`twins ${node}`);
  const cut: { readonly from: number; readonly to: number }[] = [];
  const next = (): void => {
    for (const link of cut.splice(0)) network.block(link.from, link.to, -1);
    for (let peer = 0; peer < plan.nodes; peer += 1) {
      const hidden = peer === node ? undefined : chance.pick([twins[0], twins[1], undefined]);
      if (hidden === undefined) continue;
      cut.push({ from: peer, to: hidden }, { from: hidden, to: peer });
    }
    for (const link of cut) network.block(link.from, link.to, 1);
    world.at(world.nowUs() + plan.delays.boundUs * chance.between(3, 60), next);
  };
  next();
}
