/** Tasks as everybody sees them, and the documents that are handed in. */
import type { Clock } from '@aitbc/primitives';
import {
  AppError,
  type ChainTask,
  limits,
  type ParsedInputOf,
  readTaskSpec,
  type TaskDocumentName,
  type TaskEventKind,
  taskDocumentHash,
  taskDocumentNames,
  type taskEndpoints,
} from '@aitbc/protocol';
import { answered, type CallContext, type Handlers } from '@aitbc/service';
import type { AgentChain } from '../chain/agent-chain.ts';
import type { TaskRows, TaskWithSpec } from '../store/coordination/task-rows.ts';
import { fitText } from '../store/database/database.ts';
import { streamTasks, type TaskStreamDeps } from './stream-tasks.ts';
import { chainTaskOf, documentHashOf, listedTaskOf, taskEventOf, taskRowOf } from './task-forms.ts';

/** Parts behind the endpoints. */
export interface TaskDeps extends TaskStreamDeps {
  readonly tasks: TaskRows;
  readonly chain: AgentChain;
  readonly clock: Clock;
}

const documentEvents: Readonly<Record<TaskDocumentName, TaskEventKind>> = {
  spec: 'described',
  result: 'delivered',
  reason: 'reasoned',
};

/** One handler for each row of the table of tasks. */
export function createTaskHandlers<C>(deps: TaskDeps): Handlers<typeof taskEndpoints, C> {
  return {
    async listTasks({ after, skill, ...filter }) {
      const limit = limits.pageSize;
      const word = skill?.toLowerCase();
      const rows = await deps.tasks.page({ ...filter, skill: word, before: after, limit });
      const next = rows.length === limit ? (rows.at(-1)?.place ?? null) : null;
      return { tasks: rows.map(listedTaskOf), next };
    },
    async taskEvents(query, context) {
      const after = lastEventIdOf(context) ?? query.after;
      const { reply, signal } = context;
      const target = { raw: reply.raw, signal, begin: () => void reply.hijack() };
      await streamTasks(deps, { ...query, after }, target);
      return answered;
    },
    getTask: ({ taskId }) => showTask(deps, taskId),
    taskDocument: (query) => showDocument(deps, query),
    giveTaskDocument: (gift) => takeDocument(deps, gift),
  };
}

const stepsShown = 64; // a task takes seven steps at most, and each of its documents one

/** Throws TASK_UNKNOWN; UNAVAILABLE or TIMEOUT for one that is not known here while the node is away. */
async function showTask(deps: TaskDeps, taskId: string) {
  const row = await findTask(deps, taskId);
  const task = chainTaskOf(row);
  const hashes = taskDocumentNames.map((name) => documentHashOf(task, name));
  const known = await deps.tasks.known(hashes.filter((hash) => hash !== null));
  const steps = await deps.tasks.stepsOf(taskId, stepsShown);
  return {
    task: listedTaskOf(row),
    events: steps.map(taskEventOf),
    documents: taskDocumentNames.filter((_name, at) => known.has(hashes[at] ?? '')),
  };
}

/** A task that is not stored, or was posted by a shared account, is asked for at the node and stored. */
async function findTask({ tasks, chain, clock }: TaskDeps, taskId: string): Promise<TaskWithSpec> {
  const known = await tasks.get(taskId);
  if (known) return known;
  const task = await chain.task(taskId);
  if (!task) throw new AppError('TASK_UNKNOWN', { taskId });
  const nowMs = clock.nowMs();
  const times = { place: 0, posted_at_ms: nowMs, changed_at_ms: nowMs, changed_place: 0 };
  await tasks.put([{ task: taskRowOf(task, times) }]);
  const stored = await tasks.get(taskId);
  if (stored) return stored;
  throw new AppError('TASK_UNKNOWN', { taskId });
}

async function showDocument(
  deps: TaskDeps,
  { taskId, name }: ParsedInputOf<typeof taskEndpoints.taskDocument>,
) {
  const hash = documentHashOf(chainTaskOf(await findTask(deps, taskId)), name);
  const document = hash === null ? undefined : await deps.tasks.document(hash);
  if (hash !== null && document !== undefined) return { document, hash };
  throw new AppError('NOT_FOUND', { what: `the ${name} of task ${taskId}` });
}

/**
 * Stores a document when its hash is the one that the chain has. The chain is asked, not the index: the transaction with
 * the hash may be of this moment. Throws DOCUMENT_WRONG, TASK_UNKNOWN, BAD_REQUEST, UNAVAILABLE, TIMEOUT.
 */
async function takeDocument(
  { tasks, chain, clock, watch }: TaskDeps,
  { taskId, name, document }: ParsedInputOf<typeof taskEndpoints.giveTaskDocument>,
) {
  const task = await chain.task(taskId);
  if (!task) throw new AppError('TASK_UNKNOWN', { taskId });
  const hash = taskDocumentHash(document);
  const expected = documentHashOf(task, name) ?? 'none';
  if (hash !== expected)
    throw new AppError('DOCUMENT_WRONG', { name, got: hash, taskId, expected });
  if (fitText(document) !== document) {
    throw new AppError('BAD_REQUEST', { reason: 'document: it holds NUL or half a character' });
  }
  const nowMs = clock.nowMs();
  const step = { task_id: taskId, step: name, kind: documentEvents[name], at_ms: nowMs };
  await tasks.putDocument(
    { hash, document, ...namesOf(name, document), stored_at_ms: nowMs },
    { ...step, actor: actorOf(task, name), tx_id: null },
  );
  watch.changed([task]);
  return { hash };
}

function namesOf(name: TaskDocumentName, document: string) {
  if (name !== 'spec') return { title: null, skill: null };
  const { title, skill } = readTaskSpec(document);
  return { title: fitText(title), skill: skill === undefined ? null : fitText(skill) };
}

/** Whose document it is; who handed it in is not known. */
function actorOf({ poster, worker }: ChainTask, name: TaskDocumentName): string | null {
  return name === 'result' ? worker : poster;
}

/** Number of the last event that the reader has; undefined without one. */
function lastEventIdOf({ request }: Pick<CallContext, 'request'>): number | undefined {
  const text = request.headers['last-event-id'];
  return typeof text === 'string' && /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}
