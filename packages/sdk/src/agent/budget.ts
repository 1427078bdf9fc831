/**
 * An agent's own limit over everything it spends: inference, rewards, transfers, fees.
 *
 *   spent + Σ holds ≤ total
 *
 * Before anything is signed, the most that it can cost is held, and the hold is stored. It becomes what was really
 * spent, or nothing when it certainly did not happen. What is not known to be free stays held, across restarts too: an agent
 * that crashed may have less left than it could, never more. A hold of a job that is still open at its provider is looked
 * at again before the next one.
 *
 * This limit is the agent's own and protects against its mistakes. Against a thief of its key stands the mandate, which
 * the chain checks. Money that only changes its place (vault, channels, a mandate's transfer to the agent itself) is not
 * spent; channels are counted by the charges of their jobs.
 */
import { AppError, amountOf, zAmount } from '@aitbc/protocol';
import { z } from 'zod';
import type { AgentStore } from './store.ts';

const zBudget = z.strictObject({ spent: zAmount, holds: z.record(z.string(), zAmount) });

/** What it came to, nait; undefined while nobody knows. */
export type Look = () => Promise<bigint | undefined>;

/** Something that may be spent. */
export interface Hold {
  /** It cost this much, at most what was held; the rest is free. */
  settle(nait: bigint): Promise<void>;
  /** Nobody knows what it came to: `look` is asked before the next hold and gives the sum once it is known. */
  leave(look: Look): void;
}

/** The limit. */
export interface Budget {
  readonly totalNait: bigint;
  readonly spentNait: bigint;
  /** Held for what is under way, or not known. */
  readonly heldNait: bigint;
  /** Resolves when the hold is stored. Throws BUDGET_EXCEEDED. */
  hold(name: string, nait: bigint): Promise<Hold>;
  /** After a restart: how holds of the last run, by their names, can be looked at. */
  recover(lookOf: (name: string) => Look | undefined): void;
  /** Some of what was spent came back. */
  refund(nait: bigint): Promise<void>;
}

interface State {
  spent: bigint;
  readonly holds: Map<string, bigint>;
  readonly unknown: Map<string, Look>;
}

const holdsMax = 10_000;

/** The budget as the store has it. Throws STORE_CORRUPT. */
export async function openBudget(store: AgentStore, totalNait: bigint): Promise<Budget> {
  const state = stateOf(await store.load('budget'));
  const heldNait = () => [...state.holds.values()].reduce((sum, nait) => sum + nait, 0n);
  const save = async (): Promise<void> => {
    const holds = [...state.holds].map(([name, nait]) => [name, nait.toString()]);
    await store.save('budget', { spent: state.spent.toString(), holds: Object.fromEntries(holds) });
  };
  const settle = async (name: string, nait: bigint): Promise<void> => {
    if (!state.holds.delete(name)) return;
    state.unknown.delete(name);
    state.spent += nait;
    await save();
  };
  const lookAgain = async (): Promise<void> => {
    for (const [name, look] of state.unknown) {
      const nait = await look();
      if (nait !== undefined) await settle(name, nait);
    }
  };
  return {
    totalNait,
    get spentNait() {
      return state.spent;
    },
    get heldNait() {
      return heldNait();
    },
    async hold(name, needed) {
      await lookAgain();
      const available = totalNait - state.spent - heldNait();
      if (needed > available || state.holds.size >= holdsMax || state.holds.has(name)) {
        const left = available > 0n ? available : 0n;
        throw new AppError('BUDGET_EXCEEDED', { needed, scope: 'this agent', available: left });
      }
      state.holds.set(name, needed);
      await save();
      return {
        settle: (nait) => settle(name, nait),
        leave: (look) => void state.unknown.set(name, look),
      };
    },
    recover(lookOf) {
      for (const name of state.holds.keys()) {
        const look = lookOf(name);
        if (look) state.unknown.set(name, look);
      }
    },
    async refund(nait) {
      state.spent = state.spent > nait ? state.spent - nait : 0n;
      await save();
    },
  };
}

function stateOf(stored: unknown): State {
  if (stored === undefined) return { spent: 0n, holds: new Map(), unknown: new Map() };
  const parsed = zBudget.safeParse(stored);
  if (!parsed.success) {
    const reason = parsed.error.issues[0]?.message ?? 'unknown';
    throw new AppError('STORE_CORRUPT', { what: 'the budget of an agent', reason });
  }
  const { spent, holds } = parsed.data;
  const rows = Object.entries(holds).map(([name, nait]): [string, bigint] => [
    name,
    amountOf(nait),
  ]);
  return { spent: amountOf(spent), holds: new Map(rows), unknown: new Map() };
}
