/**
 * Doors in front of nodes for daemons that will be cut off from the chain: each has lines of its own,
 * which are closed and opened again.
 */
import { type ChaosProxy, startChaosProxy } from '@aitbc/node/testing';
import type { Plan, TownFacts } from '../contract.ts';

/** The doors. */
export interface Doors {
  /** Address of the node that a daemon gets: its own door, or the node itself. */
  nodeUrlFor(name: string): string;
  close(name: string): void;
  open(name: string): void;
  stop(): Promise<void>;
}

/** Opens a door for each provider or other daemon without a mesh that the plan cuts off. */
export async function openDoors(plan: Plan, facts: TownFacts): Promise<Doors> {
  const honest = facts.nodes.filter(({ role }) => role === 'honest');
  const users = [facts.wallet, ...facts.coordinators, ...facts.gateways, ...facts.providers];
  const nodeOf = (name: string): string => {
    const at = users.findIndex((user) => user.name === name);
    return honest[at % honest.length]?.url ?? '';
  };
  const isCut = (name: string): boolean =>
    plan.faults.some(({ kind, target }) => kind === 'partition' && target.includes(name));
  const doors = new Map<string, ChaosProxy>();
  for (const { name } of users.filter((user) => isCut(user.name))) {
    const { hostname, port } = new URL(nodeOf(name));
    doors.set(name, await startChaosProxy({ host: hostname, port: Number(port) }));
  }
  return {
    nodeUrlFor(name) {
      const door = doors.get(name);
      return door ? `http://127.0.0.1:${door.port}` : nodeOf(name);
    },
    close: (name) => doors.get(name)?.set({ silent: 'both' }),
    open: (name) => doors.get(name)?.set({ silent: 'none' }),
    async stop() {
      await Promise.all([...doors.values()].map((door) => door.stop()));
    },
  };
}
