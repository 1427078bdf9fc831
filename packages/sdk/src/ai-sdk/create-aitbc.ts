/**
 * A provider for the AI SDK (`ai`, version 6): its models buy from the market.
 *
 *   const aitbc = createAitbc({ buyer });
 *   const { text } = await generateText({ model: aitbc('qwen3:8b'), prompt: 'Why is the sky blue?' });
 *
 * Requests and answers are those of `@ai-sdk/openai-compatible`, over the paying fetch: no key, no URL, no account. What a
 * call cost stands in `providerMetadata.aitbc` as `{jobId, charged, provider, providers}`, nait as decimal string.
 *
 * The AI SDK repeats a call that failed, and knows no name for it. Each call has one here, so a repetition is the same
 * job and is charged once. A caller that repeats by itself gives the header `Idempotency-Key`.
 *
 * Text in, text out: tools, images and structured answers are refused as `FIELD_UNSUPPORTED` or `BAD_REQUEST`. An optional
 * part of this package: `@ai-sdk/openai-compatible` is installed by who uses it.
 */
import {
  createOpenAICompatible,
  type MetadataExtractor,
  OpenAICompatibleEmbeddingModel,
  type OpenAICompatibleProvider,
} from '@ai-sdk/openai-compatible';
import { type Clock, hex, randomBytes, systemClock } from '@aitbc/primitives';
import { limits } from '@aitbc/protocol';
import { createPayingFetch, type FetchBuyer } from '../dialects/paying-fetch.ts';

type LanguageModel = ReturnType<OpenAICompatibleProvider['chatModel']>;
type EmbeddingModel = ReturnType<OpenAICompatibleProvider['embeddingModel']>;
type LanguageOptions = Parameters<LanguageModel['doGenerate']>[0];
type EmbedOptions = Parameters<EmbeddingModel['doEmbed']>[0];
type Metadata = Awaited<ReturnType<MetadataExtractor['extractMetadata']>>;

/** What the models buy with. */
export interface AitbcOptions {
  readonly buyer: FetchBuyer;
  readonly clock?: Clock | undefined;
}

/** Models of the market; the call itself gives a chat model. */
export interface AitbcProvider {
  (modelId: string): LanguageModel;
  readonly specificationVersion: 'v3';
  languageModel(modelId: string): LanguageModel;
  embeddingModel(modelId: string): EmbeddingModel;
}

const name = 'aitbc';
const baseURL = 'http://aitbc.invalid/v1'; // no request leaves for it: the paying fetch reads the path
const keyHeader = 'idempotency-key';
const keyBytes = 16;

/** Creates the provider. Its models throw the AI SDK's `APICallError` with status and body of a refusal. */
export function createAitbc({ buyer, clock = systemClock }: AitbcOptions): AitbcProvider {
  const fetch = createPayingFetch(buyer, clock);
  const metadataExtractor = billExtractor();
  const stock = createOpenAICompatible({
    ...{ name, baseURL, fetch, includeUsage: true, metadataExtractor },
  });
  const keyOf = createCallKeys();
  const languageModel = (modelId: string): LanguageModel =>
    keyedModel(stock.chatModel(modelId), keyOf);
  const embeddingModel = (modelId: string): EmbeddingModel => {
    const url = ({ path }: { readonly path: string }) => baseURL + path;
    const maxEmbeddingsPerCall = limits.embedInputs;
    const provider = `${name}.embedding`;
    return keyedEmbeddings(
      new OpenAICompatibleEmbeddingModel(modelId, {
        ...{ provider, url, fetch, maxEmbeddingsPerCall, headers: () => ({}) },
      }),
      keyOf,
    );
  };
  return Object.assign((modelId: string) => languageModel(modelId), {
    specificationVersion: 'v3' as const,
    languageModel,
    embeddingModel,
  });
}

type KeyOf = (call: object) => string;

/** One key for each object that stands for a call; the AI SDK hands in the same one when it tries again. */
function createCallKeys(): KeyOf {
  const keys = new WeakMap<object, string>();
  return (call) => {
    const known = keys.get(call);
    if (known !== undefined) return known;
    const key = hex(randomBytes(keyBytes));
    keys.set(call, key);
    return key;
  };
}

type Headers = Readonly<Record<string, string | undefined>> | undefined;

function withKey<T extends { readonly headers?: Headers }>(options: T, key: string): T {
  const { headers = {} } = options;
  const isNamed = Object.keys(headers).some((one) => one.toLowerCase() === keyHeader);
  return isNamed ? options : { ...options, headers: { ...headers, [keyHeader]: key } };
}

/** A prompt is converted once for a call and its repetitions. */
function keyedModel(model: LanguageModel, keyOf: KeyOf): LanguageModel {
  const keyed = (options: LanguageOptions) => withKey(options, keyOf(options.prompt));
  return {
    specificationVersion: 'v3',
    provider: model.provider,
    modelId: model.modelId,
    supportedUrls: model.supportedUrls,
    doGenerate: (options) => model.doGenerate(keyed(options)),
    doStream: (options) => model.doStream(keyed(options)),
  };
}

/**
 * The list of values is made anew for each repetition, the headers are not. Parts of one `embedMany` share them: other
 * values make another job, and equal values need no second one.
 */
function keyedEmbeddings(model: EmbeddingModel, keyOf: KeyOf): EmbeddingModel {
  const keyed = (options: EmbedOptions) =>
    withKey(options, keyOf(options.headers ?? options.values));
  return {
    specificationVersion: 'v3',
    provider: model.provider,
    modelId: model.modelId,
    maxEmbeddingsPerCall: model.maxEmbeddingsPerCall,
    supportsParallelCalls: model.supportsParallelCalls,
    doEmbed: (options) => model.doEmbed(keyed(options)),
  };
}

/** The bill of an answer, as the paying fetch writes it into its usage. */
function billExtractor(): MetadataExtractor {
  return {
    extractMetadata: async ({ parsedBody }) => metadataOf(parsedBody),
    createStreamExtractor() {
      let found: Metadata;
      return {
        processChunk(chunk) {
          found = metadataOf(chunk) ?? found;
        },
        buildMetadata: () => found,
      };
    },
  };
}

function metadataOf(answer: unknown): Metadata {
  const { usage } = (answer ?? {}) as { readonly usage?: { readonly x_aitbc?: unknown } | null };
  const bill = usage?.x_aitbc;
  if (typeof bill !== 'object' || bill === null) return undefined;
  return { [name]: bill as NonNullable<Metadata>[string] };
}
