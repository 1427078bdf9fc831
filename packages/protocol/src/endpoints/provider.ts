/** HTTP of the AI provider daemon (port 8008): an allow-list; everything else is an unknown path. */
import { z } from 'zod';
import { zAnthropicMessages } from '../dialects/anthropic.ts';
import { zOllamaEmbed, zOpenAiEmbeddings } from '../dialects/embeddings.ts';
import { zOllamaChat, zOllamaGenerate } from '../dialects/ollama.ts';
import { zOpenAiChat } from '../dialects/openai-chat.ts';
import { zOpenAiCompletions } from '../dialects/openai-completions.ts';
import { limits } from '../limits.ts';
import { zSignedOffer } from '../payments/offer.ts';
import { zSignedReceipt } from '../payments/receipt.ts';
import { zResume } from '../payments/resume.ts';
import { zAddress, zAmount, zCount, zHash, zSignature } from '../scalars.ts';
import { type EndpointTable, endpoint } from './endpoint.ts';
import { providerOwnerEndpoints, zAuditStanding, zClaims } from './provider/owner.ts';

const none = z.strictObject({});

/** A model on a price list: OpenRouter's convention plus exact integers. */
export const zPricedModel = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: zCount,
  owned_by: z.string(),
  context_length: zCount,
  pricing: z.object({ prompt: z.string(), completion: z.string(), request: z.string() }),
  x_aitbc: z.object({
    asset: z.literal('native'),
    inputPerMTok: zAmount,
    outputPerMTok: zAmount,
    perRequest: zAmount,
    digest: z.string(),
    offerId: zHash,
  }),
});

/** The voucher for the next window of a running job. */
const zTopUp = z.strictObject({
  jobId: zHash,
  channelId: zHash,
  tokens: zCount,
  maxClaimable: zAmount,
  signature: zSignature,
});

/** An error as the body of an answer has it. */
const zRefusal = z.object({
  code: z.string(),
  message: z.string(),
  facts: z.record(z.string(), z.unknown()),
});

/** How a paid job stands at its provider. */
export const zJobPaymentState = z.object({
  jobId: zHash,
  outcome: z.string(),
  tokens: zCount.meta({ description: 'output tokens covered by vouchers' }),
  delivered: zCount,
  charged: zAmount,
});

/** All receipts of a job at its provider, in order. */
export const zJobReceipts = z.object({
  jobId: zHash,
  offer: zSignedOffer,
  receipts: z.array(zSignedReceipt),
  settledTxId: zHash.nullable(),
});

export const providerEndpoints = {
  chatCompletions: endpoint({
    method: 'POST',
    path: '/v1/chat/completions',
    summary: 'Paid chat in the OpenAI dialect.',
    access: 'paid',
    input: zOpenAiChat,
    output: z.unknown(),
    streams: true,
  }),
  ollamaChat: endpoint({
    method: 'POST',
    path: '/api/chat',
    summary: 'Paid chat in the Ollama dialect.',
    access: 'paid',
    input: zOllamaChat,
    output: z.unknown(),
    streams: true,
  }),
  ollamaGenerate: endpoint({
    method: 'POST',
    path: '/api/generate',
    summary: 'Paid completion in the Ollama dialect.',
    access: 'paid',
    input: zOllamaGenerate,
    output: z.unknown(),
    streams: true,
  }),
  completions: endpoint({
    method: 'POST',
    path: '/v1/completions',
    summary: 'Paid completion in the OpenAI dialect; the prompt is one user message.',
    access: 'paid',
    input: zOpenAiCompletions,
    output: z.unknown(),
    streams: true,
  }),
  messages: endpoint({
    method: 'POST',
    path: '/v1/messages',
    summary: 'Paid chat in the Anthropic dialect.',
    access: 'paid',
    input: zAnthropicMessages,
    output: z.unknown(),
    streams: true,
  }),
  embeddings: endpoint({
    method: 'POST',
    path: '/v1/embeddings',
    summary: 'Paid embeddings in the OpenAI dialect.',
    access: 'paid',
    input: zOpenAiEmbeddings,
    output: z.unknown(),
  }),
  ollamaEmbed: endpoint({
    method: 'POST',
    path: '/api/embed',
    summary: 'Paid embeddings in the Ollama dialect.',
    access: 'paid',
    input: zOllamaEmbed,
    output: z.unknown(),
  }),
  models: endpoint({
    method: 'GET',
    path: '/v1/models',
    summary: 'Models for sale, with prices.',
    access: 'open',
    input: none,
    output: z.object({ object: z.literal('list'), data: z.array(zPricedModel) }),
  }),
  ollamaTags: endpoint({
    method: 'GET',
    path: '/api/tags',
    summary: 'Models for sale in the Ollama dialect.',
    access: 'open',
    input: none,
    output: z.object({
      models: z.array(
        z.object({
          name: z.string(),
          model: z.string(),
          modified_at: z.string(),
          size: zCount,
          digest: z.string(),
          details: z.object({ quantization_level: z.string() }),
        }),
      ),
    }),
  }),
  offers: endpoint({
    method: 'GET',
    path: '/v1/offers',
    summary: 'Signed offers, one per model.',
    access: 'open',
    input: none,
    output: z.object({ offers: z.array(zSignedOffer) }),
  }),
  extend: endpoint({
    method: 'POST',
    path: '/v1/payments/vouchers',
    summary: 'Hands in the voucher for the next window of a running job.',
    access: 'open',
    input: zTopUp,
    output: zJobPaymentState,
  }),
  extendMany: endpoint({
    method: 'POST',
    path: '/v1/payments/vouchers/batch',
    summary: 'The same for several jobs in one call; one answer for each, in their order.',
    access: 'open',
    input: z.strictObject({ vouchers: z.array(zTopUp).min(1).max(limits.vouchersPerCall) }),
    output: z.object({
      answers: z.array(z.union([zJobPaymentState, z.object({ error: zRefusal })])),
    }),
  }),
  resume: endpoint({
    method: 'POST',
    path: '/v1/payments/resume',
    summary:
      'Paid: continues an answer that another provider began; streams like chat in the OpenAI dialect.',
    access: 'paid',
    input: z.strictObject({
      body: z.string().meta({ description: 'request body, byte for byte as it was first sent' }),
      resume: zResume,
    }),
    output: z.unknown(),
    streams: true,
  }),
  acknowledge: endpoint({
    method: 'POST',
    path: '/v1/payments/acknowledge',
    summary: 'The buyer received tokens that no receipt covers; signs for them and charges them.',
    access: 'open',
    input: z.strictObject({
      jobId: zHash,
      channelId: zHash,
      from: zCount,
      to: zCount,
      textHash: zHash,
      signature: zSignature,
    }),
    output: zJobReceipts,
  }),
  receipt: endpoint({
    method: 'GET',
    path: '/v1/payments/receipts/:jobId',
    summary: 'All receipts of a job, in order.',
    access: 'open',
    input: z.strictObject({ jobId: zHash }),
    output: zJobReceipts,
  }),
  status: endpoint({
    method: 'GET',
    path: '/v1/status',
    summary: 'Account, engine, queue and earnings of this provider.',
    access: 'open',
    input: none,
    output: z.object({
      provider: zAddress,
      engine: z.object({ name: z.string(), version: z.string() }),
      models: z.array(z.string()),
      running: zCount,
      waiting: zCount,
      slots: zCount,
      jobs: zCount,
      outputTokens: zCount,
      charged: zAmount,
      claimed: zAmount,
      coordinator: z.enum(['connected', 'connecting', 'off']),
      verifyMicros: z.object({ p50: z.number(), p99: z.number(), count: zCount }),
      engineTokens: zCount.meta({ description: 'made by the engine since the start, also unpaid' }),
      claims: zClaims.meta({ description: 'what it says of its machine; nobody has checked it' }),
      audits: zAuditStanding.optional(),
    }),
  }),
  claimNow: endpoint({
    method: 'POST',
    path: '/v1/payments/claim',
    summary:
      'Claims all that is due on chain now instead of at the next interval. Owner only (token).',
    access: 'token',
    input: none,
    output: z.object({ txId: zHash.nullable(), rows: zCount }),
  }),
  ...providerOwnerEndpoints,
} as const satisfies EndpointTable;
