/**
 * What an agent must not forget: its budget, the numbers of its letters, what it has read. Each part is one JSON value, saved
 * as a whole before what depends on it leaves the process.
 */
import type { BuyerStore } from '../books/store.ts';

/** Parts of an agent that are kept. */
export type AgentPart = 'budget' | 'outbox' | 'inbox';

/** Keeps the parts of one agent. */
export interface AgentStore {
  /** The value that was saved last; undefined for none. */
  load(part: AgentPart): unknown;
  /** Returns, or resolves, when the value survives the end of the process. */
  save(part: AgentPart, value: unknown): void | Promise<void>;
  /** Books of the buyer; without them a restarted agent finds its channels on chain and asks the providers. */
  readonly buyer?: BuyerStore | undefined;
}

/** A store that forgets with the process. */
export function createMemoryAgentStore(): AgentStore {
  const parts = new Map<AgentPart, string>();
  return {
    load(part) {
      const text = parts.get(part);
      return text === undefined ? undefined : JSON.parse(text);
    },
    save: (part, value) => void parts.set(part, JSON.stringify(value)),
  };
}
