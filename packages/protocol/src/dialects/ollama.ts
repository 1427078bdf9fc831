/**
 * Ollama `POST /api/chat` and `POST /api/generate`: NDJSON, streamed unless the caller says no. Options that load a
 * model in another way (`num_ctx`, `keep_alive`, …) belong to the owner of the engine and are refused.
 */
import { z } from 'zod';
import { type AppError, errorBodyOf } from '../errors.ts';
import { limits } from '../limits.ts';
import type { SignedReceipt } from '../payments/receipt.ts';
import {
  ndjsonMovedField,
  ndjsonNeedVoucherField,
  ndjsonReceiptField,
  ndjsonTokensField,
} from './asides.ts';
import {
  type AnswerFinish,
  type AnswerSubject,
  type AnswerWriter,
  type AsideName,
  billOf,
  createLineTokens,
  dialectForm,
  receiptsOf,
} from './dialect.ts';
import {
  type InferenceMessage,
  type InferenceRequest,
  inferenceFrom,
  withSystem,
  zMessageList,
  zModelName,
  zOnly,
  zSeed,
  zStopTexts,
  zTemperature,
  zTopK,
  zTopP,
} from './inference.ts';

/** Options that a stranger may set. */
const zOptions = z
  .strictObject({
    temperature: zTemperature,
    top_p: zTopP,
    top_k: zTopK,
    seed: zSeed,
    stop: zStopTexts,
    num_predict: z.int().max(limits.outputTokensMax).nullish(),
  })
  .nullish();

const common = {
  model: zModelName,
  stream: z.boolean().nullish(),
  options: zOptions,
  think: zOnly(false),
  format: zOnly(''),
  keep_alive: z.null().optional(),
};

/** Ollama `POST /api/chat`. */
export const zOllamaChat = z.strictObject({
  ...common,
  messages: zMessageList(
    z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() }),
  ),
});

/** Ollama `POST /api/generate`. An empty prompt, which loads a model at Ollama, is no job. */
export const zOllamaGenerate = z.strictObject({
  ...common,
  prompt: z.string().min(1),
  system: z.string().nullish(),
  suffix: zOnly(''),
  template: zOnly(''),
  raw: zOnly(false),
});

/** Body of an error in the shape that Ollama's clients read; our code and facts travel along. */
export function ollamaError(error: AppError): Record<string, unknown> {
  const { code, message, facts } = errorBodyOf(error);
  return { error: message, code, facts };
}

function requestOf(
  body: Pick<z.output<typeof zOllamaChat>, 'model' | 'stream' | 'options'>,
  messages: readonly InferenceMessage[],
): InferenceRequest {
  const options = body.options ?? {};
  const predicted = options.num_predict ?? 0;
  return inferenceFrom({
    ...options,
    model: body.model,
    messages,
    stream: body.stream ?? true,
    // 0 and below mean "as long as it likes"
    maxTokens: predicted > 0 ? predicted : undefined,
    topP: options.top_p,
    topK: options.top_k,
  });
}

const nanosPerMs = 1_000_000;
const nanos = (ms: number) => Math.round(ms * nanosPerMs);

function doneFields(finish: AnswerFinish): Record<string, unknown> {
  const { durationMs, promptTokens, outputTokens } = finish;
  const firstMs = finish.firstTokenMs ?? durationMs;
  return {
    done: true,
    done_reason: finish.reason,
    total_duration: nanos(durationMs),
    load_duration: 0,
    prompt_eval_count: promptTokens,
    prompt_eval_duration: nanos(firstMs),
    eval_count: outputTokens,
    eval_duration: nanos(durationMs - firstMs),
    ...billOf(finish),
  };
}

const asideFields: Readonly<Record<AsideName, string>> = {
  'need-voucher': ndjsonNeedVoucherField,
  moved: ndjsonMovedField,
};

/** The field that carries the text, around the text as JSON. */
interface TextField {
  readonly open: string;
  readonly close: string;
}

const chatField: TextField = { open: '"message":{"role":"assistant","content":', close: '}' };
const generateField: TextField = { open: '"response":', close: '' };

function ollamaWriter({ model, createdMs }: AnswerSubject, field: TextField): AnswerWriter {
  const stamp = { model, created_at: new Date(createdMs).toISOString() };
  const open = `${JSON.stringify(stamp).slice(0, -1)},${field.open}`;
  const textClose = `${field.close},"done":false}\n`;
  const lines = createLineTokens();
  const line = (rest: object) =>
    `${open}""${field.close},${JSON.stringify({ done: false, ...rest }).slice(1)}\n`;
  // Clients stop reading at `done`, so the last receipt stands in that line.
  let final: SignedReceipt | undefined;
  const finalFields = () => (final ? { [ndjsonReceiptField]: final } : {});
  return {
    streamType: 'application/x-ndjson',
    head: () => '',
    text(text, tokens = 1) {
      const count = lines.take(text, tokens);
      if (count === undefined) return '';
      const json = JSON.stringify(text);
      if (count === 1) return open + json + textClose;
      return `${open}${json}${field.close},"done":false,"${ndjsonTokensField}":${count}}\n`;
    },
    receipt(receipt) {
      lines.reset();
      if (receipt.payload.outcome === 'running') return line({ [ndjsonReceiptField]: receipt });
      final = receipt;
      return '';
    },
    aside: (name, value) => line({ [asideFields[name]]: value }),
    end: (finish) => line({ ...doneFields(finish), ...finalFields() }),
    error: (error) => `${final ? line(finalFields()) : ''}${JSON.stringify(ollamaError(error))}\n`,
    whole: (text, finish) => ({
      ...(JSON.parse(`${open}${JSON.stringify(text)}${field.close}}`) as object),
      ...doneFields(finish),
      ...receiptsOf(finish),
    }),
  };
}

export const ollamaChatForm = dialectForm({
  path: '/api/chat',
  body: zOllamaChat,
  read: (body) => ({ request: requestOf(body, body.messages), includeUsage: true }),
  writer: (subject) => ollamaWriter(subject, chatField),
  errorBody: ollamaError,
});

export const ollamaGenerateForm = dialectForm({
  path: '/api/generate',
  body: zOllamaGenerate,
  read: (body) => ({
    request: requestOf(body, withSystem(body.system, [{ role: 'user', content: body.prompt }])),
    includeUsage: true,
  }),
  writer: (subject) => ollamaWriter(subject, generateField),
  errorBody: ollamaError,
});
