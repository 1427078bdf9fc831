/** The tools' backend of a process beside the gateway (stdio): plain HTTP, with an API key where one is needed. */
import { AppError, errorFromBody, gatewayHeaders, isErrorCode } from '@aitbc/protocol';
import { createGatewayClient, type GatewayClient } from '@aitbc/sdk';
import { type ChatResult, shownModels, type ToolBackend } from './backend.ts';

export interface RemoteOptions {
  /** Of the gateway. */
  readonly url: string;
  /** API key or owner's token. */
  readonly token?: string | undefined;
}

/** A backend over a gateway's HTTP. */
export function createRemoteBackend(options: RemoteOptions): ToolBackend {
  const client: GatewayClient = createGatewayClient({
    baseUrl: options.url,
    token: options.token,
  });
  return {
    models: async (signal) => shownModels((await client.models({}, { signal })).data),
    quote: (input, signal) => client.quote(input, { signal }),
    chat: (wish, signal) => chat(options, wish, signal),
    embed: (wish, signal) => embed(options, wish, signal),
    balance: (signal) => client.balance({}, { signal }),
    limits: (signal) => client.limits({}, { signal }),
    job: (jobId, signal) => client.job({ jobId }, { signal }),
  };
}

interface Post {
  readonly path: string;
  readonly body: unknown;
  readonly idempotencyKey: string | undefined;
}

async function post(
  { url, token }: RemoteOptions,
  { path, body, idempotencyKey }: Post,
  signal: AbortSignal,
): Promise<Response> {
  const headers = {
    'content-type': 'application/json',
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...(idempotencyKey ? { 'idempotency-key': idempotencyKey } : {}),
  };
  let answer: Response;
  try {
    answer = await fetch(url + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw new AppError('CANCELLED', {}, { cause: error });
    const reason = 'it cannot be connected to';
    throw new AppError('UNAVAILABLE', { what: `The gateway at ${url}`, reason }, { cause: error });
  }
  if (answer.ok) return answer;
  throw errorOf(await answer.json().catch(() => undefined), answer.status);
}

function errorOf(body: unknown, status: number): AppError {
  const { error } = (body ?? {}) as { error?: { code?: unknown } };
  if (isErrorCode(error?.code)) return errorFromBody(error);
  return new AppError('UNAVAILABLE', { what: 'The gateway', reason: `HTTP status ${status}` });
}

interface Chunk {
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly x_aitbc?: { readonly charged: string; readonly providers: string[] };
  };
  readonly error?: unknown;
}

async function chat(
  options: RemoteOptions,
  { body, idempotencyKey, onText }: Parameters<ToolBackend['chat']>[0],
  signal: AbortSignal,
): Promise<ChatResult> {
  const asked = { ...body, stream: true, stream_options: { include_usage: true } };
  const path = '/v1/chat/completions';
  const answer = await post(options, { path, body: asked, idempotencyKey }, signal);
  const jobId = answer.headers.get(gatewayHeaders.jobId) ?? '';
  let result: ChatResult = {
    ...{ text: '', finishReason: 'stop', promptTokens: 0, outputTokens: 0, charged: '0' },
    ...{ jobId, providers: [] },
  };
  for await (const data of dataLines(answer)) {
    const { choices, usage, error } = JSON.parse(data) as Chunk;
    if (error !== undefined) throw errorOf({ error }, answer.status);
    const text = choices?.[0]?.delta?.content ?? '';
    if (text !== '') onText(text);
    const finishReason = choices?.[0]?.finish_reason ?? result.finishReason;
    result = { ...result, text: result.text + text, finishReason };
    if (usage) {
      const { prompt_tokens: promptTokens, completion_tokens: outputTokens, x_aitbc: bill } = usage;
      const { charged = '0', providers = [] } = bill ?? {};
      result = { ...result, promptTokens, outputTokens, charged, providers };
    }
  }
  return result;
}

async function* dataLines(answer: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data: ') && line !== 'data: [DONE]') yield line.slice(6);
    }
  }
}

async function embed(
  options: RemoteOptions,
  { model, input, idempotencyKey }: Parameters<ToolBackend['embed']>[0],
  signal: AbortSignal,
): Promise<Awaited<ReturnType<ToolBackend['embed']>>> {
  const answer = await post(
    options,
    { path: '/v1/embeddings', body: { model, input }, idempotencyKey },
    signal,
  );
  const { data, usage } = (await answer.json()) as {
    data: { embedding: number[] }[];
    usage: { prompt_tokens: number; x_aitbc: { charged: string; jobId: string; provider: string } };
  };
  const { charged, jobId, provider } = usage.x_aitbc;
  const vectors = data.map(({ embedding }) => embedding);
  return { vectors, promptTokens: usage.prompt_tokens, charged, jobId, provider };
}
