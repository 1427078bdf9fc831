/** Loads the GGUF file and turns chat requests into token ids. Runs in the worker process only. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Template } from '@huggingface/jinja';
import { GgufFileType, getLlama } from 'node-llama-cpp';

const BATCH_TOKENS = 512;
const CLOCK_OF_TEMPLATES = 'strftime_now';

/** A request that this model cannot take; the parent answers ENGINE_BAD_REQUEST. */
export class BadRequest extends Error {}

async function fileDigest(path) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
}

function quantizationOf(general) {
  const name = GgufFileType[general?.file_type] ?? 'unknown';
  return name.replace(/^(ALL|MOSTLY)_/, '');
}

/** Number of weights: the product of the dimensions of every tensor, added up. */
function parametersOf(fileInfo) {
  return (fileInfo.fullTensorInfo ?? fileInfo.tensorInfo ?? [])
    .map(({ dimensions }) => dimensions.reduce((product, size) => product * Number(size), 1))
    .reduce((sum, count) => sum + count, 0);
}

/** Clients compare vectors by their inner product, as those of other servers. */
function ofLengthOne(vector) {
  const length = Math.hypot(...vector);
  return length === 0 ? [...vector] : vector.map((value) => value / length);
}

/** Vectors of texts, by a context of its own that is made when the first text comes. */
function createEmbeddings({ model, contextSize, threads }) {
  let context;
  return {
    /** Vector and token count of one text. */
    async of(text) {
      context ??= model.createEmbeddingContext({ contextSize, batchSize: contextSize, threads });
      const ready = await context;
      const tokens = ready.calculateInputLength(model.tokenize(text));
      if (tokens >= contextSize) {
        throw new BadRequest(`a text has ${tokens} tokens; the context holds ${contextSize}`);
      }
      const { vector } = await ready.getEmbeddingFor(model.tokenize(text));
      return { vector: ofLengthOne(vector), tokens };
    },
  };
}

/** Loads the model with the wanted number of sequences; nothing is compiled or fetched. */
export async function loadModel({ modelPath, name, slots, contextMax, threads }) {
  const digest = await fileDigest(modelPath);
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    maxThreads: threads,
    logLevel: 'error',
  });
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const { general, tokenizer } = model.fileInfo.metadata;
  if (!tokenizer?.chat_template) throw new Error('the GGUF file has no chat template');
  const contextSize = Math.min(contextMax ?? model.trainContextSize, model.trainContextSize);
  const context = await model.createContext({
    contextSize,
    sequences: slots,
    threads,
    batchSize: Math.min(BATCH_TOKENS, contextSize),
  });
  return {
    model,
    contextSize,
    embeddings: createEmbeddings({ model, contextSize, threads }),
    sequences: Array.from({ length: slots }, () => context.getSequence()),
    template: new Template(tokenizer.chat_template),
    facts: {
      name: name ?? general?.name ?? basename(modelPath, '.gguf'),
      digest,
      quantization: quantizationOf(general),
      contextMax: contextSize,
      parameters: parametersOf(model.fileInfo),
      // A template that tells the model the date makes another prompt for an auditor of tomorrow.
      verifiable: !tokenizer.chat_template.includes(CLOCK_OF_TEMPLATES),
      version: `node-llama-cpp 3.21.1, llama.cpp ${llama.llamaCppRelease.release}`,
    },
  };
}

/** Token ids of the prompt: chat template and generation header. */
export function promptTokensOf({ model, template }, { messages }) {
  const bos = model.tokens.bosString ?? '';
  const values = { messages, add_generation_prompt: true, bos_token: bos };
  let text;
  try {
    text = template.render({ ...values, eos_token: model.tokens.eosString ?? '' });
  } catch (error) {
    throw new BadRequest(`the chat template refuses the messages: ${error.message}`);
  }
  const tokens = model.tokenize(text, true);
  if (model.tokens.shouldPrependBosToken && tokens[0] !== model.tokens.bos) {
    tokens.unshift(model.tokens.bos);
  }
  return tokens;
}

/** Token ids of the assistant's text so far. It is plain text: an end token written out in it must not end the answer. */
export function prefixTokensOf({ model }, { prefixText }) {
  return prefixText ? model.tokenize(prefixText, false, 'trimLeadingSpace') : [];
}
