import { zReplayMeasure } from '@aitbc/protocol';
import { z } from 'zod';

/** What the worker says about the model it loaded. */
const model = z.object({
  name: z.string(),
  digest: z.string(),
  quantization: z.string(),
  contextMax: z.number().int().positive(),
  parameters: z.number().int().nonnegative(),
  verifiable: z.boolean(),
  version: z.string(),
});

const id = z.number().int();
const count = z.number().int().nonnegative();

/** Every message from the worker; the other direction is typed by `WorkerCommand`. */
export const workerMessage = z.discriminatedUnion('t', [
  z.object({ t: z.literal('ready'), model }),
  z.object({ t: z.literal('failed'), reason: z.string() }),
  z.object({ t: z.literal('pieces'), id, p: z.array(z.tuple([z.string(), count])) }),
  z.object({
    t: z.literal('end'),
    id,
    reason: z.enum(['stop', 'length', 'cancelled']),
    promptTokens: count,
    completionTokens: count,
  }),
  z.object({ t: z.literal('refused'), id, bad: z.boolean(), reason: z.string() }),
  z.object({ t: z.literal('counted'), id, tokens: count }),
  z.object({
    t: z.literal('embedded'),
    id,
    vectors: z.array(z.array(z.number())),
    promptTokens: count,
  }),
  z.object({ t: z.literal('audited'), id, measure: zReplayMeasure }),
]);

export type WorkerMessage = z.infer<typeof workerMessage>;
export type WorkerModel = z.infer<typeof model>;
export type WorkerEnd = Extract<WorkerMessage, { t: 'end' }>;

/** The part of a request that the worker sees. */
export interface WorkerRequest {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly prefixText?: string;
  readonly maxTokens: number;
  readonly stop?: readonly string[];
  readonly sampling: {
    readonly temperature?: number;
    readonly topP?: number;
    readonly topK?: number;
    readonly seed?: number;
  };
}

/** An answer that the worker replays. */
export interface WorkerAudit {
  readonly messages: WorkerRequest['messages'];
  readonly stop: readonly string[];
  readonly prefixText: string;
  readonly text: string;
  readonly sampling: { readonly temperature: 0 };
}

/** The first message to a worker. */
export interface LoadCommand {
  readonly t: 'load';
  readonly modelPath: string;
  readonly name?: string;
  readonly slots: number;
  readonly contextMax?: number;
  readonly threads: number;
}

/** Messages to the worker. */
export type WorkerCommand =
  | LoadCommand
  | {
      readonly t: 'run';
      readonly id: number;
      readonly request: WorkerRequest;
      readonly credits: number;
    }
  | { readonly t: 'grant'; readonly id: number; readonly tokens: number }
  | { readonly t: 'cancel'; readonly id: number }
  | { readonly t: 'audit'; readonly id: number; readonly request: WorkerAudit }
  | { readonly t: 'embed'; readonly id: number; readonly inputs: readonly string[] }
  | { readonly t: 'count'; readonly id: number; readonly request: WorkerRequest };
