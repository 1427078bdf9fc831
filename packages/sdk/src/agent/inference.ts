/** What an agent buys: answers, vectors and asynchronous jobs, each within the budget. */
import { hex, randomBytes } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  type EmbedRequest,
  type Hex,
  type InferenceRequest,
  type Network,
  unwrap,
} from '@aitbc/protocol';
import { z } from 'zod';
import type { CallRow } from '../books/store.ts';
import type { Buyer } from '../buyer/buyer.ts';
import {
  jobIdFor,
  type Wanted,
  wantedChat,
  wantedSubmission,
  wantedVectors,
} from '../buyer/purchase.ts';
import type { BuyCall, EmbedCall, EmbedResult } from '../buyer/types.ts';
import { pause } from '../chain/pause.ts';
import type { CoordinatorClient } from '../http/clients.ts';
import type { Budget, Hold, Look } from './budget.ts';
import type { AgentCallOptions, BatchAnswer, ChatAnswer, ChatOptions, ChatWish } from './types.ts';

/** What buying needs. */
export interface InferenceDeps {
  readonly budget: Budget;
  /** Most for one answer, nait. */
  readonly callNait: bigint;
  readonly coordinator: Pick<CoordinatorClient, 'getJob' | 'jobResult'>;
  readonly network: Network;
  /** Starts the buyer with its first use. */
  buyer(): Promise<Buyer>;
  /** All calls of a job in the books of the buyer. */
  callsOf(jobId: Hex): readonly CallRow[] | Promise<readonly CallRow[]>;
}

/** Buys. Every call throws what the buyer throws, and BUDGET_EXCEEDED. */
export interface Inference {
  chat(wish: ChatWish, options?: ChatOptions): Promise<ChatAnswer>;
  embed(request: EmbedRequest, options?: AgentCallOptions): Promise<EmbedResult>;
  batch(wishes: readonly ChatWish[], options?: AgentCallOptions): Promise<BatchAnswer[]>;
}

const keyBytes = 16;
const lookEveryMs = 500;
const endStates: readonly string[] = ['completed', 'failed', 'expired', 'cancelled'];

/** Inference over a buyer. */
export function createInference(deps: InferenceDeps): Inference {
  return {
    chat: (wish, options = {}) => chat(deps, wish, options),
    embed: (request, options = {}) => embed(deps, request, options),
    async batch(wishes, { signal } = {}) {
      const jobs: Reserved<BuyCall>[] = [];
      for (const wish of wishes) jobs.push(await submit(deps, wish, signal));
      return Promise.all(jobs.map((job) => awaitJob(deps, job, signal)));
    },
  };
}

function requestOf(wish: ChatWish, stream: boolean): InferenceRequest {
  const { model, messages, maxTokens, temperature, seed, stop = [] } = wish;
  const rest = { topP: undefined, topK: undefined };
  return { model, messages, maxTokens, temperature, seed, stop: [...stop], stream, ...rest };
}

/** A call for which the most that it can cost is held. */
interface Reserved<C> {
  readonly jobId: Hex;
  readonly hold: Hold;
  readonly buyer: Buyer;
  readonly call: C & { readonly maxNait: bigint };
}

type Keys = Pick<BuyCall, 'idempotencyKey' | 'isFreshKey' | 'maxNait' | 'signal'>;

/** What is to be bought, before its key is chosen. */
interface Plan<C extends Keys> {
  readonly wish: Pick<ChatWish, 'maxNait' | 'idempotencyKey'>;
  readonly call: Omit<C, keyof Keys>;
  readonly signal: AbortSignal | undefined;
  wanted(call: C): Wanted;
}

async function reserve<C extends Keys>(
  { budget, callNait, buyer, network }: InferenceDeps,
  { wish, call, signal, wanted }: Plan<C>,
): Promise<Reserved<C>> {
  const { maxNait = callNait, idempotencyKey = hex(randomBytes(keyBytes)) } = wish;
  const isFreshKey = wish.idempotencyKey === undefined;
  const keys: Keys = { idempotencyKey, isFreshKey, maxNait, signal };
  const whole = { ...call, ...keys } as C & { readonly maxNait: bigint };
  const started = await buyer();
  const jobId = jobIdFor(network, unwrap(accountIdOf(started.payer)), wanted(whole));
  const hold = await budget.hold(`job ${jobId} ${hex(randomBytes(4))}`, maxNait);
  return { jobId, hold, buyer: started, call: whole };
}

/** What a job has come to, once all of its calls have ended. */
export function jobLook({ callsOf }: Pick<InferenceDeps, 'callsOf'>, jobId: Hex): Look {
  return async () => {
    const calls = await callsOf(jobId);
    const isOpen = calls.some(({ status }) => status !== 'settled' && status !== 'refused');
    return isOpen ? undefined : calls.reduce((sum, { charged }) => sum + charged, 0n);
  };
}

/** Id of the job that a hold is for. */
export function jobIdOfHold(name: string): Hex | undefined {
  return /^job ([0-9a-f]{64}) /.exec(name)?.[1];
}

/** The end of a call that failed: what its job owes is spent; while that is open, all of it stays held. */
async function settleFailed(
  deps: InferenceDeps,
  { hold, jobId }: Pick<Reserved<unknown>, 'hold' | 'jobId'>,
): Promise<void> {
  const look = jobLook(deps, jobId);
  const known = await look();
  if (known === undefined) hold.leave(look);
  else await hold.settle(known);
}

async function chat(
  deps: InferenceDeps,
  wish: ChatWish,
  options: ChatOptions,
): Promise<ChatAnswer> {
  const { signal, onText } = options;
  const reserved = await reserve<BuyCall>(deps, {
    ...{ wish, signal, call: { request: requestOf(wish, true) } },
    wanted: (call) => wantedChat(call, 'windowed'),
  });
  const { jobId, hold, buyer, call } = reserved;
  try {
    const job = await buyer.run(call);
    let text = '';
    for await (const event of job.events) {
      if (event.type === 'text') {
        text += event.text;
        onText?.(event.text);
      }
      if (event.type !== 'end') continue;
      const { finishReason, promptTokens, outputTokens, charged, parts } = event.end;
      await hold.settle(charged);
      const shares = parts.map((part) => ({ provider: part.provider, chargedNait: part.charged }));
      const bill = { promptTokens, outputTokens, chargedNait: charged, parts: shares };
      return { jobId, text, finishReason, ...bill };
    }
    throw new AppError('UNAVAILABLE', { what: 'The provider', reason: 'it ended early' });
  } catch (error) {
    await settleFailed(deps, reserved);
    throw error;
  }
}

async function embed(
  deps: InferenceDeps,
  request: EmbedRequest,
  { signal }: AgentCallOptions,
): Promise<EmbedResult> {
  const plan = { wish: {}, call: { request }, signal, wanted: wantedVectors };
  const reserved = await reserve<EmbedCall>(deps, plan);
  try {
    const result = await reserved.buyer.embed(reserved.call);
    await reserved.hold.settle(result.charged);
    return result;
  } catch (error) {
    await settleFailed(deps, reserved);
    throw error;
  }
}

async function submit(
  deps: InferenceDeps,
  wish: ChatWish,
  signal: AbortSignal | undefined,
): Promise<Reserved<BuyCall>> {
  const call = { request: requestOf(wish, false) };
  const reserved = await reserve<BuyCall>(deps, { wish, call, signal, wanted: wantedSubmission });
  try {
    await reserved.buyer.submit(reserved.call);
    return reserved;
  } catch (error) {
    await settleFailed(deps, reserved);
    throw error;
  }
}

const zAnswer = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
});

/** Waits for the end. When the caller leaves, the job goes on and its hold stays until its end is known. */
async function awaitJob(
  deps: InferenceDeps,
  reserved: Reserved<BuyCall>,
  signal: AbortSignal | undefined,
): Promise<BatchAnswer> {
  const { jobId } = reserved;
  try {
    for (;;) {
      const { state } = await deps.coordinator.getJob({ jobId }, { signal });
      if (state === 'completed') return await finished(deps, reserved, signal);
      if (endStates.includes(state)) {
        await settleFailed(deps, reserved);
        return { jobId, state, text: undefined, chargedNait: 0n };
      }
      await pause(lookEveryMs, signal);
    }
  } catch (error) {
    await settleFailed(deps, reserved);
    throw error;
  }
}

async function finished(
  { coordinator }: InferenceDeps,
  { jobId, hold, call }: Reserved<BuyCall>,
  signal: AbortSignal | undefined,
): Promise<BatchAnswer> {
  const { answer, receipt } = await coordinator.jobResult({ jobId }, { signal });
  const chargedNait = BigInt(receipt.payload.charged);
  await hold.settle(chargedNait < call.maxNait ? chargedNait : call.maxNait);
  const parsed = zAnswer.safeParse(answer);
  const text = parsed.success ? parsed.data.choices[0]?.message.content : undefined;
  return { jobId, state: 'completed', text, chargedNait };
}
