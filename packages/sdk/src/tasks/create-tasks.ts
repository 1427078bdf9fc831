/**
 * Tasks of one account: transactions for the steps, documents at the coordinator, news as they come.
 *
 * The chain is believed, the coordinator is not: a document counts when its hash is the one that the own node has, and
 * whether a step has happened is asked at the node. A document is handed in after its transaction is final,
 * because the coordinator takes none without a hash on chain; its node may be a moment behind, so it is tried for a while.
 * A step whose document was not taken has still happened and is answered, not thrown. See docs/spec/agents.md, "Tasks".
 */
import { hex, type KeyPair, randomBytes } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  asAppError,
  type ChainTask,
  type ErrorCode,
  type Hex,
  makeTaskResult,
  makeTaskSpec,
  readTaskResult,
  readTaskSpec,
  type TaskDocumentName,
  type TxBody,
  type TxKind,
  taskDocumentHash,
  taskIdOf,
  unwrap,
  zeroHash,
} from '@aitbc/protocol';
import type { NodeClient } from '../chain/node-client.ts';
import { pause } from '../chain/pause.ts';
import { assertFinal, type SendOptions, type TxSender } from '../chain/tx-sender.ts';
import type { CoordinatorClient } from '../http/clients.ts';
import type { Transport } from '../http/transport.ts';
import type { TaskCallOptions, TaskStepDone, Tasks, TaskTerms } from './types.ts';
import { watchTasks } from './watch-tasks.ts';

/** What tasks are made with. */
export interface TasksDeps {
  readonly node: Pick<NodeClient, 'rpc' | 'network'>;
  /** Signs and sends for the account. */
  readonly sender: TxSender;
  readonly coordinator: Pick<
    CoordinatorClient,
    'getTask' | 'listTasks' | 'taskDocument' | 'giveTaskDocument'
  >;
  readonly coordinatorUrl: string;
  /** For streams. */
  readonly transport: Transport;
  /** Keys that may open sealed results. */
  readonly keys?: readonly KeyPair[];
}

const waitMs = 20_000;
const giveTries = 20;
const giveEveryMs = 250;
const lookEveryMs = 500;
const seedBytes = 32;

/** Tasks of the account of the sender. */
export function createTasks(deps: TasksDeps): Tasks {
  const { node, coordinator } = deps;
  const step =
    <K extends TxKind>(kind: K, body: TxBody<K> & { taskId: Hex }) =>
    (options?: SendOptions) =>
      sendStep(deps, { kind, body, taskId: body.taskId }, options);
  const onChain = (taskId: Hex, { signal }: TaskCallOptions = {}): Promise<ChainTask> =>
    node.rpc.state_getTask({ taskId }, { signal });
  const document = (taskId: Hex, name: TaskDocumentName, options?: TaskCallOptions) =>
    readDocument(deps, { taskId, name, task: onChain(taskId, options) }, options);
  return {
    post: (terms, options) => postTask(deps, terms, options),
    accept: (taskId, options) => step('task_accept', { taskId })(options),
    async submit(taskId, text, options) {
      const { sealTo } = readTaskSpec(await document(taskId, 'spec', options));
      const seed = randomBytes(seedBytes);
      const result = makeTaskResult(text, { seed, ...(sealTo ? { sealTo } : {}) });
      const resultHash = taskDocumentHash(result);
      const done = await step('task_submit', { taskId, resultHash })(options);
      return withDocument(deps, done, { name: 'result', document: result, options });
    },
    approve: (taskId, options) => step('task_approve', { taskId })(options),
    async dispute(taskId, reason, options) {
      const done = await step('task_dispute', { taskId, reasonHash: taskDocumentHash(reason) })(
        options,
      );
      return withDocument(deps, done, { name: 'reason', document: reason, options });
    },
    resolve: (taskId, workerShareNait, options) =>
      step('task_resolve', { taskId, workerShareNait })(options),
    expire: (taskId, options) => step('task_expire', { taskId })(options),
    giveDocument: (wish, options) => giveDocument(deps, wish, options),
    onChain,
    get: (taskId, options) => coordinator.getTask({ taskId }, options),
    async list(query = {}, options) {
      return (await coordinator.listTasks({ ...query }, options)).tasks;
    },
    spec: async (taskId, options) => readTaskSpec(await document(taskId, 'spec', options)),
    result: async (taskId, options) =>
      readTaskResult(await document(taskId, 'result', options), deps.keys),
    reason: (taskId, options) => document(taskId, 'reason', options),
    watch: (query, signal) => watchTasks(deps, query, signal),
    async waitFor(taskId, isReached, options = {}) {
      for (;;) {
        const task = await onChain(taskId, options);
        if (isReached(task)) return task;
        await pause(lookEveryMs, options.signal);
      }
    },
  };
}

/** The body of a post and the document it names. Throws BAD_REQUEST, ADDRESS_INVALID. */
export function taskPostOf({ spec, rewardNait, deadlineMs, reviewMs, ...terms }: TaskTerms): {
  readonly body: TxBody<'task_post'>;
  readonly document: string;
} {
  const document = typeof spec === 'string' ? spec : makeTaskSpec(spec);
  const partyOf = (address: string | undefined): Hex =>
    address === undefined ? zeroHash : unwrap(accountIdOf(address));
  const body = {
    worker: partyOf(terms.worker),
    arbiter: partyOf(terms.arbiter),
    reward: rewardNait,
    ...{ deadlineMs, reviewMs },
    specHash: taskDocumentHash(document),
    salt: terms.salt ?? hex(randomBytes(seedBytes)),
  };
  return { body, document };
}

async function postTask(
  deps: TasksDeps,
  terms: TaskTerms,
  options: SendOptions = {},
): Promise<TaskStepDone> {
  const { body, document } = taskPostOf(terms);
  const { network } = await deps.node.network();
  const taskId = taskIdOf(network, deps.sender.signer.accountId, body);
  const done = await sendStep(deps, { kind: 'task_post', body, taskId }, options);
  return withDocument(deps, done, { name: 'spec', document, options });
}

async function sendStep<K extends TxKind>(
  { sender }: TasksDeps,
  { kind, body, taskId }: { kind: K; body: TxBody<K>; taskId: Hex },
  options: SendOptions = {},
): Promise<TaskStepDone> {
  const status = await sender.send(kind, body, { waitMs, ...options });
  const { tx, receipt } = assertFinal(status, options.waitMs ?? waitMs);
  return { taskId, txId: receipt?.txId ?? tx.txId ?? '' };
}

async function withDocument(
  deps: TasksDeps,
  done: TaskStepDone,
  {
    name,
    document,
    options,
  }: { name: TaskDocumentName; document: string; options: SendOptions | undefined },
): Promise<TaskStepDone> {
  const { taskId } = done;
  try {
    await giveFreshDocument(deps, { taskId, name, document }, options);
    return { ...done, document, isDocumentStored: true };
  } catch {
    return { ...done, document, isDocumentStored: false };
  }
}

/** What a coordinator answers whose node has not the newest block yet, or whose network is in trouble. */
const passing: readonly ErrorCode[] = ['TASK_UNKNOWN', 'DOCUMENT_WRONG', 'UNAVAILABLE', 'TIMEOUT'];

async function giveDocument(
  { coordinator }: TasksDeps,
  wish: Parameters<Tasks['giveDocument']>[0],
  { signal }: TaskCallOptions = {},
): Promise<void> {
  await coordinator.giveTaskDocument({ ...wish }, { signal });
}

async function giveFreshDocument(
  deps: TasksDeps,
  wish: Parameters<Tasks['giveDocument']>[0],
  options: TaskCallOptions = {},
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await giveDocument(deps, wish, options);
    } catch (error) {
      if (tries >= giveTries || !passing.includes(asAppError(error).code)) throw error;
      await pause(giveEveryMs, options.signal);
    }
  }
}

/** Throws NOT_FOUND for a document that is not on chain, DOCUMENT_WRONG for one that is another. */
async function readDocument(
  { coordinator }: TasksDeps,
  { taskId, name, task }: { taskId: Hex; name: TaskDocumentName; task: Promise<ChainTask> },
  { signal }: TaskCallOptions = {},
): Promise<string> {
  const { specHash, resultHash, reasonHash } = await task;
  const expected = { spec: specHash, result: resultHash, reason: reasonHash }[name];
  if (expected === null) throw new AppError('NOT_FOUND', { what: `the ${name} of task ${taskId}` });
  const { document } = await coordinator.taskDocument({ taskId, name }, { signal });
  const got = taskDocumentHash(document);
  if (got !== expected) throw new AppError('DOCUMENT_WRONG', { name, got, taskId, expected });
  return document;
}
