/** Names of the daemons of a devnet: one per program, but several nodes, one for each validator. */
import { ports } from '@aitbc/protocol';

/** Programs, by the name of their package. */
export type ProgramName = 'node' | 'wallet' | 'coordinator' | 'provider' | 'gateway';

/** The nodes: `node`, which everybody talks to, then `node-2`, `node-3` and so on. */
export type NodeName = 'node' | `node-${number}`;

/** Daemons of a devnet. */
export type DaemonName = ProgramName | NodeName;

/** Each node has the ports of the one before, and this many more. */
const portStep = 10;

/** The program of a daemon. */
export function programOf(name: DaemonName): ProgramName {
  return name.startsWith('node-') ? 'node' : (name as ProgramName);
}

/** Names of so many nodes. */
export function nodeNames(count: number): NodeName[] {
  return Array.from({ length: count }, (_, at): NodeName => (at === 0 ? 'node' : `node-${at + 1}`));
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
  return name.startsWith('node-') ? (Number(name.slice('node-'.length)) - 1) * portStep : 0;
}
