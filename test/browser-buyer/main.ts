/** What a page can do with the SDK: pay through `fetch` and the AI SDK, start a buyer, check a proof. */
import { hex, keyPairFromSeed, randomBytes, systemClock } from '@aitbc/primitives';
import { asAppError, decodeJobProof, networkFromHash, verifyJobProof } from '@aitbc/protocol';
import {
  createBuyer,
  createCoordinatorClient,
  createLocalSigner,
  createMemoryStore,
  createNodeClient,
  createPayingFetch,
  createTransport,
  createTxSender,
  type JobEnd,
  type JobEvent,
} from '@aitbc/sdk';
import { createAitbc } from '@aitbc/sdk/ai-sdk';
import { streamText } from 'ai';

const provider = 'ait1x';
const jobId = hex(randomBytes(32));

type FetchBuyer = Parameters<typeof createPayingFetch>[0];

/** A buyer of three words. */
const words: FetchBuyer = {
  async run({ signal }) {
    const part = { provider, channelId: jobId, from: 0, to: 3, charged: 42n };
    async function* events(): AsyncGenerator<JobEvent> {
      for (const text of ['one ', 'two ', 'three']) {
        signal?.throwIfAborted();
        yield { type: 'text', text };
      }
      const end: JobEnd = {
        ...{ outcome: 'complete', finishReason: 'stop', promptTokens: 5, outputTokens: 3 },
        ...{ charged: 42n, firstTokenMs: 1, durationMs: 2 },
        parts: [{ ...part, outcome: 'complete' }],
      };
      yield { type: 'end', end };
    }
    return { jobId, offer: { provider } as never, events: events() };
  },
  embed: async ({ request: { inputs } }) => ({
    ...{ jobId, vectors: inputs.map(({ length }) => [length]) },
    ...{ promptTokens: 1, charged: 1n, provider },
  }),
};

/** What the test asks the page for. */
export interface PageCalls {
  /** Body of a streamed answer. */
  fetchChat(): Promise<string>;
  /** Text and bill of an answer over the AI SDK. */
  streamChat(): Promise<readonly [string, string]>;
  /** Code of the error of a buyer whose node is away. */
  startBuyer(url: string): Promise<string>;
  /** Whether a proof holds, by its bytes. */
  checkProof(bytes: readonly number[], genesisHash: string): boolean;
}

declare global {
  interface Window {
    calls?: PageCalls;
  }
}

window.calls = {
  async fetchChat() {
    const messages = [{ role: 'user', content: 'hi' }];
    const body = JSON.stringify({ model: 'm', stream: true, messages });
    const url = 'http://market/v1/chat/completions';
    const headers = { 'content-type': 'application/json' };
    const answer = await createPayingFetch(words)(url, { method: 'POST', headers, body });
    return answer.text();
  },
  async streamChat() {
    const answer = streamText({ model: createAitbc({ buyer: words })('m'), prompt: 'hi' });
    const text = await answer.text;
    const metadata = await answer.providerMetadata;
    return [text, String(metadata?.aitbc?.charged)];
  },
  async startBuyer(url) {
    const node = createNodeClient({ url });
    const hotKey = keyPairFromSeed(randomBytes(32));
    const signer = createLocalSigner(networkFromHash('test', 'ab'.repeat(32)), hotKey.secretKey);
    const options = { jobMax: 1n, dayMax: 1n, channelFund: 1n, allowPrivate: true };
    const deps = {
      ...{ node, hotKey, store: createMemoryStore(), clock: systemClock },
      coordinator: createCoordinatorClient({ baseUrl: url }, createTransport()),
      sender: createTxSender({ node, signer }),
    };
    try {
      await createBuyer(options as never, deps);
      return 'OK';
    } catch (error) {
      return asAppError(error).code;
    } finally {
      await node.close();
    }
  },
  checkProof(bytes, genesisHash) {
    const proof = decodeJobProof(new Uint8Array(bytes));
    return proof.ok && verifyJobProof(networkFromHash('test', genesisHash), proof.value).ok;
  },
};
