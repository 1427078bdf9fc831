/** What users of an agent say and get. */
import type { Clock, KeyPair } from '@aitbc/primitives';
import type { Hex, InferenceMessage, TaskSpec, TaskState } from '@aitbc/protocol';
import type { BuyerLog } from '../books/log.ts';
import type { NodeClient } from '../chain/node-client.ts';
import type { Signer } from '../chain/signer.ts';
import type { CoordinatorClient } from '../http/clients.ts';
import type { Transport } from '../http/transport.ts';
import type { AgentStore } from './store.ts';

/** A way for letters beside the mailbox, such as the bus. */
export interface LetterCarrier {
  /** Resolves when the receiver has the letter in its hands. Throws when it is away. */
  send(to: Hex, letter: Uint8Array, options: { readonly signal?: AbortSignal }): Promise<void>;
  /** Calls back for each letter to us until the answer is called. */
  onLetter(handler: (letter: Uint8Array) => void): () => void;
}

/** Who an agent is, what it may spend, and whom it asks. Amounts in nait. */
export interface AgentOptions {
  /** The agent's own keys: they sign vouchers and letters, and its transactions unless `signer` does. */
  readonly keys: KeyPair;
  /** Signs transactions, such as a wallet; its account then is the agent's. */
  readonly signer?: Signer | undefined;
  /** Who gave a mandate to the keys: its vault pays for inference, and fills the agent's account for rewards. */
  readonly mandate?: { readonly owner: string } | undefined;
  readonly budget: {
    /** Most that the agent spends, ever, while its store lives. */
    readonly totalNait: bigint;
    /** Most for one answer; default a tenth of the total. */
    readonly callNait?: bigint | undefined;
    /** What a channel is filled with; default a tenth of the total. */
    readonly channelNait?: bigint | undefined;
  };
  /** URL of the coordinator. */
  readonly coordinator: string;
  /** URL of a node. */
  readonly node: string;
  /** Default: in memory. */
  readonly store?: AgentStore | undefined;
  readonly carrier?: LetterCarrier | undefined;
  /** Take offers with private addresses: for a devnet. Default false. */
  readonly allowPrivate?: boolean | undefined;
}

/** Parts that programs and tests may replace. */
export interface AgentDeps {
  readonly clock?: Clock | undefined;
  readonly log?: BuyerLog | undefined;
  readonly transport?: Transport | undefined;
  readonly nodeClient?: NodeClient | undefined;
  readonly coordinatorClient?: CoordinatorClient | undefined;
}

/** Options of what waits. */
export interface AgentCallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A chat to buy. */
export interface ChatWish {
  readonly model: string;
  readonly messages: readonly InferenceMessage[];
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly seed?: number | undefined;
  readonly stop?: readonly string[] | undefined;
  /** Most for this answer, nait; default `budget.callNait`. */
  readonly maxNait?: bigint | undefined;
  /** The same key and chat are the same job, paid once; default a fresh one. */
  readonly idempotencyKey?: string | undefined;
}

/** Options of a chat. */
export interface ChatOptions extends AgentCallOptions {
  /** Called with each piece of text as it arrives. */
  readonly onText?: ((text: string) => void) | undefined;
}

/** A bought answer. */
export interface ChatAnswer {
  readonly jobId: Hex;
  readonly text: string;
  readonly finishReason: string;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly chargedNait: bigint;
  /** Who gave what, in order: one part, or several when the answer moved. */
  readonly parts: readonly { readonly provider: string; readonly chargedNait: bigint }[];
}

/** An asynchronous job and how it ended. */
export interface BatchAnswer {
  readonly jobId: Hex;
  readonly state: string;
  /** Undefined when it did not complete. */
  readonly text: string | undefined;
  readonly chargedNait: bigint;
}

/** Work for another agent. */
export interface HireWish {
  readonly spec: TaskSpec;
  readonly rewardNait: bigint;
  /** Address of who shall do it; anyone with the skill when left out. */
  readonly worker?: string | undefined;
  readonly arbiter?: string | undefined;
  /** How long it may take, ms; default an hour. */
  readonly withinMs?: number | undefined;
  /** How long silence is not approval, ms; default ten minutes. */
  readonly reviewMs?: number | undefined;
  /** True approves, a text disputes with this reason; default approves whatever came. */
  readonly judge?: ((text: string) => true | string | Promise<true | string>) | undefined;
}

/** How the work ended. `approved`: paid. `disputed`: the arbiter decides. `expired`: nobody delivered, the reward is back. */
export interface HireResult {
  readonly taskId: Hex;
  readonly outcome: 'approved' | 'disputed' | 'expired';
  readonly worker: string | null;
  /** Result of the worker; undefined when there is none or it does not open. */
  readonly text: string | undefined;
  /** What the worker got, nait; 0 while that is not decided. */
  readonly paidNait: bigint;
}

/** A task as its worker sees it. */
export interface OfferedTask {
  readonly taskId: Hex;
  readonly poster: string;
  readonly rewardNait: bigint;
  readonly deadlineMs: number;
  readonly state: TaskState;
  readonly spec: TaskSpec;
}

/** Does the work of a task and gives its result. What it throws leaves the task to its deadline. */
export type TaskHandler = (task: OfferedTask, signal: AbortSignal) => Promise<string> | string;

/** Options of a service. */
export interface ServeOptions extends AgentCallOptions {
  /** Tasks that pay less are left alone; default 0. */
  readonly minRewardNait?: bigint | undefined;
  /** Also takes tasks that anyone may accept; default only those for this agent. */
  readonly takesOpen?: boolean | undefined;
  /** Hears what a handler threw. */
  readonly onError?: ((taskId: Hex, error: unknown) => void) | undefined;
}

/** A running service. */
export interface Service {
  /** Results handed in so far. */
  readonly submitted: number;
  /** Takes no more, aborts what runs, and resolves when it has ended. */
  stop(): Promise<void>;
}

/** What is said in a letter: text, JSON or bytes. */
export type MessageWish =
  | { readonly text: string }
  | { readonly json: unknown }
  | { readonly contentType: string; readonly payload: Uint8Array };

/** Options of a letter. */
export interface MessageOptions extends AgentCallOptions {
  /** Id of the letter that this one answers. */
  readonly replyTo?: Hex | undefined;
  /** How long it is worth reading, ms; default and most a week. */
  readonly lifetimeMs?: number | undefined;
}

/**
 * How far a letter came. `delivered`: the receiver has it in its hands. `stored`: a coordinator keeps it. `waiting`: neither could be
 * reached; it is kept here and sent again.
 */
export interface SentMessage {
  readonly id: Hex;
  readonly state: 'delivered' | 'stored' | 'waiting';
}

/** A letter that was received, in order. */
export interface AgentMessage {
  readonly id: Hex;
  /** Address of the sender. */
  readonly from: string;
  readonly timeMs: number;
  readonly contentType: string;
  readonly payload: Uint8Array;
  readonly replyTo: Hex | undefined;
  /** Letters of the sender right before this one that never came. */
  readonly missing: number;
  /** The payload as text, undefined when it is none. */
  readonly text: string | undefined;
  /** The payload as JSON, undefined when it is none. */
  readonly json: unknown;
  reply(message: MessageWish, options?: MessageOptions): Promise<SentMessage>;
}

/** Hears letters, one after the other. */
export type MessageListener = (message: AgentMessage) => void | Promise<void>;

/** What was spent, nait. */
export interface Spending {
  readonly totalNait: bigint;
  readonly spentNait: bigint;
  readonly heldNait: bigint;
}
