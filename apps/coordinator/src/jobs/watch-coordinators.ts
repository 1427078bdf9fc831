/**
 * Looks after the other coordinators of the database, and shows them that this one lives.
 *
 * | Seen                                          | Done                                                     |
 * |-----------------------------------------------|----------------------------------------------------------|
 * | another's beats go on                         | nothing                                                  |
 * | they stand still for a lease, by our own clock | its jobs go back to the queue, its counts become ours    |
 * | any other one, on a database with one process | the same at once: it can only be dead                    |
 * | the own row is gone                           | others thought us dead: what is in hand is read again    |
 */
import type { Clock } from '@aitbc/primitives';
import { limits } from '@aitbc/protocol';
import type { CoordinatorRow } from '../store/schema.ts';
import type { Store } from '../store/store.ts';

/** Parts of the watch. */
export interface CoordinatorWatchDeps {
  readonly store: Pick<Store, 'coordinators' | 'owner' | 'isAlone'>;
  readonly clock: Clock;
  /** Puts back into the queue what a dead coordinator had in hand. */
  takeBack(holder: string): Promise<void>;
  /** Reads again what is in hand here. */
  readAgain(): Promise<void>;
}

/** Beats and listens. */
export interface CoordinatorWatch {
  /** One beat, and a look at the others. */
  beat(): Promise<void>;
  /** The same, when it is time. */
  look(): Promise<void>;
}

/** A watch that has not seen anybody yet. */
export function createCoordinatorWatch(deps: CoordinatorWatchDeps): CoordinatorWatch {
  const { store, clock } = deps;
  const { coordinators, owner, isAlone } = store;
  const seen = new Map<string, { readonly beats: number; readonly atMs: number }>();
  let beatAtMs: number | undefined;

  const isDead = ({ owner: other, beats }: CoordinatorRow, nowMs: number): boolean => {
    const known = seen.get(other);
    if (known?.beats === beats) return isAlone || nowMs - known.atMs >= limits.leaseMs;
    seen.set(other, { beats, atMs: nowMs });
    return isAlone;
  };
  const beat = async (): Promise<void> => {
    const nowMs = clock.nowMs();
    const isFirst = beatAtMs === undefined;
    beatAtMs = nowMs;
    const rows = await coordinators.beat();
    const own = rows.find((row) => row.owner === owner);
    if (own?.beats === 1 && !isFirst) await deps.readAgain();
    for (const row of rows) {
      if (row.owner === owner || !isDead(row, nowMs)) continue;
      await deps.takeBack(row.owner);
      await coordinators.retire(row.owner);
      seen.delete(row.owner);
    }
  };

  return {
    beat,
    async look() {
      if (clock.nowMs() - (beatAtMs ?? 0) >= limits.heartbeatMs) await beat();
    },
  };
}
