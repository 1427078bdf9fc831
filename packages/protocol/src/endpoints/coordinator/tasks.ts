/**
 * Tasks at a coordinator: an index of what the chain says of them, the documents behind their hashes, and a stream that
 * tells the parties what happened. The chain decides everything; a task here can be held against `state_getTask`.
 * See docs/spec/agents.md, "Tasks".
 */
import { z } from 'zod';
import { zTaskDocument } from '../../agents/task-documents.ts';
import { limits } from '../../limits.ts';
import { zAddress, zCount, zHash } from '../../scalars.ts';
import { type EndpointTable, endpoint } from '../endpoint.ts';
import { zTask } from '../node/state-shapes.ts';

export const taskStateNames = zTask.shape.state.options;

/** Documents of a task by the name of their hash. */
export const taskDocumentNames = ['spec', 'result', 'reason'] as const;
export type TaskDocumentName = (typeof taskDocumentNames)[number];

/**
 * What happened to a task. `described` and `delivered` say that a document came in (specification, result), `due_soon` that
 * the date is near, `overdue` that anyone may end the task now.
 */
export const taskEventKinds = [
  'posted',
  'accepted',
  'submitted',
  'approved',
  'disputed',
  'resolved',
  'expired',
  'described',
  'delivered',
  'reasoned',
  'due_soon',
  'overdue',
] as const;
export type TaskEventKind = (typeof taskEventKinds)[number];

/** A task as the coordinator shows it. */
export const zListedTask = zTask.extend({
  title: z.string().nullable().meta({ description: 'null while the specification is not here' }),
  skill: z.string().nullable(),
  postedAtMs: zCount,
  changedAtMs: zCount,
});

/** One step of a task. */
export const zTaskEvent = z.object({
  seq: zCount.meta({ description: 'rises with time; the id of the event' }),
  taskId: zHash,
  kind: z.enum(taskEventKinds),
  atMs: zCount,
  actor: zAddress.nullable().meta({ description: 'who sent the transaction' }),
  txId: zHash.nullable(),
});

/** A step with the task as it is now. */
export const zTaskNews = zTaskEvent.extend({ task: zListedTask });

export type ListedTask = z.infer<typeof zListedTask>;
export type TaskEvent = z.infer<typeof zTaskEvent>;
export type TaskNews = z.infer<typeof zTaskNews>;

const zOneTask = z.strictObject({ taskId: zHash });
const zSkill = z.string().min(1).max(64);
const zSeq = z.int().nonnegative();

export const taskEndpoints = {
  listTasks: endpoint({
    method: 'GET',
    path: '/v1/tasks',
    summary: 'Tasks, newest first.',
    access: 'open',
    input: z.strictObject({
      state: z.enum(taskStateNames).optional(),
      poster: zAddress.optional(),
      worker: zAddress.optional(),
      arbiter: zAddress.optional(),
      skill: zSkill.optional(),
      after: zSeq.optional(),
    }),
    output: z.object({ tasks: z.array(zListedTask), next: zSeq.nullable() }),
  }),
  taskEvents: endpoint({
    method: 'GET',
    path: '/v1/tasks/events',
    summary:
      'Server-sent events `task`: steps of the tasks of an account, or of a skill. From now on, or after Last-Event-ID or `after`.',
    access: 'open',
    streams: true,
    input: z.strictObject({
      account: zAddress.optional(),
      skill: zSkill.optional(),
      after: zSeq.optional(),
    }),
    output: z.unknown(),
  }),
  getTask: endpoint({
    method: 'GET',
    path: '/v1/tasks/:taskId',
    summary: 'One task with all its steps, and which of its documents are here.',
    access: 'open',
    input: zOneTask,
    output: z.object({
      task: zListedTask,
      events: z.array(zTaskEvent),
      documents: z.array(z.enum(taskDocumentNames)),
    }),
  }),
  taskDocument: endpoint({
    method: 'GET',
    path: '/v1/tasks/:taskId/:name',
    summary: 'A document of a task. Public; a result may be sealed to its readers.',
    access: 'open',
    input: z.strictObject({ taskId: zHash, name: z.enum(taskDocumentNames) }),
    output: z.object({ document: z.string(), hash: zHash }),
  }),
  giveTaskDocument: endpoint({
    method: 'POST',
    path: '/v1/tasks/:taskId/:name',
    summary: 'Takes the document whose hash the chain has for the task.',
    access: 'open',
    input: z.strictObject({
      taskId: zHash,
      name: z.enum(taskDocumentNames),
      document: zTaskDocument,
    }),
    output: z.object({ hash: zHash }),
    bodyBytes: limits.taskDocumentBytes * 6 + 1_024,
  }),
} as const satisfies EndpointTable;
