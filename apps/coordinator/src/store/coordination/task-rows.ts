/** Stored tasks, their documents, and the steps that tell their parties. Every write may come twice. */
import { sql } from 'kysely';
import type { CommitGroups } from '../commit-groups.ts';
import type { BulkInsert, Cell, Database, Tx } from '../database/database.ts';
import { seqAt } from '../job-store.ts';
import type { TaskDocumentRow, TaskRow, TaskStepRow } from '../schema.ts';
import type { Work } from '../work.ts';

/** A task with what its specification says. */
export type TaskWithSpec = TaskRow & Pick<TaskDocumentRow, 'title' | 'skill'>;

/** A step before it has its number. */
export type NewStep = Omit<TaskStepRow, 'seq'>;

/** A task as it is after a step of the chain, with the step; without one where it was not seen. */
export interface TaskChange {
  readonly task: TaskRow;
  readonly step?: NewStep;
}

/** Whose tasks, or which. */
export interface TaskFilter {
  readonly state?: string | undefined;
  readonly poster?: string | undefined;
  readonly worker?: string | undefined;
  readonly arbiter?: string | undefined;
  readonly skill?: string | undefined;
}

/** Steps of the tasks of an account, of a skill, or of both. */
export interface StepPage {
  readonly account?: string | undefined;
  readonly skill?: string | undefined;
  readonly after: number;
  /** Only steps that were stored before. */
  readonly beforeMs?: number | undefined;
  readonly limit: number;
}

/** Reads and writes tasks. */
export interface TaskRows {
  get(taskId: string): Promise<TaskWithSpec | undefined>;
  /** Stores changed tasks in the order of the chain; a change that is not newer than what is stored changes nothing. */
  put(changes: readonly TaskChange[]): Promise<void>;
  /** Stores a document, and a step for its task. */
  putDocument(document: TaskDocumentRow, step: NewStep): Promise<void>;
  document(hash: string): Promise<string | undefined>;
  /** Which of the hashes have a document. */
  known(hashes: readonly string[]): Promise<ReadonlySet<string>>;
  page(
    page: TaskFilter & { readonly before?: number | undefined; readonly limit: number },
  ): Promise<TaskWithSpec[]>;
  /** Remembers tasks that stand in a proposal of a shared account, until a time. */
  propose(account: string, taskIds: readonly string[], untilMs: number): Promise<void>;
  /** Tasks in proposals of a shared account, those that run longest first. */
  proposedBy(account: string, limit: number): Promise<string[]>;
  stepsOf(taskId: string, limit: number): Promise<TaskStepRow[]>;
  steps(page: StepPage): Promise<TaskStepRow[]>;
  /** Number that no step from before a time has. */
  seqAt(atMs: number): number;
  /** Tasks whose alarm is due, the most urgent first. */
  alarms(nowMs: number, limit: number): Promise<TaskRow[]>;
  /** Stores the step of an alarm and sets the next one; undone when the task has changed meanwhile. */
  ring(task: TaskRow, alarmAtMs: number | null, step: NewStep): Promise<void>;
  /** Deletes up to `limit` tasks that ended before a time, with all that belongs to them. */
  prune(endedBeforeMs: number, limit: number): Promise<void>;
}

const insertSteps: BulkInsert = {
  table: 'task_steps',
  skipKnown: true,
  columns: {
    seq: 'int',
    task_id: 'text',
    step: 'text',
    kind: 'text',
    at_ms: 'int',
    actor: 'text',
    tx_id: 'text',
  },
};

const insertDocuments: BulkInsert = {
  table: 'task_documents',
  skipKnown: true,
  columns: { hash: 'text', document: 'text', title: 'text', skill: 'text', stored_at_ms: 'int' },
};

/** Task rows of an open database. `nextSeq` gives a number above all before it. */
export function createTaskRows(
  database: Database,
  groups: CommitGroups<Work>,
  nextSeq: () => number,
): TaskRows {
  const write = async (run: (tx: Tx) => Promise<unknown>): Promise<void> => {
    await groups.run({ type: 'write', run });
  };
  const addStep = (tx: Tx, step: NewStep) => insertStep(database, tx, { step, nextSeq });
  return {
    ...taskReads(database),
    seqAt,
    put: (changes) =>
      write(async (tx) => {
        for (const { task, step } of changes) {
          await putTask(tx, task);
          if (step) await addStep(tx, step);
        }
      }),
    putDocument: ({ hash, document, title, skill, stored_at_ms }, step) =>
      write(async (tx) => {
        const cells = [hash, document, title, skill, stored_at_ms];
        await database.insertRows(tx, insertDocuments, [cells]);
        await addStep(tx, step);
      }),
    ring: ({ task_id, changed_place }, alarmAtMs, step) =>
      write(async (tx) => {
        const changed = await tx
          .updateTable('tasks')
          .set({ alarm_at_ms: alarmAtMs })
          .where('task_id', '=', task_id)
          .where('changed_place', '=', changed_place)
          .returning('task_id')
          .execute();
        if (changed.length > 0) await addStep(tx, step);
      }),
    propose: (account, taskIds, untilMs) =>
      write(async (tx) => {
        for (const task_id of taskIds) {
          await tx
            .insertInto('shared_tasks')
            .values({ task_id, account, until_ms: untilMs })
            .onConflict((conflict) =>
              conflict.columns(['account', 'task_id']).doUpdateSet({ until_ms: untilMs }),
            )
            .execute();
        }
      }),
    prune: (endedBeforeMs, limit) => write((tx) => pruneTasks(tx, endedBeforeMs, limit)),
  };
}

type Reads = Pick<
  TaskRows,
  'get' | 'document' | 'known' | 'page' | 'proposedBy' | 'stepsOf' | 'steps' | 'alarms'
>;

function taskReads({ db, setOf }: Database): Reads {
  const tasks = () =>
    db
      .selectFrom('tasks')
      .leftJoin('task_documents', 'task_documents.hash', 'tasks.spec_hash')
      .selectAll('tasks')
      .select(['task_documents.title', 'task_documents.skill']);
  const steps = () => db.selectFrom('task_steps').selectAll();
  return {
    get: (taskId) => tasks().where('task_id', '=', taskId).executeTakeFirst(),
    async document(hash) {
      const rows = db.selectFrom('task_documents').select('document').where('hash', '=', hash);
      return (await rows.executeTakeFirst())?.document;
    },
    async known(hashes) {
      const { rows } = await sql<{ hash: string }>`
        select hash from task_documents where hash in ${setOf(hashes)}`.execute(db);
      return new Set(rows.map(({ hash }) => hash));
    },
    async page({ before, limit, skill, ...filter }) {
      let rows = tasks();
      for (const [column, value] of Object.entries(filter)) {
        if (value !== undefined) rows = rows.where(sql.ref(`tasks.${column}`), '=', value);
      }
      if (skill !== undefined) rows = rows.where('task_documents.skill', '=', skill);
      if (before !== undefined) rows = rows.where('place', '<', before);
      return await rows.orderBy('place', 'desc').limit(limit).execute();
    },
    async proposedBy(account, limit) {
      const rows = db.selectFrom('shared_tasks').select('task_id').where('account', '=', account);
      const found = await rows.orderBy('until_ms', 'desc').limit(limit).execute();
      return found.map(({ task_id }) => task_id);
    },
    stepsOf: (taskId, limit) =>
      steps().where('task_id', '=', taskId).orderBy('seq').limit(limit).execute(),
    async steps({ account, skill, after, beforeMs, limit }) {
      let rows = steps().where('seq', '>', after);
      if (beforeMs !== undefined) rows = rows.where('seq', '<', seqAt(beforeMs));
      if (account !== undefined) rows = rows.where(sql<boolean>`task_id in ${tasksOf(account)}`);
      if (skill !== undefined) rows = rows.where(sql<boolean>`task_id in ${tasksFor(skill)}`);
      return await rows.orderBy('seq').limit(limit).execute();
    },
    alarms: (nowMs, limit) =>
      db
        .selectFrom('tasks')
        .selectAll()
        .where('alarm_at_ms', '<=', nowMs)
        .orderBy('alarm_at_ms')
        .limit(limit)
        .execute(),
  };
}

function tasksOf(account: string) {
  return sql`(select task_id from tasks where poster = ${account}
    union select task_id from tasks where worker = ${account}
    union select task_id from tasks where arbiter = ${account})`;
}

function tasksFor(skill: string) {
  return sql`(select task_id from tasks join task_documents on hash = spec_hash where skill = ${skill})`;
}

function putTask(tx: Tx, task: TaskRow): Promise<unknown> {
  const { task_id: _id, ...facts } = task;
  return tx
    .insertInto('tasks')
    .values(task)
    .onConflict((conflict) =>
      conflict
        .column('task_id')
        .doUpdateSet(facts)
        .where('tasks.changed_place', '<', task.changed_place),
    )
    .execute();
}

/** A number that another coordinator gave out in the same moment is replaced by the next one. */
async function insertStep(
  database: Database,
  tx: Tx,
  { step, nextSeq }: { step: NewStep; nextSeq: () => number },
): Promise<void> {
  const known = await tx
    .selectFrom('task_steps')
    .select('seq')
    .where('task_id', '=', step.task_id)
    .where('step', '=', step.step)
    .executeTakeFirst();
  const { task_id, step: name, kind, at_ms, actor, tx_id } = step;
  for (let tries = 0; known === undefined && tries < seqTries; tries += 1) {
    const row: [number, ...Cell[]] = [nextSeq(), task_id, name, kind, at_ms, actor, tx_id];
    const written = await database.insertRows(tx, insertSteps, [row]);
    if (written.size > 0) return;
  }
}

const seqTries = 4;

async function pruneTasks(tx: Tx, endedBeforeMs: number, limit: number): Promise<void> {
  const old = sql`select task_id from tasks
    where state = 'ended' and changed_at_ms < ${endedBeforeMs} limit ${limit}`;
  const gone = await sql<{ task_id: string }>`
    delete from tasks where task_id in (${old}) returning task_id`.execute(tx);
  for (const { task_id } of gone.rows) {
    await sql`delete from task_steps where task_id = ${task_id}`.execute(tx);
  }
  await sql`delete from shared_tasks where until_ms < ${endedBeforeMs}`.execute(tx);
  await sql`delete from task_documents where hash in
    (select hash from task_documents where stored_at_ms < ${endedBeforeMs}
      and not exists (select 1 from tasks where spec_hash = hash)
      and not exists (select 1 from tasks where result_hash = hash)
      and not exists (select 1 from tasks where reason_hash = hash) limit ${limit})`.execute(tx);
}
