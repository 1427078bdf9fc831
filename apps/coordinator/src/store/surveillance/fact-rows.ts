/** Stored facts of the chain: the other half of what detectors read. */
import type { ChainFact, Hex } from '@aitbc/protocol';
import { sql } from 'kysely';
import type { CommitGroups } from '../commit-groups.ts';
import type { BulkInsert, Cell, Database, Tx } from '../database/database.ts';
import { seqAt } from '../job-store.ts';
import type { ChainFactRow } from '../schema.ts';
import type { Work } from '../work.ts';

/** A fact on its way into the store. */
export interface NewFact {
  readonly txId: Hex;
  /** Its place in the transaction. */
  readonly place: number;
  readonly height: number;
  readonly atMs: number;
  readonly facts: ChainFact;
}

/** Reads and writes facts. */
export interface FactRows {
  /** Stores each fact once, however often it comes. */
  insert(facts: readonly NewFact[]): Promise<void>;
  /** Facts with numbers above `after`, stored before a time, in order. */
  page(page: { after: number; beforeMs: number; limit: number }): Promise<ChainFactRow[]>;
  prune(beforeMs: number, limit: number): Promise<void>;
}

const insertFacts: BulkInsert = {
  table: 'chain_facts',
  skipKnown: true,
  columns: {
    ...{ seq: 'int', tx_id: 'text', place: 'int', height: 'int', at_ms: 'int', facts: 'text' },
  },
};
/** A number that another coordinator gave out in the same moment is replaced; more than once is chance already. */
const triesMax = 8;

/** Fact rows of an open database. */
export function createFactRows(
  database: Database,
  groups: CommitGroups<Work>,
  nextSeq: () => number,
): FactRows {
  const openOf = async (tx: Tx, facts: readonly NewFact[]): Promise<NewFact[]> => {
    const ids = [...new Set(facts.map(({ txId }) => txId))];
    const rows = tx.selectFrom('chain_facts').select(['tx_id', 'place']);
    const known = await rows.where(sql<boolean>`tx_id in ${database.setOf(ids)}`).execute();
    const keys = new Set(known.map(({ tx_id, place }) => `${tx_id} ${place}`));
    return facts.filter(({ txId, place }) => !keys.has(`${txId} ${place}`));
  };
  return {
    async insert(facts) {
      if (facts.length === 0) return;
      await groups.run({
        type: 'write',
        async run(tx) {
          for (let tries = 0; tries < triesMax; tries += 1) {
            const open = await openOf(tx, facts);
            if (open.length === 0) return;
            const rows = open.map((fact) => cellsOf(nextSeq(), fact));
            const written = await database.insertRows(tx, insertFacts, rows);
            if (written.size === open.length) return;
          }
        },
      });
    },
    page: ({ after, beforeMs, limit }) =>
      database.db
        .selectFrom('chain_facts')
        .selectAll()
        .where('seq', '>', after)
        .where('seq', '<', seqAt(beforeMs))
        .orderBy('seq')
        .limit(limit)
        .execute(),
    async prune(beforeMs, limit) {
      const query = sql`delete from chain_facts where seq in
        (select seq from chain_facts where seq < ${seqAt(beforeMs)} order by seq limit ${limit})`;
      await groups.run({ type: 'write', run: (tx) => query.execute(tx) });
    },
  };
}

function cellsOf(seq: number, { txId, place, height, atMs, facts }: NewFact): Cell[] {
  return [seq, txId, place, height, atMs, JSON.stringify(facts)];
}
