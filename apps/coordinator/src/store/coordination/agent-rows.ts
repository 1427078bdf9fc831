/** Stored agents and their cards. A card is kept once, whoever has registered its hash. */
import { sql } from 'kysely';
import type { CommitGroups } from '../commit-groups.ts';
import type { BulkInsert, Database, Tx } from '../database/database.ts';
import type { AgentRow } from '../schema.ts';
import type { Work } from '../work.ts';

/** An agent with its card as JSON; null while the card is not here. */
export type AgentWithCard = AgentRow & { readonly document: string | null };

/** A card on its way in. */
export interface NewCard {
  readonly cardHash: string;
  readonly document: string;
  /** What a search looks through, in small letters. */
  readonly words: string;
  readonly skills: readonly string[];
}

/** A page of agents by address. */
export interface AgentPage {
  readonly skill?: string | undefined;
  readonly q?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Reads and writes agents. */
export interface AgentRows {
  /** Stores registrations; of two of one agent the later one counts. */
  put(agents: readonly AgentRow[]): Promise<void>;
  putCard(card: NewCard, nowMs: number): Promise<void>;
  get(address: string): Promise<AgentWithCard | undefined>;
  card(cardHash: string): Promise<string | undefined>;
  page(page: AgentPage): Promise<AgentWithCard[]>;
  /** Deletes up to `limit` cards from before a time that nobody has registered any more. */
  prune(storedBeforeMs: number, limit: number): Promise<void>;
}

const insertSkills: BulkInsert = {
  table: 'agent_skills',
  skipKnown: true,
  columns: { skill: 'text', card_hash: 'text' },
};

const insertCards: BulkInsert = {
  table: 'agent_cards',
  skipKnown: true,
  columns: { card_hash: 'text', document: 'text', words: 'text', stored_at_ms: 'int' },
};

/** Agent rows of an open database. */
export function createAgentRows(database: Database, groups: CommitGroups<Work>): AgentRows {
  const { db } = database;
  const write = async (run: (tx: Tx) => Promise<unknown>): Promise<void> => {
    await groups.run({ type: 'write', run });
  };
  const all = () =>
    db
      .selectFrom('agents')
      .leftJoin('agent_cards', 'agent_cards.card_hash', 'agents.card_hash')
      .selectAll('agents')
      .select('agent_cards.document');
  return {
    put: (agents) =>
      write(async (tx) => {
        for (const agent of agents) await putAgent(tx, agent);
      }),
    putCard: ({ cardHash, document, words, skills }, nowMs) =>
      write(async (tx) => {
        const cells = [cardHash, document, words, nowMs];
        const written = await database.insertRows(tx, insertCards, [cells]);
        if (written.size === 0 || skills.length === 0) return;
        const rows = skills.map((skill) => [skill, cardHash]);
        await database.insertRows(tx, insertSkills, rows);
      }),
    get: (address) => all().where('address', '=', address).executeTakeFirst(),
    async card(cardHash) {
      const rows = db.selectFrom('agent_cards').select('document');
      return (await rows.where('card_hash', '=', cardHash).executeTakeFirst())?.document;
    },
    async page({ skill, q, after, limit }) {
      let rows = all();
      if (after !== undefined) rows = rows.where('address', '>', after);
      if (q !== undefined) rows = rows.where(matches(q));
      if (skill !== undefined) {
        const named = db.selectFrom('agent_skills').select('card_hash').where('skill', '=', skill);
        rows = rows.where('agents.card_hash', 'in', named);
      }
      return await rows.orderBy('address').limit(limit).execute();
    },
    prune: (storedBeforeMs, limit) =>
      write(async (tx) => {
        const old = sql`select card_hash from agent_cards where stored_at_ms < ${storedBeforeMs}
          and card_hash not in (select card_hash from agents) limit ${limit}`;
        await sql`delete from agent_skills where card_hash in (${old})`.execute(tx);
        await sql`delete from agent_cards where card_hash in (${old})`.execute(tx);
      }),
  };
}

function putAgent(tx: Tx, agent: AgentRow): Promise<unknown> {
  const { address: _address, ...facts } = agent;
  return tx
    .insertInto('agents')
    .values(agent)
    .onConflict((conflict) =>
      conflict.column('address').doUpdateSet(facts).where('agents.place', '<', agent.place),
    )
    .execute();
}

/** The text stands in the words of the card or in the name, whatever the letters. */
function matches(q: string) {
  const pattern = `%${q.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
  return sql<boolean>`(agent_cards.words like ${pattern} escape '\\' or lower(agents.name) like ${pattern} escape '\\')`;
}
