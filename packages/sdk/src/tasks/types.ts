/** What a user of tasks says and gets. */
import type {
  ChainTask,
  Hex,
  ListedTask,
  OutputOf,
  TaskNews,
  TaskResult,
  TaskSpec,
  TaskState,
  taskEndpoints,
} from '@aitbc/protocol';
import type { SendOptions } from '../chain/tx-sender.ts';

/** What a poster promises. */
export interface TaskTerms {
  /** What is to be done: a specification, or the exact text of a document that was written otherwise. */
  readonly spec: TaskSpec | string;
  /** nait; leaves the account with the transaction. */
  readonly rewardNait: bigint;
  /** Chain time until which the result has to be submitted. */
  readonly deadlineMs: number;
  /** How long the poster may look at the result; then silence is approval. */
  readonly reviewMs: number;
  /** Address of who shall do it; anyone may accept it when left out. */
  readonly worker?: string | undefined;
  /** Address of who decides a dispute; without one the task cannot be disputed. */
  readonly arbiter?: string | undefined;
  /** 32 bytes in hex; fresh ones when left out. The same terms with the same salt are the same task. */
  readonly salt?: Hex | undefined;
}

/** A step that is final. */
export interface TaskStepDone {
  readonly taskId: Hex;
  readonly txId: Hex;
  /** The document that belongs to the step; undefined where there is none. */
  readonly document?: string;
  /** False when the coordinator has not taken the document: hand it in again with `giveDocument`. */
  readonly isDocumentStored?: boolean;
}

/** A task with its steps, as the coordinator shows it. */
export type ShownTask = OutputOf<typeof taskEndpoints.getTask>;

/** Which tasks. */
export interface TaskQuery {
  readonly state?: TaskState | undefined;
  readonly poster?: string | undefined;
  readonly worker?: string | undefined;
  readonly arbiter?: string | undefined;
  readonly skill?: string | undefined;
  readonly after?: number | undefined;
}

/** Whose news: of the tasks of an account, of those of a skill, or of those that are both. */
export interface TaskWatchQuery {
  readonly account?: string | undefined;
  readonly skill?: string | undefined;
  /** Number of the last known event; from now on when left out. */
  readonly after?: number | undefined;
}

/** Options of a call. */
export interface TaskCallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Tasks of one account. Every call throws what chain and coordinator refuse, UNAVAILABLE, TIMEOUT or CANCELLED. */
export interface Tasks {
  /** Posts a task and hands its specification in. */
  post(terms: TaskTerms, options?: SendOptions): Promise<TaskStepDone>;
  accept(taskId: Hex, options?: SendOptions): Promise<TaskStepDone>;
  /** Submits a result, sealed to the keys that the specification names. */
  submit(taskId: Hex, text: string, options?: SendOptions): Promise<TaskStepDone>;
  approve(taskId: Hex, options?: SendOptions): Promise<TaskStepDone>;
  dispute(taskId: Hex, reason: string, options?: SendOptions): Promise<TaskStepDone>;
  resolve(taskId: Hex, workerShareNait: bigint, options?: SendOptions): Promise<TaskStepDone>;
  /** Ends a task whose date has passed; anyone may. */
  expire(taskId: Hex, options?: SendOptions): Promise<TaskStepDone>;
  /** Hands in a document whose hash is on chain. */
  giveDocument(
    wish: {
      readonly taskId: Hex;
      readonly name: 'spec' | 'result' | 'reason';
      readonly document: string;
    },
    options?: TaskCallOptions,
  ): Promise<void>;
  /** A task as the chain has it now. */
  onChain(taskId: Hex, options?: TaskCallOptions): Promise<ChainTask>;
  /** A task with its steps, as the coordinator has it. */
  get(taskId: Hex, options?: TaskCallOptions): Promise<ShownTask>;
  list(query?: TaskQuery, options?: TaskCallOptions): Promise<readonly ListedTask[]>;
  /** The specification; its hash is checked against the chain. */
  spec(taskId: Hex, options?: TaskCallOptions): Promise<TaskSpec>;
  /** The result, opened with the keys of this user where it is sealed; its hash is checked against the chain. */
  result(taskId: Hex, options?: TaskCallOptions): Promise<TaskResult>;
  /** Why a result is disputed; its hash is checked against the chain. */
  reason(taskId: Hex, options?: TaskCallOptions): Promise<string>;
  /** News as they come, until the signal aborts (CANCELLED). Survives lost connections. */
  watch(query: TaskWatchQuery, signal: AbortSignal): AsyncGenerator<TaskNews>;
  /** Waits until the task, as the chain has it, fulfils the condition. */
  waitFor(
    taskId: Hex,
    isReached: (task: ChainTask) => boolean,
    options?: TaskCallOptions,
  ): Promise<ChainTask>;
}
