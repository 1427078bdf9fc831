/** What unmodified clients call at a gateway: paid calls in all dialects, and the lists that clients ask for. */
import { z } from 'zod';
import { zAnthropicMessages } from '../dialects/anthropic.ts';
import { zOllamaEmbed, zOllamaEmbeddings, zOpenAiEmbeddings } from '../dialects/embeddings.ts';
import { zOllamaChat, zOllamaGenerate } from '../dialects/ollama.ts';
import { zOpenAiChat } from '../dialects/openai-chat.ts';
import { zOpenAiCompletions } from '../dialects/openai-completions.ts';
import { zOpenAiResponses } from '../dialects/openai-responses.ts';
import { type EndpointTable, endpoint } from './endpoint.ts';

const none = z.strictObject({});
const zAnswer = z.unknown();

const zListed = z.record(z.string(), z.unknown());

/** Calls that are bought: one job type in several dialects. */
export const gatewayPaidEndpoints = {
  chatCompletions: endpoint({
    method: 'POST',
    path: '/v1/chat/completions',
    summary: 'Chat in the OpenAI dialect; the gateway finds a provider and pays it by windows.',
    access: 'open',
    input: zOpenAiChat,
    output: zAnswer,
    streams: true,
  }),
  completions: endpoint({
    method: 'POST',
    path: '/v1/completions',
    summary: 'Completion in the OpenAI dialect; the prompt is one user message.',
    access: 'open',
    input: zOpenAiCompletions,
    output: zAnswer,
    streams: true,
  }),
  responses: endpoint({
    method: 'POST',
    path: '/v1/responses',
    summary: 'Responses in the OpenAI dialect; nothing is stored.',
    access: 'open',
    input: zOpenAiResponses,
    output: zAnswer,
    streams: true,
  }),
  messages: endpoint({
    method: 'POST',
    path: '/v1/messages',
    summary: 'Chat in the Anthropic dialect.',
    access: 'open',
    input: zAnthropicMessages,
    output: zAnswer,
    streams: true,
  }),
  ollamaChat: endpoint({
    method: 'POST',
    path: '/api/chat',
    summary: 'Chat in the Ollama dialect.',
    access: 'open',
    input: zOllamaChat,
    output: zAnswer,
    streams: true,
  }),
  ollamaGenerate: endpoint({
    method: 'POST',
    path: '/api/generate',
    summary: 'Completion in the Ollama dialect.',
    access: 'open',
    input: zOllamaGenerate,
    output: zAnswer,
    streams: true,
  }),
  embeddings: endpoint({
    method: 'POST',
    path: '/v1/embeddings',
    summary: 'Embeddings in the OpenAI dialect.',
    access: 'open',
    input: zOpenAiEmbeddings,
    output: zAnswer,
  }),
  ollamaEmbed: endpoint({
    method: 'POST',
    path: '/api/embed',
    summary: 'Embeddings in the Ollama dialect.',
    access: 'open',
    input: zOllamaEmbed,
    output: zAnswer,
  }),
  ollamaEmbeddings: endpoint({
    method: 'POST',
    path: '/api/embeddings',
    summary: 'Embedding of one text in the older Ollama dialect.',
    access: 'open',
    input: zOllamaEmbeddings,
    output: zAnswer,
  }),
} as const satisfies EndpointTable;

const zTag = z.object({
  name: z.string(),
  model: z.string(),
  modified_at: z.string(),
  size: z.number(),
  digest: z.string(),
  details: zListed,
});

/** Lists of what can be bought, as the clients of each dialect ask for them. */
export const gatewayListEndpoints = {
  models: endpoint({
    method: 'GET',
    path: '/v1/models',
    summary: 'Models that can be bought now; fields for the clients of OpenAI and of Anthropic.',
    access: 'open',
    input: z.object({}),
    output: z.object({ object: z.literal('list'), data: z.array(zListed) }).loose(),
  }),
  model: endpoint({
    method: 'GET',
    path: '/v1/models/:id',
    summary: 'One model that can be bought now.',
    access: 'open',
    input: z.object({ id: z.string() }),
    output: zListed,
  }),
  ollamaTags: endpoint({
    method: 'GET',
    path: '/api/tags',
    summary: 'Models that can be bought now, in the Ollama dialect.',
    access: 'open',
    input: none,
    output: z.object({ models: z.array(zTag) }),
  }),
  ollamaShow: endpoint({
    method: 'POST',
    path: '/api/show',
    summary: 'One model in the Ollama dialect: what is for sale, not what is on a disk.',
    access: 'open',
    input: z.strictObject({
      model: z.string().optional(),
      name: z.string().optional(),
      verbose: z.boolean().optional(),
    }),
    output: zListed,
  }),
  ollamaPs: endpoint({
    method: 'GET',
    path: '/api/ps',
    summary: 'Models that are ready to answer: every one that is on offer.',
    access: 'open',
    input: none,
    output: z.object({ models: z.array(zTag) }),
  }),
  ollamaVersion: endpoint({
    method: 'GET',
    path: '/api/version',
    summary: 'The version of the Ollama dialect that is spoken.',
    access: 'open',
    input: none,
    output: z.object({ version: z.string() }),
  }),
} as const satisfies EndpointTable;
