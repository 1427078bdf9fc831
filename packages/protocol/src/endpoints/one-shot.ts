/** HTTP of a provider for payments by one transfer: what a call would cost, and what became of a payment. */
import { z } from 'zod';
import { limits } from '../limits.ts';
import { zAddress, zAmount, zCount, zHash } from '../scalars.ts';
import { type EndpointTable, endpoint } from './endpoint.ts';
import { zRequirements } from './facilitator.ts';

export const oneShotEndpoints = {
  quote: endpoint({
    method: 'POST',
    path: '/v1/quote',
    summary: 'What a call would cost at most, and the ways to pay for it. Nothing runs.',
    access: 'open',
    input: z.strictObject({
      path: z.string().max(64).default('/v1/chat/completions'),
      body: z
        .string()
        .min(2)
        .max(limits.bodyBytes)
        .meta({ description: 'request body, byte for byte as it will be sent' }),
    }),
    output: z.object({
      x402Version: z.literal(2),
      error: z.string(),
      resource: z.object({ url: z.string(), description: z.string(), mimeType: z.string() }),
      accepts: z.array(zRequirements),
    }),
  }),
  oneShot: endpoint({
    method: 'GET',
    path: '/v1/payments/one-shot/:txId',
    summary: 'What became of a payment by one transfer: its job, its charge, its refund.',
    access: 'open',
    input: z.strictObject({ txId: zHash }),
    output: z.object({
      txId: zHash,
      payer: zAddress,
      jobId: zHash,
      state: z.enum(['waiting', 'open', 'closed']).meta({
        description: 'waiting for the chain; may be used; settled',
      }),
      amount: zAmount,
      charged: zAmount,
      credit: zAmount.meta({ description: 'not used: owed to the payer, or sent back' }),
      refundTxId: zHash.nullable(),
      refundIsFinal: z.boolean(),
      takenAtMs: zCount,
    }),
  }),
} as const satisfies EndpointTable;
