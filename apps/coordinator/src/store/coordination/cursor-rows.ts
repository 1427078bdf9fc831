/** How far each reader of final blocks has come. */
import type { BlockCursor, CursorRows } from '../../chain/follow-blocks.ts';
import type { CommitGroups } from '../commit-groups.ts';
import type { Database } from '../database/database.ts';
import type { Work } from '../work.ts';

/** Cursor rows of an open database. */
export function createCursorRows({ db }: Database, groups: CommitGroups<Work>): CursorRows {
  return {
    async get(consumer) {
      const row: BlockCursor | undefined = await db
        .selectFrom('chain_cursors')
        .select(['height', 'hash'])
        .where('consumer', '=', consumer)
        .executeTakeFirst();
      return row;
    },
    async put(consumer, { height, hash }) {
      await groups.run({
        type: 'write',
        run: (tx) =>
          tx
            .insertInto('chain_cursors')
            .values({ consumer, height, hash })
            .onConflict((conflict) =>
              conflict
                .column('consumer')
                .doUpdateSet({ height, hash })
                .where('chain_cursors.height', '<', height),
            )
            .execute(),
      });
    },
  };
}
