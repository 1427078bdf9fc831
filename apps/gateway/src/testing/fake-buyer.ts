/** A buyer that answers from a script, for tests of what stands in front of it. */
import { sha256Hex, utf8 } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  type EmbedRequest,
  type SignedReceipt,
  wireBodyOf,
} from '@aitbc/protocol';
import type { BuyCall, Buyer, JobEnd, JobEvent, RunningJob } from '@aitbc/sdk';

/** What the buyer does with a call. */
export type Script = (call: BuyCall) => AsyncGenerator<JobEvent>;

export const testProvider = addressOf('11'.repeat(32));
export const secondProvider = addressOf('22'.repeat(32));
const payer = addressOf('33'.repeat(32));

export interface FakeBuyer {
  readonly buyer: Buyer;
  readonly calls: BuyCall[];
  readonly embeds: { request: EmbedRequest; idempotencyKey: string }[];
  /** Set to change what the next calls get. */
  script: Script;
}

/** End of an answer of `count` tokens. */
export function endOf(count: number, more: Partial<JobEnd> = {}): JobEnd {
  return {
    outcome: 'complete',
    finishReason: 'stop',
    promptTokens: 5,
    outputTokens: count,
    charged: 42n,
    firstTokenMs: 10,
    durationMs: 30,
    parts: [],
    ...more,
  };
}

/** An answer of these texts. */
export function saying(texts: readonly string[], more: Partial<JobEnd> = {}): Script {
  return async function* say() {
    for (const text of texts) yield { type: 'text', text };
    yield { type: 'end', end: endOf(texts.length, more) };
  };
}

/** A receipt that says what is owed, as far as the gateway looks at it. */
export function owing(charged: string, channelId = 'aa'.repeat(32)): JobEvent {
  return { type: 'receipt', receipt: { payload: { channelId, charged } } as SignedReceipt };
}

export const words = ['one ', 'two ', 'three'];

export function createFakeBuyer(): FakeBuyer {
  const fake: FakeBuyer = {
    calls: [],
    embeds: [],
    script: saying(words),
    buyer: undefined as unknown as Buyer,
  };
  const jobIdOf = (key: string, body: unknown) => sha256Hex(utf8(key + JSON.stringify(body)));
  const buyer = {
    payer,
    async run(call: BuyCall): Promise<RunningJob> {
      fake.calls.push(call);
      const events = fake.script(call);
      const jobId = jobIdOf(call.idempotencyKey, wireBodyOf(call.request));
      const offer = { provider: testProvider } as RunningJob['offer'];
      return { jobId, offer, events };
    },
    async embed({ request, idempotencyKey }: FakeBuyer['embeds'][number]) {
      fake.embeds.push({ request, idempotencyKey });
      return {
        jobId: jobIdOf(idempotencyKey, request),
        vectors: request.inputs.map((_text, index) => [index, 0.5, -1.25]),
        promptTokens: 7,
        charged: 9n,
        provider: testProvider,
      };
    },
    submit: () => Promise.reject(new AppError('UNAVAILABLE', { what: 'test', reason: 'fake' })),
    channels: () => [],
    spentToday: () => 42n,
    openCalls: () => [],
    commitment: () => ({ nait: 0n, isOpen: false }),
    close: async () => {},
  };
  return Object.assign(fake, { buyer: buyer as unknown as Buyer });
}
