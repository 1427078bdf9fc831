/** HTTP of the buyer's gateway (port 11435, loopback): unmodified clients in, paid calls out. */
import { z } from 'zod';
import { zOpenAiChat } from '../dialects/openai-chat.ts';
import { limits } from '../limits.ts';
import { zJobProof } from '../payments/proof.ts';
import { zAddress, zAmount, zCount, zHash, zText } from '../scalars.ts';
import { type EndpointTable, endpoint } from './endpoint.ts';
import { gatewayListEndpoints, gatewayPaidEndpoints } from './gateway-dialects.ts';
import { gatewayOwnerEndpoints } from './gateway-owner.ts';
import { zJob } from './jobs.ts';

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

const gatewayBookEndpoints = {
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
    summary:
      'Offers and receipts of a paid call at all its providers, ready for `aitbc receipt verify`.',
    access: 'open',
    input: z.strictObject({ jobId: zHash }),
    output: zJobProof,
  }),
} as const satisfies EndpointTable;

/** All calls of a gateway. */
export const gatewayEndpoints = {
  ...gatewayPaidEndpoints,
  ...gatewayListEndpoints,
  ...gatewayBookEndpoints,
  ...gatewayOwnerEndpoints,
} as const satisfies EndpointTable;

/** Headers the gateway adds to an answer. */
export const gatewayHeaders = Object.freeze({
  jobId: 'x-aitbc-job',
  /** Address; of a stream the provider that began it. */
  provider: 'x-aitbc-provider',
  /** nait; a header of whole answers, a trailer of streams, which carry it in their usage too. */
  cost: 'x-aitbc-cost',
});
