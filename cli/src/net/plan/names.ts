/** Names of the daemons of a town: one per program, then `-2`, `-3` and so on. */
import { type CopyName, copiesOf, type ProgramName } from '../../devnet/daemon-name.ts';

/** Sizes of a town. */
export interface Sizes {
  readonly validators: number;
  readonly providers: number;
  readonly agents: number;
  readonly coordinators: number;
  readonly gateways: number;
}

/** Names by program, and of all. */
export interface Names {
  readonly nodes: readonly CopyName[];
  readonly coordinators: readonly CopyName[];
  readonly providers: readonly CopyName[];
  readonly gateways: readonly CopyName[];
  readonly agents: readonly string[];
  /** Daemons in the order of their start. */
  readonly daemons: readonly CopyName[];
}

/** The names of a town of this size. */
export function namesOf(sizes: Sizes): Names {
  const of = (program: ProgramName, count: number) => copiesOf(program, count);
  const nodes = of('node', sizes.validators);
  const coordinators = of('coordinator', sizes.coordinators);
  const providers = of('provider', sizes.providers);
  const gateways = of('gateway', sizes.gateways);
  return {
    ...{ nodes, coordinators, providers, gateways },
    agents: Array.from({ length: sizes.agents }, (_, at) => `agent-${at + 1}`),
    daemons: [...nodes, 'wallet', ...coordinators, ...providers, ...gateways],
  };
}

/** The sizes of a plan. */
export function sizesOf(plan: {
  readonly validators: readonly unknown[];
  readonly providers: readonly unknown[];
  readonly agents: readonly unknown[];
  readonly coordinators: number;
  readonly gateways: number;
}): Sizes {
  return {
    validators: plan.validators.length,
    providers: plan.providers.length,
    agents: plan.agents.length,
    coordinators: plan.coordinators,
    gateways: plan.gateways,
  };
}
