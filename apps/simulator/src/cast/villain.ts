/** Puts Byzantine validators into a run: an honest node behind roles, or one key on two machines. */
import { type Disks, genesisHash, type LifeParts, type Stage } from '../agreement/life.ts';
import type { Message } from '../agreement/messages.ts';
import { type LivingNode, startNode } from '../agreement/node.ts';
import type { Network } from '../engine/network.ts';
import type { Random } from '../engine/random.ts';
import type { Villain } from '../faults/plan.ts';
import { roleMaker, twinsRole } from './cast.ts';
import type { Mischief, Role } from './role.ts';
import { shareOutTwins } from './twins.ts';

export interface VillainParts {
  readonly stage: Stage;
  readonly villain: Villain;
  readonly network: Network;
  /** One for each endpoint of the validator. */
  readonly disks: readonly Disks[];
  readonly random: Random;
}

/** Starts a villain on all endpoints of its validator. */
export function createVillain(parts: VillainParts): void {
  const { stage, villain, network, random } = parts;
  const endpoints = stage.endpointsOf(villain.node);
  endpoints.forEach((endpoint, at) => {
    startBehindRoles(parts, endpoint, parts.disks[at] as Disks);
  });
  if (!villain.roles.includes(twinsRole)) return;
  const { world, plan } = stage;
  shareOutTwins({ world, network, plan, node: villain.node, random }, endpoints);
}

function startBehindRoles(parts: VillainParts, endpoint: number, disks: Disks): void {
  const { stage, villain } = parts;
  const { world } = stage;
  const random = parts.random.fork(`villain ${endpoint}`);
  const holder: { node: LivingNode | undefined } = { node: undefined };
  const mischief = mischiefOf(stage, { endpoint, node: villain.node, random, holder });
  const makers = villain.roles.map(roleMaker).filter((maker) => maker !== undefined);
  const roles = makers.map((make) => make(mischief));
  const send = roles.reduce<LifeParts['send']>(
    (next, role) => (to, message) => {
      if (!role.outgoing) return next(to, message);
      role.outgoing(to, message, (changed) => next(to, changed));
    },
    (to, message) => world.send(endpoint, to, message),
  );
  const receive = (from: number, message: Message): void => {
    if (roles.every((role) => role.incoming?.(from, message) ?? true)) {
      holder.node?.receive(from, message);
    }
  };
  world.bear(endpoint, { receive });
  holder.node = startNode({
    stage,
    node: villain.node,
    endpoint,
    disks,
    random: random.fork('life'),
    observer: undefined,
    send,
    schemeOf: (epoch) => stage.schemes.schemeFor(epoch, villain.node),
    waitsForDisk: true,
    checksRanges: true,
  });
  keepTicking(mischief, roles);
}

interface Place {
  readonly endpoint: number;
  readonly node: number;
  readonly random: Random;
  readonly holder: { readonly node: LivingNode | undefined };
}

function mischiefOf(stage: Stage, { endpoint, node, random, holder }: Place): Mischief {
  const { world, plan, schemes } = stage;
  const life = () => (holder.node as LivingNode).life;
  const others = Array.from({ length: plan.nodes }, (_, other) => other).filter(
    (other) => other !== node,
  );
  return {
    random,
    hopMs: plan.delays.boundUs / 1000,
    node,
    peers: others.flatMap((other) => stage.endpointsOf(other)),
    epoch: () => life().epoch,
    scheme: () => schemes.schemeFor(life().epoch, node),
    view: () => life().view,
    send: (to, message) => world.send(endpoint, to, message),
    after: (delayMs, run) => world.after(endpoint, delayMs, run),
    makeBlock: stage.makeBlock,
    blocks: () => [...life().bodies.values()],
    final: () => life().final,
    hashAt(height) {
      if (height === life().final.height) return life().final.hash;
      return height === 0 ? genesisHash : life().disks.store.records[height - 1]?.block.hash;
    },
  };
}

function keepTicking({ hopMs, random, after }: Mischief, roles: readonly Role[]): void {
  const ticking = roles.filter((role) => role.tick);
  if (ticking.length === 0) return;
  const next = (): void => {
    for (const role of ticking) role.tick?.();
    after(hopMs * (0.5 + random.unit()), next);
  };
  after(hopMs, next);
}
