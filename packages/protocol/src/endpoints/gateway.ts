/** HTTP of the buyer's gateway (port 11435, loopback): unmodified clients in, paid calls out. */
import { z } from 'zod';
import { limits } from '../limits.ts';
import { zSignedOffer } from '../payments/offer.ts';
import { zSignedReceipt } from '../payments/receipt.ts';
import { zAddress, zAmount, zCount, zHash, zText } from '../scalars.ts';
import { zOpenAiChat } from './chat.ts';
import { zJob } from './coordinator.ts';
import { type EndpointTable, endpoint } from './endpoint.ts';

const none = z.strictObject({});

/** One paid call as the gateway's log keeps it. */
export const zSpend = z.object({
  jobId: zHash,
  atMs: zCount,
  model: z.string(),
  provider: zAddress,
  outcome: z.string(),
  promptTokens: zCount,
  outputTokens: zCount,
  charged: zAmount,
  firstTokenMs: zCount.nullable(),
  durationMs: zCount,
});

export const gatewayEndpoints = {
  chatCompletions: endpoint({
    method: 'POST',
    path: '/v1/chat/completions',
    summary: 'Chat in the OpenAI dialect; the gateway finds a provider and pays it by windows.',
    access: 'open',
    input: zOpenAiChat,
    output: z.unknown(),
    streams: true,
  }),
  submitJob: endpoint({
    method: 'POST',
    path: '/v1/aitbc/jobs',
    summary:
      'Pays for and submits an asynchronous job: the gateway picks an offer, signs one voucher for the whole job and hands both to the coordinator.',
    access: 'open',
    input: z.strictObject({
      model: z.string().min(1).max(128),
      messages: zOpenAiChat.shape.messages,
      max_tokens: z.int().positive().max(limits.outputTokensMax).optional(),
      temperature: z.number().min(0).max(2).optional(),
      idempotencyKey: zText(limits.idempotencyKeyBytes).optional(),
    }),
    output: zJob,
  }),
  models: endpoint({
    method: 'GET',
    path: '/v1/models',
    summary: 'Models that can be bought now.',
    access: 'open',
    input: none,
    output: z.object({
      object: z.literal('list'),
      data: z.array(z.record(z.string(), z.unknown())),
    }),
  }),
  spend: endpoint({
    method: 'GET',
    path: '/v1/aitbc/spend',
    summary: 'Payer, channels and the newest paid calls.',
    access: 'open',
    input: z.strictObject({ limit: z.int().positive().max(100).default(20) }),
    output: z.object({
      payer: zAddress,
      charged: zAmount,
      dayLimit: zAmount,
      spentToday: zAmount,
      channels: z.array(
        z.object({
          channelId: zHash,
          provider: zAddress,
          balance: zAmount,
          signedMax: zAmount,
          charged: zAmount,
        }),
      ),
      calls: z.array(zSpend),
    }),
  }),
  proof: endpoint({
    method: 'GET',
    path: '/v1/aitbc/receipts/:jobId',
    summary: 'Offer and receipts of a paid call, ready for `aitbc receipt verify`.',
    access: 'open',
    input: z.strictObject({ jobId: zHash }),
    output: z.object({
      jobId: zHash,
      bodyDigest: zHash,
      offer: zSignedOffer,
      receipts: z.array(zSignedReceipt),
    }),
  }),
} as const satisfies EndpointTable;

/** Headers the gateway adds to an answer. */
export const gatewayHeaders = Object.freeze({
  jobId: 'x-aitbc-job',
  provider: 'x-aitbc-provider',
  /** nait; non-streamed answers only, streams carry it in their usage chunk. */
  cost: 'x-aitbc-cost',
});
