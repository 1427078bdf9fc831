/**
 * What each provider may read about the routing decisions that looked at it.
 *
 * In memory each provider has a ring of its newest lines; rings are kept for the providers that were looked
 * at last. A line holds figures of the moment and no buyer. Lines also go to a store in batches, so that a
 * restart does not leave a provider without answers; what it holds is read into the rings at the start.
 *
 * Bounds: `linesKept` lines a provider, `ringsKept` providers, `batchMax` lines for each round of the store (the
 * newest ones of the round). Rejected: storing every line (a busy coordinator decides thousands of times
 * a second, thirty lines each), working a line out when it is asked for (prices and queues would be those
 * of another moment).
 */
import { type DecisionLine, decisionText } from '@aitbc/market';
import type { coordinatorEndpoints, OutputOf } from '@aitbc/protocol';

/** A decision as the call answers it. */
export type Decision = OutputOf<typeof coordinatorEndpoints.decisions>['decisions'][number];

/** A line with its decision. */
export interface LoggedLine {
  readonly line: DecisionLine;
  readonly decisionId: string;
  readonly atMs: number;
}

/** Where lines outlive the process. */
export interface LineStore {
  /** Newest lines, oldest first. */
  newest(): readonly LoggedLine[];
  save(lines: readonly LoggedLine[]): void;
  close(): Promise<void>;
}

/** The log. */
export interface DecisionLog {
  add(lines: readonly DecisionLine[], atMs: number): void;
  /** Newest first. */
  of(provider: string, limit: number): Decision[];
  /** Hands the lines since the last call to the store. */
  flush(): void;
}

const linesKept = 64;
const ringsKept = 16_384;
const batchMax = 512;

/** Options of `createDecisionLog`. */
export interface DecisionLogOptions {
  /** Makes the ids of this process unlike those of the one before. */
  readonly epoch: string;
}

/** A log that begins with what the store holds. */
export function createDecisionLog({ epoch }: DecisionLogOptions, store: LineStore): DecisionLog {
  const rings = new Map<string, LoggedLine[]>();
  let decisions = 0;
  let waiting: LoggedLine[] = [];

  const keep = (logged: LoggedLine): void => {
    const { provider } = logged.line;
    const ring = rings.get(provider) ?? [];
    rings.delete(provider);
    rings.set(provider, ring);
    ring.push(logged);
    if (ring.length > 2 * linesKept) ring.splice(0, linesKept);
    if (rings.size > ringsKept) rings.delete(rings.keys().next().value as string);
  };
  for (const logged of store.newest()) keep(logged);

  return {
    add(lines, atMs) {
      decisions += 1;
      const decisionId = `${epoch}-${decisions}`;
      for (const line of lines) {
        const logged = { line, decisionId, atMs };
        keep(logged);
        waiting.push(logged);
      }
      if (waiting.length > 2 * batchMax) waiting = waiting.slice(-batchMax);
    },
    of: (provider, limit) =>
      (rings.get(provider) ?? []).slice(-Math.min(limit, linesKept)).reverse().map(decisionOf),
    flush() {
      if (waiting.length === 0) return;
      const batch = waiting.slice(-batchMax);
      waiting = [];
      store.save(batch);
    },
  };
}

function decisionOf({ line, decisionId, atMs }: LoggedLine): Decision {
  const { provider: _provider, ...known } = line;
  return { decisionId, atMs, ...known, text: decisionText(line) };
}
