/**
 * The promise of the product: an answer survives its provider. Real processes on loopback; the provider that
 * serves is killed with SIGKILL in the middle of the answer, at many tokens and in every dialect, and
 * the client, a stock one, sees the same text as if nothing had happened.
 *
 * Afterwards the books of each job must close exactly: its receipts tile over both providers, each is
 * charged its own tokens, the prompt once, and the chain pays that and no more. No transaction is sent
 * between the death and the end of the answer.
 *
 * AITBC_FAILOVER=all kills at every token of the answer; CI takes a few.
 */

import type { ProviderName } from '@aitbc/cli/devnet';
import {
  auditDigestOf,
  chargeFor,
  type JobProof,
  priceOf,
  unwrap,
  verifyJobProof,
} from '@aitbc/protocol';
import Anthropic from '@anthropic-ai/sdk';
import { Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settleAll, startNetwork, type TestNetwork, until } from './harness.ts';

const tokens = 64;
const isThorough = process.env.AITBC_FAILOVER === 'all';
const everyToken = Array.from({ length: tokens + 1 }, (_, index) => index);
const killPoints = isThorough ? everyToken : [0, 1, 16, 17, 64];
const prompt = 'How does a virtual table use the xColumn method?';
const messages = [{ role: 'user' as const, content: prompt }];

let network: TestNetwork;
let model: string;
/** Providers by address. */
const names = new Map<string, ProviderName>();
const gaps: number[] = [];
/** Output tokens at which answers changed their provider. */
const cuts = new Set<number>();
const triesMax = 8;

beforeAll(async () => {
  process.env.AITBC_GATEWAY_CHANNEL_FUND = '50000000';
  network = await startNetwork({ providers: 2 });
  const { providers, clients } = network.devnet;
  for (const [name, client] of providers) names.set((await client.status({})).provider, name);
  model = (await clients.coordinator.models({})).data[0]?.id ?? '';
});
afterAll(async () => {
  delete process.env.AITBC_GATEWAY_CHANNEL_FUND;
  await network?.end();
  if (gaps.length > 0) {
    const places = [...cuts].sort((a, b) => a - b).join(', ');
    console.info(`gap of the stream: ${summaryOf(gaps)}; moved at tokens ${places}`);
  }
});

function summaryOf(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  const figures = [at(0.5), at(0.99)].map((ms) => `${Math.round(ms ?? 0)} ms`);
  return `p50 ${figures[0]}, p99 ${figures[1]} of ${sorted.length}`;
}

/** Hears each piece of an answer as it arrives. */
type OnPiece = (piece: string) => void;

/** Asks in one dialect through a stock client; resolves with the whole text. */
type Ask = (onPiece: OnPiece) => Promise<string>;

/** Address of the provider that the last answer began with. */
let serving: string | null = null;

/** The stock clients take a fetch; this one only reads a header in passing. */
const watch: typeof fetch = async (...args) => {
  const answer = await fetch(...args);
  serving = answer.headers.get('x-aitbc-provider') ?? serving;
  return answer;
};

const gateway = () => network.devnet.daemon('gateway').url;
const openai = () =>
  new OpenAI({ baseURL: `${gateway()}/v1`, apiKey: 'unused', maxRetries: 0, fetch: watch });
const ollama = () => new Ollama({ host: gateway(), fetch: watch });
const anthropic = () =>
  new Anthropic({ baseURL: gateway(), apiKey: 'unused', maxRetries: 0, fetch: watch });

async function collect<T>(
  stream: AsyncIterable<T>,
  pieceOf: (part: T) => string,
  onPiece: OnPiece,
): Promise<string> {
  let text = '';
  for await (const part of stream) {
    const piece = pieceOf(part);
    text += piece;
    if (piece !== '') onPiece(piece);
  }
  return text;
}

const chat = { max_tokens: tokens, temperature: 0 };
const ollamaOptions = { num_predict: tokens, temperature: 0 };

const streamed: Readonly<Record<string, Ask>> = {
  'openai chat': async (onPiece) => {
    const body = { model, messages, ...chat, stream: true as const };
    const stream = await openai().chat.completions.create(body);
    return collect(stream, (part) => part.choices[0]?.delta.content ?? '', onPiece);
  },
  'openai completions': async (onPiece) => {
    const stream = await openai().completions.create({ model, prompt, ...chat, stream: true });
    return collect(stream, (part) => part.choices[0]?.text ?? '', onPiece);
  },
  'openai responses': async (onPiece) => {
    const body = { model, input: prompt, max_output_tokens: tokens, temperature: 0 };
    const stream = await openai().responses.create({ ...body, stream: true });
    const deltaOf = (part: { type: string; delta?: unknown }) =>
      part.type === 'response.output_text.delta' ? String(part.delta) : '';
    return collect(stream, deltaOf, onPiece);
  },
  'anthropic messages': async (onPiece) => {
    const stream = await anthropic().messages.create({ model, messages, ...chat, stream: true });
    const deltaOf = (part: Anthropic.RawMessageStreamEvent) =>
      part.type === 'content_block_delta' && part.delta.type === 'text_delta'
        ? part.delta.text
        : '';
    return collect(stream, deltaOf, onPiece);
  },
  'ollama chat': async (onPiece) => {
    const body = { model, messages, options: ollamaOptions, stream: true as const };
    return collect(await ollama().chat(body), (part) => part.message.content, onPiece);
  },
  'ollama generate': async (onPiece) => {
    const body = { model, prompt, options: ollamaOptions, stream: true as const };
    return collect(await ollama().generate(body), (part) => part.response ?? '', onPiece);
  },
};

const whole: Readonly<Record<string, Ask>> = {
  'openai chat': async () => {
    const answer = await openai().chat.completions.create({ model, messages, ...chat });
    return answer.choices[0]?.message.content ?? '';
  },
  'anthropic messages': async () => {
    const { content } = await anthropic().messages.create({ model, messages, ...chat });
    return content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  },
  'ollama chat': async () =>
    (await ollama().chat({ model, messages, options: ollamaOptions })).message.content,
};

/** The provider that the answer began with; before its first token the one that is ranked first. */
async function servingProvider(): Promise<ProviderName> {
  const { offers } =
    serving === null
      ? await network.devnet.clients.coordinator.route({ models: [model] })
      : { offers: [] };
  const name = names.get(serving ?? offers[0]?.offer.payload.provider ?? '');
  if (!name) throw new Error('nobody serves');
  return name;
}

/** Waits until all providers are for sale again and no call is open. */
async function settled(): Promise<void> {
  const { clients } = network.devnet;
  await until('both providers are ranked', async () => {
    const { offers } = await clients.coordinator.route({ models: [model] });
    return offers.length === names.size;
  });
}

/** Waits until the providers have joined the roster of jurors: the last transaction that they send by themselves. */
async function onRoster(): Promise<void> {
  const { coordinator, node } = network.devnet.clients;
  const { offers } = await coordinator.route({ models: [model] });
  const digest = auditDigestOf(offers[0]?.offer.payload.digest ?? '');
  await until('both providers are jurors', async () => {
    return (await node.rpc.audit_jurors({ digest })).jurors.length === names.size;
  });
}

/** Waits until the buyer has a channel with each provider: the gateway opens the second one behind the first job. */
async function funded(): Promise<void> {
  const { account, clients } = network.devnet;
  await until('the buyer has a channel with both', async () => {
    const { channels } = await clients.node.rpc.state_listChannels({ payer: account });
    return channels.length === names.size;
  });
}

/** Kills the provider of the newest job and starts it again when the answer is there. */
interface Killing {
  readonly done: Promise<ProviderName>;
}

function kill(name: ProviderName): Killing {
  return { done: network.devnet.kill(name).then(() => name) };
}

async function noncesOf(): Promise<readonly number[]> {
  const { node } = network.devnet.clients;
  const addresses = [network.devnet.account, ...names.keys()];
  const accounts = addresses.map((address) => node.rpc.state_getAccount({ address }));
  return (await Promise.all(accounts)).map(({ nonce }) => Number(nonce));
}

/** The newest job's proof, once every part has its final receipt. */
async function closedProof(): Promise<JobProof> {
  const { gateway: client } = network.devnet.clients;
  return until('every provider of the job has signed its end', async () => {
    const { calls } = await client.spend({ limit: 1 });
    const jobId = calls[0]?.jobId ?? '';
    const proof = await client.proof({ jobId });
    const isClosed = proof.parts.every(({ receipts, tail, surplus }) => {
      const last = surplus.at(-1) ?? (tail === null ? receipts.at(-1) : undefined);
      return last !== undefined && last.payload.outcome !== 'running';
    });
    return isClosed && proof;
  });
}

/** What must hold of a job whose provider died: tiles, prices, prompt once. */
async function expectExactPayment(): Promise<JobProof> {
  const proof = await closedProof();
  const { network: chain } = await network.devnet.clients.node.network();
  const proven = unwrap(verifyJobProof(chain, proof));
  expect(proven.outputTokens).toBe(tokens);
  // A receipt may be written whose last token the kill kept from leaving: at most a window, here a token or two.
  const isStraddled = proof.parts.some(({ surplus }) => surplus.length > 0);
  if (!isStraddled) expect(proven.unsignedTokens).toBe(0);
  expect(proven.surplusTokens).toBeLessThanOrEqual(16);
  for (const part of proof.parts) {
    const signed = [...part.receipts, ...part.surplus];
    const first = signed[0]!.payload;
    const last = signed.at(-1)!.payload;
    const usage = { promptTokens: last.promptTokens, outputTokens: last.to - first.from };
    const due = chargeFor(priceOf(part.offer.payload), usage, last.outcome);
    expect(last.charged).toBe(usage.outputTokens === 0 ? '0' : due.toString());
  }
  return proof;
}

describe('an answer whose provider is killed', () => {
  let undisturbed: string;

  beforeAll(async () => {
    await settled();
    await onRoster();
    undisturbed = await streamed['openai chat']!(() => {});
    await funded();
    expect(undisturbed.length).toBeGreaterThan(60);
  });

  /** Characters of the answer up to a token, about: several tokens may come as one piece. */
  const charsAt = (at: number | 'start') =>
    at === 'start' ? 0 : (undisturbed.length * at) / tokens;

  /** Kills once; gives the output token at which the answer changed its provider, undefined when it came too late. */
  async function strikeOnce(ask: Ask, at: number | 'start'): Promise<number | undefined> {
    await settled();
    serving = null;
    const before = await noncesOf();
    let killing: Killing | undefined;
    let chars = 0;
    let lastMs = performance.now();
    let gapMs = 0;
    const strike = async () => {
      killing = kill(await servingProvider());
    };
    let striking: Promise<void> | undefined;
    if (at === 'start' || at === 0) striking = strike();
    const text = await ask((piece) => {
      chars += piece.length;
      const nowMs = performance.now();
      if (killing) gapMs = Math.max(gapMs, nowMs - lastMs);
      lastMs = nowMs;
      if (chars >= charsAt(at)) striking ??= strike();
    });
    const after = await noncesOf();
    await striking;
    if (killing) await network.devnet.restart(await killing.done);
    expect(text, 'the answer').toBe(undisturbed);
    expect(after, 'nobody sent a transaction').toEqual(before);
    const [first, second] = (await expectExactPayment()).parts;
    if (!second) return undefined;
    if (gapMs > 0) gaps.push(gapMs);
    return second.receipts[0]?.payload.from ?? first?.receipts.at(-1)?.payload.to;
  }

  /** The model makes a token in a millisecond: a kill may come when the answer is already there. */
  async function survive(ask: Ask, at: number | 'start'): Promise<void> {
    const mustMove = typeof at === 'number' && at > 0 && at < tokens / 2;
    for (let tries = 1; ; tries += 1) {
      const cut = await strikeOnce(ask, at);
      if (cut !== undefined) cuts.add(cut);
      if (!mustMove || cut !== undefined) return;
      expect(tries, 'kills that came too late').toBeLessThan(triesMax);
    }
  }

  for (const at of killPoints) {
    it(`at token ${at} goes on elsewhere, word for word`, () =>
      survive(streamed['openai chat']!, at));
  }

  for (const dialect of Object.keys(streamed).filter((name) => name !== 'openai chat')) {
    it(`goes on in the dialect ${dialect}`, () => survive(streamed[dialect]!, 24));
  }

  for (const dialect of Object.keys(whole)) {
    it(`comes whole, not streamed, in the dialect ${dialect}`, () =>
      survive(whole[dialect]!, 'start'));
  }

  it('is paid on chain to the nait, and every coin is accounted for', async () => {
    await settleAll(network.devnet);
    const { node, gateway: client } = network.devnet.clients;
    const { channels } = await client.spend({ limit: 1 });
    for (const { channelId, charged } of channels) {
      const { totalClaimed } = await node.rpc.state_getChannel({ channelId });
      expect(totalClaimed).toBe(charged);
    }
    const audit = await node.rpc.state_audit({});
    expect(audit).toMatchObject({ supply: audit.genesisSupply, problems: [] });
  });
});
