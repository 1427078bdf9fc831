/** Puts Byzantine validators into a run of the large level. */
import type { MeshMessage } from '@aitbc/protocol';
import { twinsRole } from '../cast/cast.ts';
import { shareOutTwins } from '../cast/twins.ts';
import type { Network } from '../engine/network.ts';
import type { Random } from '../engine/random.ts';
import type { Plan, Villain } from '../faults/plan.ts';
import { type Disks, type LifeParts, type Stage, startLife, type WholeLife } from './life.ts';
import { type WholeMischief, wholeRoleMaker } from './roles.ts';

export interface VillainParts {
  readonly plan: Plan;
  readonly stage: Stage;
  readonly villain: Villain;
  readonly network: Network;
  readonly disks: readonly Disks[];
  readonly random: Random;
  /** Called with each life once it can take inputs. */
  readonly onStart: (life: WholeLife) => void;
}

/** Starts a villain on all endpoints of its validator. */
export function createWholeVillain(parts: VillainParts): void {
  const { stage, villain, plan, network, random } = parts;
  const endpoints = stage.endpointsOf(villain.node);
  endpoints.forEach((endpoint, at) => {
    startBehindRoles(parts, endpoint, parts.disks[at] as Disks);
  });
  if (!villain.roles.includes(twinsRole)) return;
  const { world } = stage;
  shareOutTwins({ world, network, plan, node: villain.node, random }, endpoints);
}

function startBehindRoles(parts: VillainParts, endpoint: number, disks: Disks): void {
  const { stage, villain, plan } = parts;
  const { world, ground } = stage;
  const random = parts.random.fork(`villain ${endpoint}`);
  const holder: { life: WholeLife | undefined } = { life: undefined };
  const others = ground.validators.map((_, node) => node).filter((node) => node !== villain.node);
  const status = () => (holder.life as WholeLife).replica.status();
  const mischief: WholeMischief = {
    random,
    hopMs: plan.delays.boundUs / 1000,
    ground,
    peers: others.flatMap((node) => stage.endpointsOf(node)),
    epoch: () => status().epoch,
    view: () => status().view,
    scheme: () => {
      const { epoch, validators } = status();
      return ground.schemeOf({ epoch, validators }, villain.node);
    },
    nonceOf: (account) => (holder.life as WholeLife).replica.pendingNonce(account),
    send: (to, message) => world.send(endpoint, to, message),
    after: (delayMs, run) => world.after(endpoint, delayMs, run),
  };
  const makers = villain.roles.map(wholeRoleMaker).filter((maker) => maker !== undefined);
  const roles = makers.map((make) => make(mischief));
  const send = roles.reduce<LifeParts['send']>(
    (next, role) => (to, message) => {
      if (!role.outgoing) next(to, message);
      else role.outgoing(to, message, (changed) => next(to, changed));
    },
    (to, message) => world.send(endpoint, to, message),
  );
  const receive = (from: number, message: MeshMessage): void => {
    if (!roles.every((role) => role.incoming?.(from, message) ?? true)) return;
    const peer = ground.validators[stage.nodeAt(from)]?.id;
    if (peer !== undefined) holder.life?.give({ type: 'message', peer, message });
  };
  world.bear(endpoint, { receive });
  const life = startLife({ stage, node: villain.node, endpoint, disks, watch: undefined, send });
  holder.life = life;
  parts.onStart(life);
  const ticking = roles.filter((role) => role.tick);
  const next = (): void => {
    for (const role of ticking) role.tick?.();
    mischief.after(mischief.hopMs * (0.5 + random.unit()), next);
  };
  if (ticking.length > 0) mischief.after(mischief.hopMs, next);
}
