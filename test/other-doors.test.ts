/**
 * The doors beside the gateway: an agent that pays by itself with the SDK's `fetch` and stock clients, a
 * provider in front of an Ollama server, asynchronous jobs, and a stranger who sends no payment.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bytesFromBase64, keyPairFromSeed, randomBytes, textFromUtf8 } from '@aitbc/primitives';
import { verifyJobProof } from '@aitbc/protocol';
import {
  type Buyer,
  createBuyer,
  createLocalSigner,
  createMemoryStore,
  createPayingFetch,
  createTxSender,
} from '@aitbc/sdk';
import { validatePaymentRequired } from '@x402/core/schemas';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settleAll, startNetwork, type TestNetwork, until } from './harness.ts';

const engineEntry = fileURLToPath(
  new URL('../apps/provider/dist/engines/testing/run-engine-server.js', import.meta.url),
);

let engineServer: ChildProcess;
let network: TestNetwork;
let buyer: Buyer;
let paying: typeof fetch;

/** An Ollama-shaped server over the real embedded engine, as a process of its own. */
async function startEngineServer(): Promise<string> {
  engineServer = spawn(process.execPath, [engineEntry, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: engineServer.stdout! })) {
    if (line.includes('"url"')) return JSON.parse(line).url;
  }
  throw new Error('the engine server did not start');
}

/** An agent with a key of its own in this process, funded by the faucet. */
async function createAgent(): Promise<Buyer> {
  const { node, coordinator } = network.devnet.clients;
  const owner = keyPairFromSeed(randomBytes(32));
  const info = await node.network();
  const signer = createLocalSigner(info.network, owner.secretKey);
  const { txId } = await node.rpc.dev_faucet({ address: signer.address });
  await until('the agent has coins', async () => {
    return (await node.rpc.tx_get({ txId })).status === 'final';
  });
  const ait = 1_000_000_000n;
  return createBuyer(
    { jobMax: ait, dayMax: 10n * ait, channelFund: ait, vaultFund: ait, allowPrivate: true },
    {
      node,
      coordinator,
      sender: createTxSender({ node, signer }),
      hotKey: keyPairFromSeed(randomBytes(32)),
      store: createMemoryStore(),
    },
  );
}

beforeAll(async () => {
  process.env.AITBC_PROVIDER_OLLAMA_URL = await startEngineServer();
  // Nothing in here depends on how many nodes agree; one leaves the processor to the engine.
  network = await startNetwork({ engine: 'ollama', validators: 1 });
  buyer = await createAgent();
  paying = createPayingFetch(buyer);
});
afterAll(async () => {
  await buyer?.close();
  await network?.end();
  engineServer?.kill();
  delete process.env.AITBC_PROVIDER_OLLAMA_URL;
});

async function model(): Promise<string> {
  return (await network.devnet.clients.coordinator.models({})).data[0]!.id;
}

const question = 'How is a rowid chosen?';

describe('the paying fetch against a provider with an Ollama engine', () => {
  it('serves the stock ollama client, chat and generate, streaming and not', async () => {
    const ollama = new Ollama({ host: 'http://aitbc.invalid', fetch: paying });
    const options = { temperature: 0, num_predict: 24 };
    const messages = [{ role: 'user', content: question }];
    const whole = await ollama.chat({ model: await model(), messages, options });
    expect(whole).toMatchObject({ done: true, eval_count: 24 });
    let text = '';
    const stream = await ollama.chat({ model: await model(), messages, options, stream: true });
    for await (const part of stream) text += part.message.content;
    expect(text).toBe(whole.message.content);
    const generated = await ollama.generate({ model: await model(), prompt: question, options });
    expect(generated.response?.length).toBeGreaterThan(10);
  });

  it('serves the stock openai client, and every nait is on chain afterwards', async () => {
    const openai = new OpenAI({
      baseURL: 'http://aitbc.invalid/v1',
      apiKey: 'unused',
      fetch: paying,
    });
    const answer = await openai.chat.completions.create({
      model: await model(),
      messages: [{ role: 'user', content: question }],
      max_tokens: 20,
    });
    expect(answer.usage?.completion_tokens).toBe(20);
    await settleAll(network.devnet);
    const { node } = network.devnet.clients;
    const [channel] = buyer.channels();
    const onChain = await node.rpc.state_getChannel({ channelId: channel!.channelId });
    expect(BigInt(onChain.totalClaimed)).toBe(channel!.settled);
    expect(channel!.settled).toBeGreaterThan(0n);
  });
});

describe('an asynchronous job', () => {
  it('is paid for at submission, runs at its provider, and its answer comes with a receipt', async () => {
    const { gateway, coordinator, node } = network.devnet.clients;
    const submitted = await gateway.submitJob({
      model: await model(),
      messages: [{ role: 'user', content: question }],
      max_tokens: 30,
      temperature: 0,
    });
    const { jobId } = submitted;
    await until('the job is done', async () => {
      const { state } = await coordinator.getJob({ jobId });
      if (state === 'failed' || state === 'expired') throw new Error(state);
      return state === 'completed';
    });
    const result = await coordinator.jobResult({ jobId });
    const answer = result.answer as OpenAI.ChatCompletion;
    expect(answer.choices[0]?.message.content?.length).toBeGreaterThan(10);
    expect(result.receipt.payload).toMatchObject({ jobId, outcome: 'complete', to: 30 });
    const proof = await until('the gateway has the receipts', () =>
      gateway.proof({ jobId }).catch(() => undefined),
    );
    expect(verifyJobProof((await node.network()).network, proof).ok).toBe(true);
  });
});

describe('a stranger without payment', () => {
  it('gets 402 with terms that x402 accepts, in both dialects', async () => {
    const { url } = network.devnet.daemon('provider');
    const body = { model: await model(), messages: [{ role: 'user', content: question }] };
    for (const path of ['/v1/chat/completions', '/api/chat']) {
      const answer = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
      expect(answer.status).toBe(402);
      expect(answer.headers.get('cache-control')).toContain('no-store');
      const header = bytesFromBase64(answer.headers.get('payment-required') ?? '*')!;
      const terms = JSON.parse(textFromUtf8(header));
      expect(() => validatePaymentRequired(terms)).not.toThrow();
      expect(terms.accepts[0]).toMatchObject({ scheme: 'batch-settlement', asset: 'native' });
    }
  });

  it('finds none of the dangerous routes of the engine behind the provider', async () => {
    const { url } = network.devnet.daemon('provider');
    for (const path of [
      '/api/pull',
      '/api/delete',
      '/api/create',
      '/api/show',
      '/api/ps',
      '/debug/pprof/',
    ]) {
      const answer = await fetch(url + path, { method: 'POST', body: '{}' });
      expect(answer.status, path).toBe(404);
    }
  });
});
