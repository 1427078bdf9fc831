/** The two languages of the test engine: Ollama's native API and OpenAI's. Pure: values in, texts out. */
import { z } from 'zod';
import type { ChatMessage, EndEvent, EngineRequest, TokensEvent } from '../engine.ts';

/** What shapes the messages of one answer. */
export interface FrontFacts {
  readonly model: string;
  readonly logprobs: boolean;
  readonly counters: boolean;
}

/** One API: how a request is read and how an answer is written. */
export interface WireFront {
  readonly contentType: string;
  parse(body: unknown, continuesAssistant: boolean): FrontRequest;
  event(event: TokensEvent, facts: FrontFacts): string;
  end(event: EndEvent, facts: FrontFacts): string;
  error(text: string): string;
  /** The answer of a request without a stream. */
  whole(text: string, event: EndEvent, facts: FrontFacts): unknown;
}

export interface FrontRequest {
  readonly request: EngineRequest;
  readonly stream: boolean;
  readonly logprobs: boolean;
}

const message = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
});

const ollamaBody = z.object({
  model: z.string(),
  messages: z.array(message).optional(),
  prompt: z.string().optional(),
  stream: z.boolean().default(true),
  logprobs: z.boolean().default(false),
  options: z
    .object({
      num_predict: z.number().int().optional(),
      temperature: z.number().optional(),
      top_p: z.number().optional(),
      top_k: z.number().int().optional(),
      seed: z.number().int().optional(),
      stop: z.array(z.string()).optional(),
    })
    .default({}),
});

const openaiBody = z.object({
  model: z.string(),
  messages: z.array(message),
  stream: z.boolean().default(false),
  logprobs: z.boolean().default(false),
  max_tokens: z.number().int().optional(),
  temperature: z.number().optional(),
  top_p: z.number().optional(),
  top_k: z.number().int().optional(),
  seed: z.number().int().optional(),
  stop: z.union([z.string().transform((one) => [one]), z.array(z.string())]).optional(),
});

/** Answer length when the client sets none; the real servers run on to the end of the context. */
const MAX_TOKENS_DEFAULT = 512;

interface Settings {
  readonly max: number | undefined;
  readonly temperature: number | undefined;
  readonly top_p: number | undefined;
  readonly top_k: number | undefined;
  readonly seed: number | undefined;
  readonly stop: string[] | undefined;
}

/** A trailing assistant message is a prefix to continue, for servers that do that. */
function requestOf(
  model: string,
  messages: readonly ChatMessage[],
  { settings, continues }: { readonly settings: Settings; readonly continues: boolean },
): EngineRequest {
  const last = messages.at(-1);
  const prefixText = continues && last?.role === 'assistant' ? last.content : undefined;
  const { max, temperature, top_p, top_k, seed, stop } = settings;
  return {
    model,
    messages: prefixText === undefined ? messages : messages.slice(0, -1),
    maxTokens: max === undefined || max < 1 ? MAX_TOKENS_DEFAULT : max,
    ...(prefixText === undefined ? {} : { prefixText }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(top_p === undefined ? {} : { topP: top_p }),
    ...(top_k === undefined ? {} : { topK: top_k }),
    ...(seed === undefined ? {} : { seed }),
    ...(stop === undefined ? {} : { stop }),
  };
}

/** One entry per token. The probabilities are not computed: clients here only count the entries. */
function entriesOf({ text, tokens }: TokensEvent) {
  return Array.from({ length: tokens }, (_, index) => ({
    token: index === 0 ? text : '',
    logprob: 0,
  }));
}

/** Engines count the invisible end token. */
function claimedTokens({ reason, completionTokens }: EndEvent): number {
  return completionTokens + (reason === 'stop' ? 1 : 0);
}

type Place = (text: string, thinking?: string) => Record<string, unknown>;

function ollamaEnd(event: EndEvent, { counters }: FrontFacts) {
  return {
    done: true,
    done_reason: event.reason,
    ...(counters
      ? { prompt_eval_count: event.promptTokens, eval_count: claimedTokens(event) }
      : {}),
  };
}

function createOllamaFront(place: Place): WireFront {
  const line = (value: object) => `${JSON.stringify(value)}\n`;
  const head = (model: string) => ({ model, created_at: new Date().toISOString() });
  return {
    contentType: 'application/x-ndjson',
    parse(raw, continues) {
      const { model, messages, prompt = '', options, stream, logprobs } = ollamaBody.parse(raw);
      const settings = {
        max: options.num_predict,
        temperature: options.temperature,
        top_p: options.top_p,
        top_k: options.top_k,
        seed: options.seed,
        stop: options.stop,
      };
      const asked = messages ?? [{ role: 'user' as const, content: prompt }];
      return { request: requestOf(model, asked, { settings, continues }), stream, logprobs };
    },
    event: (event, { model, logprobs }) =>
      line({
        ...head(model),
        ...place(event.text, event.thinking),
        done: false,
        ...(logprobs ? { logprobs: entriesOf(event) } : {}),
      }),
    end: (event, facts) => line({ ...head(facts.model), ...place(''), ...ollamaEnd(event, facts) }),
    error: (text) => line({ error: text }),
    whole: (text, event, facts) => ({
      ...head(facts.model),
      ...place(text),
      ...ollamaEnd(event, facts),
    }),
  };
}

/** `/api/chat`. */
export const ollamaChatFront = createOllamaFront((content, thinking) => ({
  message: { role: 'assistant', content, ...(thinking === undefined ? {} : { thinking }) },
}));

/** `/api/generate`. */
export const ollamaGenerateFront = createOllamaFront((response, thinking) => ({
  response,
  ...(thinking === undefined ? {} : { thinking }),
}));

function usageOf(event: EndEvent) {
  const prompt_tokens = event.promptTokens ?? 0;
  const completion_tokens = claimedTokens(event);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

const sse = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
const openaiHead = { id: 'chatcmpl-test', created: 0 };

function chunk(model: string, choice: object): string {
  const choices = [{ index: 0, finish_reason: null, ...choice }];
  return sse({ ...openaiHead, object: 'chat.completion.chunk', model, choices });
}

/** `/v1/chat/completions`. */
export const openaiFront: WireFront = {
  contentType: 'text/event-stream',
  parse(raw, continues) {
    const { model, messages, max_tokens: max, stream, logprobs, ...rest } = openaiBody.parse(raw);
    const { temperature, top_p, top_k, seed, stop } = rest;
    const settings = { max, temperature, top_p, top_k, seed, stop };
    return { request: requestOf(model, messages, { settings, continues }), stream, logprobs };
  },
  event: (event, { model, logprobs }) =>
    chunk(model, {
      delta: {
        content: event.text,
        ...(event.thinking === undefined ? {} : { reasoning_content: event.thinking }),
      },
      ...(logprobs ? { logprobs: { content: entriesOf(event) } } : {}),
    }),
  end(event, { model, counters }) {
    const finish = chunk(model, { delta: {}, finish_reason: event.reason });
    const usage = sse({
      ...openaiHead,
      object: 'chat.completion.chunk',
      model,
      choices: [],
      usage: usageOf(event),
    });
    return `${finish}${counters ? usage : ''}data: [DONE]\n\n`;
  },
  error: (text) => sse({ error: { message: text, type: 'server_error', code: 500 } }),
  whole: (content, event, { model }) => ({
    ...openaiHead,
    object: 'chat.completion',
    model,
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: event.reason }],
    usage: usageOf(event),
  }),
};
