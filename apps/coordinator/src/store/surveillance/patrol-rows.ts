/** What detectors remember, and which of them are switched off. */
import type { JsonValue } from '@aitbc/primitives';
import type { CommitGroups } from '../commit-groups.ts';
import type { Database } from '../database/database.ts';
import type { Work } from '../work.ts';

/** State of all detectors after an event. */
export interface PatrolState {
  readonly seq: number;
  readonly states: Readonly<Record<string, JsonValue>>;
}

/** Reads and writes it. */
export interface PatrolRows {
  /** Undefined when there is none of this version. */
  load(): Promise<PatrolState | undefined>;
  /** Memories are JSON texts by pattern. */
  save(seq: number, memories: Readonly<Record<string, string>>): Promise<void>;
  /** Names of detectors that are switched off. */
  stopped(): Promise<ReadonlySet<string>>;
  put(patterns: readonly string[], isOn: boolean): Promise<void>;
}

/** Changes with the form of what detectors remember: what an older daemon stored is not read. */
const version = 1;
const name = 'market';

/** Patrol rows of an open database. */
export function createPatrolRows({ db }: Database, groups: CommitGroups<Work>): PatrolRows {
  return {
    async load() {
      const rows = db.selectFrom('patrols').selectAll().where('name', '=', name);
      const row = await rows.where('version', '=', version).executeTakeFirst();
      return row && { seq: row.seq, states: JSON.parse(row.state) };
    },
    async save(seq, memories) {
      const parts = Object.entries(memories).map(([key, text]) => `${JSON.stringify(key)}:${text}`);
      const values = { seq, version, state: `{${parts.join()}}` };
      await groups.run({
        type: 'write',
        run: (tx) =>
          tx
            .insertInto('patrols')
            .values({ name, ...values })
            .onConflict((conflict) => conflict.column('name').doUpdateSet(values))
            .execute(),
      });
    },
    async stopped() {
      const rows = db.selectFrom('detectors').select('pattern').where('is_on', '=', 0);
      return new Set((await rows.execute()).map(({ pattern }) => pattern));
    },
    async put(patterns, isOn) {
      const is_on = isOn ? 1 : 0;
      await groups.run({
        type: 'write',
        async run(tx) {
          for (const pattern of patterns) {
            await tx
              .insertInto('detectors')
              .values({ pattern, is_on })
              .onConflict((conflict) => conflict.column('pattern').doUpdateSet({ is_on }))
              .execute();
          }
        },
      });
    },
  };
}
