/**
 * Which coordinators work on this database. Each raises its count of beats; one whose count stands still for
 * a lease, by the watch of whoever looks, is dead. Nobody compares the clocks of two machines.
 */
import type { JobState } from '@aitbc/market';
import { sql } from 'kysely';
import type { CommitGroups } from './commit-groups.ts';
import { addTallies } from './counts.ts';
import type { Database } from './database/database.ts';
import type { CoordinatorRow } from './schema.ts';
import type { Work } from './work.ts';

/** The coordinators of a database. */
export interface CoordinatorRows {
  /** Raises the own count; all counts. The own one is 1 when the row was not there. */
  beat(): Promise<CoordinatorRow[]>;
  /** Removes one that has no job in hand; its counts go over to the own ones. */
  retire(owner: string): Promise<void>;
}

/** The rows of an open database. */
export function createCoordinatorRows({
  database,
  groups,
  owner,
}: {
  database: Database;
  groups: CommitGroups<Work>;
  owner: string;
}): CoordinatorRows {
  return {
    async beat() {
      await groups.run({
        type: 'write',
        run: (tx) =>
          tx
            .insertInto('coordinators')
            .values({ owner, beats: 1 })
            .onConflict((conflict) =>
              conflict.column('owner').doUpdateSet({ beats: sql<number>`coordinators.beats + 1` }),
            )
            .execute(),
      });
      return database.db.selectFrom('coordinators').selectAll().execute();
    },
    async retire(dead) {
      await groups.run({
        type: 'write',
        async run(tx) {
          const removed = await tx
            .deleteFrom('coordinators')
            .where('owner', '=', dead)
            .returning('owner')
            .execute();
          if (removed.length === 0) return;
          const rows = await tx
            .deleteFrom('tallies')
            .where('owner', '=', dead)
            .returning(['state', 'jobs'])
            .execute();
          const counts = new Map(rows.map(({ state, jobs }) => [state as JobState, jobs]));
          await addTallies(tx, owner, counts);
        },
      });
    },
  };
}
