/**
 * One paid question to the gateway in the OpenAI dialect, read as it is written. Chunks are handed on in
 * the moment they arrive; what the answer cost comes with the last one.
 */
import {
  AppError,
  amountOf,
  asAppError,
  errorFromBody,
  gatewayEndpoints,
  gatewayHeaders,
} from '@aitbc/protocol';
import type { HttpAnswer, Transport } from '@aitbc/sdk';
import { gatewayRefusal } from '../gateway/gateway-key.ts';
import type { ChatRequest } from './chat-request.ts';
import { readSse } from './read-sse.ts';

/** A whole answer and what it cost. */
export interface ChatAnswer {
  readonly text: string;
  readonly model: string;
  readonly finishReason: string | null;
  readonly jobId: string | null;
  readonly provider: string | null;
  readonly promptTokens: number | null;
  readonly outputTokens: number | null;
  /** nait */
  readonly charged: bigint | null;
  /** From the request, in tenths of a millisecond. */
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
}

const silenceMs = 120_000; // a cold model on a slow machine may load that long before its first token

interface Usage {
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
  readonly x_aitbc?: {
    readonly charged?: string;
    readonly jobId?: string;
    readonly provider?: string;
  };
}

interface Chunk {
  readonly model?: string;
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: Usage | null;
  readonly error?: unknown;
}

/** Where to ask. */
export interface ChatLink {
  readonly transport: Transport;
  readonly gatewayUrl: string;
  /** API key, for a gateway that has some. */
  readonly key?: string | undefined;
  readonly signal: AbortSignal;
}

/** Hears each piece; `provider` is who the answer began with. */
export type OnText = (text: string, provider: string | null) => void | Promise<void>;

/** Asks and calls `onText` with every piece. Throws the gateway's error, UNAVAILABLE, TIMEOUT or CANCELLED. */
export async function streamChat(
  link: ChatLink,
  request: ChatRequest,
  onText: OnText,
): Promise<ChatAnswer> {
  const what = link.gatewayUrl;
  const begunMs = performance.now();
  const answer = await post(link, request);
  if (answer.status >= 300) throw gatewayRefusal(await errorOf(answer, what), link.key);
  const state = { text: '', model: request.model, finishReason: null as string | null };
  let usage: Usage = {};
  let firstTokenMs: number | null = null;
  let isWhole = false;
  for await (const data of readSse(answer.body, what)) {
    isWhole = data === '[DONE]';
    if (isWhole) break;
    const chunk = chunkOf(data, what);
    const piece = chunk.choices?.[0]?.delta?.content ?? '';
    if (piece !== '') {
      firstTokenMs ??= sinceMs(begunMs);
      state.text += piece;
      await onText(piece, answer.header(gatewayHeaders.provider) ?? null);
    }
    state.finishReason = chunk.choices?.[0]?.finish_reason ?? state.finishReason;
    state.model = chunk.model ?? state.model;
    usage = chunk.usage ?? usage;
  }
  if (!isWhole) throw new AppError('UNAVAILABLE', { what, reason: 'it broke off before its end' });
  return {
    ...state,
    ...costOf(usage, answer),
    firstTokenMs,
    durationMs: sinceMs(begunMs),
  };
}

function sinceMs(begunMs: number): number {
  return Math.round((performance.now() - begunMs) * 10) / 10;
}

function post(link: ChatLink, request: ChatRequest): Promise<HttpAnswer> {
  const { method, path } = gatewayEndpoints.chatCompletions;
  return link.transport.request({
    method,
    url: new URL(path, link.gatewayUrl).href,
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      ...(link.key === undefined ? {} : { authorization: `Bearer ${link.key}` }),
    },
    body: JSON.stringify({ ...request, stream: true, stream_options: { include_usage: true } }),
    timeoutMs: silenceMs,
    signal: link.signal,
  });
}

function costOf(usage: Usage, answer: HttpAnswer) {
  const paid = usage.x_aitbc ?? {};
  return {
    jobId: paid.jobId ?? answer.header(gatewayHeaders.jobId) ?? null,
    provider: paid.provider ?? answer.header(gatewayHeaders.provider) ?? null,
    charged: paid.charged === undefined ? null : amountOf(paid.charged),
    promptTokens: usage.prompt_tokens ?? null,
    outputTokens: usage.completion_tokens ?? null,
  };
}

function chunkOf(data: string, what: string): Chunk {
  let chunk: Chunk;
  try {
    chunk = JSON.parse(data) as Chunk;
  } catch (error) {
    throw new AppError('ANSWER_INVALID', { what, reason: 'a chunk is not JSON' }, { cause: error });
  }
  if (chunk.error) throw errorOfDialect(chunk.error);
  return chunk;
}

async function errorOf(answer: HttpAnswer, what: string): Promise<AppError> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of answer.body) text += decoder.decode(bytes, { stream: true });
  try {
    const body = JSON.parse(text) as { error?: unknown };
    return errorOfDialect(body.error ?? body);
  } catch (error) {
    const reason = `it answered with HTTP status ${answer.status}`;
    return new AppError('UNAVAILABLE', { what, reason }, { cause: error });
  }
}

/** In the OpenAI dialect the message is already filled in, and the facts may be missing. */
function errorOfDialect(body: unknown): AppError {
  const { message, facts } = body as { message?: unknown; facts?: unknown };
  const known = errorFromBody(body);
  if (facts !== undefined || typeof message !== 'string') return known;
  return asAppError(Object.assign(known, { message }));
}
