/** A buyer of the SDK for an agent, and one job bought with it. */
import { asAppError } from '@aitbc/protocol';
import { type Buyer, createBuyer } from '@aitbc/sdk';
import { type BuyerBooks, type JobNote, noteTrouble } from '../books/books.ts';
import { createRecordingStore, type RecordingStore } from '../books/recording-store.ts';
import type { AgentPlace } from '../contract.ts';
import { messagesOf } from './errands.ts';
import { keyPairOf, newKeys } from './keys.ts';
import type { AgentParts } from './parts.ts';

const channelFund = 5_000_000n;
const vaultFund = 25_000_000n;
const jobMax = 2_000_000n;
const dayMax = 1_000_000_000_000n;
const stallMs = 2_500;
const firstTokenGraceMs = 2_500;
const retryMs = 500;
/** Providers that one buyer knows. */
const circleMax = 6;

/** A buyer and its rows. */
export interface OwnedBuyer {
  readonly buyer: Buyer;
  books(): BuyerBooks;
}

/** Starts a buyer; tries until its node answers, undefined when the run is over before. */
export async function openBuyer(
  { name, keys }: AgentPlace,
  parts: AgentParts,
): Promise<OwnedBuyer | undefined> {
  const store = createRecordingStore();
  const hotKey = keyPairOf(newKeys());
  const node = parts.nodeFor(name);
  const coordinator = parts.coordinatorFor(name);
  const sender = parts.senderFor(keys, name);
  const wishes = { only: circleOf(name, parts) };
  const options = { channelFund, vaultFund, jobMax, dayMax, stallMs, firstTokenGraceMs, wishes };
  for (;;) {
    try {
      const buyer = await createBuyer(
        { ...options, allowPrivate: true },
        { node, coordinator, sender, hotKey, store },
      );
      return { buyer, books: () => booksOf(name, keys.address, store) };
    } catch (error) {
      noteTrouble(parts.notes, 'starting a buyer', error);
      if (!(await parts.pause(retryMs))) return undefined;
    }
  }
}

/** Each buyer knows some of the providers only, so that not all go to the cheapest. */
function circleOf(name: string, { facts, drawFor }: AgentParts): string[] {
  const sellers = facts.providers.filter(({ isVerifiable }) => !isVerifiable);
  const known = drawFor(`circle of ${name}`).shuffled(sellers).slice(0, circleMax);
  return known.map(({ keys }) => keys.address);
}

function booksOf(name: string, payer: string, store: RecordingStore): BuyerBooks {
  return { name, payer, channels: store.channels(), calls: store.calls(), isGone: false };
}

/** Buys one job to its end, and notes it. `onText` may throw to leave. */
export async function buyJob(
  buyer: Buyer,
  job: JobNote,
  { signal, onText = () => {} }: { readonly signal: AbortSignal; readonly onText?: () => void },
): Promise<void> {
  job.text = '';
  job.state = 'running';
  const request = {
    ...{ model: job.model, messages: messagesOf(job), maxTokens: job.maxTokens, stream: true },
    ...{ temperature: 0, topP: undefined, topK: undefined, seed: undefined, stop: [] },
  };
  try {
    const running = await buyer.run({ request, idempotencyKey: job.key, signal });
    job.jobId = running.jobId;
    for await (const event of running.events) {
      if (event.type === 'moved') job.moves += 1;
      if (event.type === 'text') {
        job.text += event.text;
        onText();
      }
      if (event.type !== 'end') continue;
      job.parts = event.end.parts;
      job.finishReason = event.end.finishReason;
      job.state = 'complete';
    }
    if (job.state === 'running') fail(job, 'the events end without an end');
  } catch (error) {
    fail(job, asAppError(error).code);
  }
}

function fail(job: JobNote, code: string): void {
  job.state = 'failed';
  job.code = code;
}
