/**
 * One OpenAI-compatible server for all providers that do not run a model. Each has a path of its own, so that it is
 * known who asked: `<url>/<provider>/v1/chat/completions`. It goes on with a trailing assistant message, exactly. It
 * keeps a note of every run; with these notes it is judged afterwards what was run without being paid.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  countWords,
  errandOf,
  scriptedModel,
  scriptedPromptTokens,
  wordAt,
  wordsOf,
} from './scripted-text.ts';

const bodyBytesMax = 1_048_576;
const contextMax = 4_096;

/** One run of the engine for a provider. */
export interface EngineRun {
  /** Name of the provider. */
  readonly provider: string;
  readonly mark: string;
  /** Position of its first word. */
  readonly from: number;
  /** Words given so far. */
  words: number;
  readonly atMs: number;
  /** `left`: the provider hung up. */
  state: 'running' | 'ended' | 'left';
  /** The answer that it went on with was that of this prompt. */
  readonly isPrefixRight: boolean;
}

/** How the engine of a provider behaves. */
export interface EngineManner {
  /** Tokens that it says each word was; 1 is the truth. */
  readonly tokensPerWord: number;
}

/** The server. */
export interface ScriptedServer {
  urlFor(provider: string): string;
  runs(): readonly EngineRun[];
  stop(): Promise<void>;
}

/** Options of the server. */
export interface ScriptedOptions {
  readonly tokenMs: number;
  mannerOf(provider: string): EngineManner;
  readonly nowMs: () => number;
}

interface Scene extends ScriptedOptions {
  readonly runs: EngineRun[];
}

/** Starts the server on a free port of loopback. */
export async function startScriptedServer(options: ScriptedOptions): Promise<ScriptedServer> {
  const scene: Scene = { ...options, runs: [] };
  const server = createServer((request, response) => {
    serve(scene, request, response).catch(() => response.destroy());
  });
  await listen(server);
  const { port } = server.address() as AddressInfo;
  return {
    urlFor: (provider) => `http://127.0.0.1:${port}/${provider}`,
    runs: () => scene.runs,
    async stop() {
      server.close();
      server.closeAllConnections();
      if (server.listening) await once(server, 'close');
    },
  };
}

async function listen(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

async function serve(scene: Scene, request: IncomingMessage, response: ServerResponse) {
  const [, provider = '', ...rest] = (request.url ?? '').split('/');
  const path = rest.join('/');
  if (path === 'v1/models') {
    return answer(response, 200, { data: [{ id: scriptedModel, max_model_len: contextMax }] });
  }
  if (path !== 'v1/chat/completions') return answer(response, 404, { error: 'no such path' });
  const asked = askedOf(await readBody(request));
  if (!asked) return greet(response);
  await speak(scene, { ...asked, provider }, response);
}

function answer(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

/** A provider that tries whether its model is back asks in words of its own; that is no job. */
function greet(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(chunkOf('ready ', 1));
  response.end(endOf('stop', { prompt_tokens: scriptedPromptTokens, completion_tokens: 1 }));
}

async function readBody(request: IncomingMessage): Promise<string> {
  request.setEncoding('utf8');
  let text = '';
  for await (const part of request as AsyncIterable<string>) {
    text += part;
    if (text.length > bodyBytesMax) throw new RangeError('the body is too large');
  }
  return text;
}

interface Message {
  readonly role?: unknown;
  readonly content?: unknown;
}

interface Asked {
  readonly mark: string;
  readonly words: number;
  readonly maxTokens: number;
  /** The answer so far, '' for none. */
  readonly prefix: string;
}

function askedOf(text: string): Asked | undefined {
  const { messages, max_tokens } = JSON.parse(text) as {
    readonly messages?: readonly Message[];
    readonly max_tokens?: number;
  };
  const user = messages?.findLast(({ role }) => role === 'user');
  const last = messages?.at(-1);
  const errand = errandOf(String(user?.content ?? ''));
  if (!errand) return undefined;
  const prefix = last?.role === 'assistant' ? String(last.content) : '';
  return { ...errand, maxTokens: max_tokens ?? errand.words, prefix };
}

async function speak(
  { runs, tokenMs, mannerOf, nowMs }: Scene,
  { provider, mark, words, maxTokens, prefix }: Asked & { readonly provider: string },
  response: ServerResponse,
): Promise<void> {
  const from = countWords(prefix);
  const isPrefixRight = prefix === wordsOf(mark, 0, from);
  const run: EngineRun = {
    ...{ provider, mark, from, words: 0, atMs: nowMs(), state: 'running', isPrefixRight },
  };
  runs.push(run);
  const { tokensPerWord } = mannerOf(provider);
  const most = Math.max(1, Math.floor(maxTokens / tokensPerWord));
  const to = Math.min(words, from + most);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const leaving = new AbortController();
  response.once('close', () => leaving.abort());
  for (let at = from; at < to && !leaving.signal.aborted; at += 1) {
    await sleep(tokenMs, undefined, { signal: leaving.signal }).catch(() => {});
    if (leaving.signal.aborted) break;
    response.write(chunkOf(wordAt(mark, at), tokensPerWord));
    run.words += 1;
  }
  run.state = leaving.signal.aborted ? 'left' : 'ended';
  if (run.state === 'left') return;
  const usage = {
    prompt_tokens: scriptedPromptTokens + from, // engines count what they go on with as prompt
    completion_tokens: run.words * tokensPerWord,
  };
  response.end(endOf(to >= words ? 'stop' : 'length', usage));
}

function chunkOf(content: string, tokens: number): string {
  const entries = Array.from({ length: tokens }, () => ({ token: '', logprob: 0 }));
  return eventOf({ choices: [{ index: 0, delta: { content }, logprobs: { content: entries } }] });
}

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

function endOf(reason: 'stop' | 'length', usage: Usage): string {
  const finish = eventOf({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
  return `${finish}${eventOf({ choices: [], usage })}data: [DONE]\n\n`;
}

function eventOf(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
