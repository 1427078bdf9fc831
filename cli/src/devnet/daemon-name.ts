/** Names of the daemons of a devnet: one per program, but several nodes and several providers. */
import { ports } from '@aitbc/protocol/ports';

/** Programs, by the name of their package. */
export type ProgramName = 'node' | 'wallet' | 'coordinator' | 'provider' | 'gateway';

/** The nodes: `node`, which everybody talks to, then `node-2`, `node-3` and so on. */
export type NodeName = 'node' | `node-${number}`;

/** The providers: `provider`, `provider-2` and so on. */
export type ProviderName = 'provider' | `provider-${number}`;

/** Daemons of a devnet. */
export type DaemonName = ProgramName | NodeName | ProviderName;

/** Daemons of networks with any number of each program. */
export type CopyName = ProgramName | `${ProgramName}-${number}`;

/** Each copy of a program has the port of the one before, and this much more. */
const portStep = 10;

/** The program of a daemon. */
export function programOf(name: CopyName): ProgramName {
  return name.split('-')[0] as ProgramName;
}

/** Names of so many nodes. */
export function nodeNames(count: number): NodeName[] {
  return copiesOf('node', count);
}

/** Names of so many providers. */
export function providerNames(count: number): ProviderName[] {
  return copiesOf('provider', count);
}

/** Names of so many daemons of a program. */
export function copiesOf<T extends ProgramName>(
  program: T,
  count: number,
): (T | `${T}-${number}`)[] {
  return Array.from({ length: count }, (_, at) =>
    at === 0 ? program : (`${program}-${at + 1}` as const),
  );
}

/** Standard port of a daemon. */
export function portOf(name: DaemonName): number {
  return ports[programOf(name)] + offsetOf(name);
}

/** Standard port of a node for other nodes. */
export function meshPortOf(name: NodeName): number {
  return ports.mesh + offsetOf(name);
}

function offsetOf(name: DaemonName): number {
  const number = name.split('-')[1];
  return number === undefined ? 0 : (Number(number) - 1) * portStep;
}
