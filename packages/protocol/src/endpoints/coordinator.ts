/** HTTP of the coordinator (port 8000): it matches buyers and providers and is never in the money path. */
import { z } from 'zod';
import { limits } from '../limits.ts';
import { zSignedOffer } from '../payments/offer.ts';
import { zSignedReceipt } from '../payments/receipt.ts';
import { zAddress, zAmount, zCount, zHash } from '../scalars.ts';
import { type EndpointTable, endpoint } from './endpoint.ts';

const none = z.strictObject({});
const zCursor = { after: z.string().max(80).optional() };

/** What was measured of a provider's model, from receipts and reports; null while nothing is known. */
export const zMeasured = z.object({
  firstTokenMsP50: z.number().nullable(),
  firstTokenMsP90: z.number().nullable(),
  tokensPerSecondP50: z.number().nullable(),
  samples: zCount,
});

/** A provider's own count of its load, from its last heartbeat. */
export const zGauges = z.strictObject({ running: zCount, waiting: zCount, slots: zCount });

export const zRankedOffer = z.object({
  offerId: zHash,
  offer: zSignedOffer,
  rank: zCount,
  reason: z.string().meta({ description: 'the factor that decided the rank' }),
  measured: zMeasured,
  gauges: zGauges,
});

/** Routing wishes, in the words of OpenRouter. */
export const zProviderWishes = z.strictObject({
  order: z.array(zAddress).max(16).optional(),
  only: z.array(zAddress).max(64).optional(),
  ignore: z.array(zAddress).max(64).optional(),
  quantizations: z.array(z.string().max(16)).max(16).optional(),
  sort: z.enum(['price', 'latency', 'throughput']).optional(),
  max_price: z
    .strictObject({
      prompt: zAmount.optional(),
      completion: zAmount.optional(),
      request: zAmount.optional(),
    })
    .optional()
    .meta({ description: 'nait per million tokens, and per request' }),
});

export const jobStates = [
  'queued',
  'dispatched',
  'running',
  'completed',
  'failed',
  'expired',
  'cancelled',
] as const;

/** An asynchronous job as its owner sees it. */
export const zJob = z.object({
  jobId: zHash,
  state: z.enum(jobStates),
  kind: z.literal('inference'),
  model: z.string(),
  payer: zAddress,
  provider: zAddress,
  offerId: zHash,
  attempts: zCount,
  createdAtMs: zCount,
  startedAtMs: zCount.nullable(),
  finishedAtMs: zCount.nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
});

export const coordinatorEndpoints = {
  about: endpoint({
    method: 'GET',
    path: '/v1/about',
    summary: 'Which network this coordinator serves and how busy it is.',
    access: 'open',
    input: none,
    output: z.object({
      name: z.string(),
      network: z.string(),
      caip2: z.string(),
      genesisHash: zHash,
      providers: zCount,
      offers: zCount,
      jobs: z.record(z.enum(jobStates), zCount),
    }),
  }),
  route: endpoint({
    method: 'POST',
    path: '/v1/route',
    summary: 'Ranked signed offers for a model.',
    access: 'open',
    input: z.strictObject({
      models: z.array(z.string().min(1).max(128)).min(1).max(8),
      provider: zProviderWishes.default({}),
      contextTokens: zCount.optional(),
      limit: z.int().positive().max(limits.routeResults).default(5),
    }),
    output: z.object({ offers: z.array(zRankedOffer) }),
  }),
  models: endpoint({
    method: 'GET',
    path: '/v1/models',
    summary: 'Models on offer now, with the cheapest price and the number of providers.',
    access: 'open',
    input: none,
    output: z.object({
      object: z.literal('list'),
      data: z.array(
        z.object({
          id: z.string(),
          object: z.literal('model'),
          created: zCount,
          owned_by: z.string(),
          providers: zCount,
          inputPerMTok: zAmount,
          outputPerMTok: zAmount,
        }),
      ),
    }),
  }),
  listOffers: endpoint({
    method: 'GET',
    path: '/v1/offers',
    summary: 'All signed offers of providers that are connected.',
    access: 'open',
    input: z.strictObject({ model: z.string().max(128).optional(), ...zCursor }),
    output: z.object({ offers: z.array(zRankedOffer), next: z.string().nullable() }),
  }),
  listProviders: endpoint({
    method: 'GET',
    path: '/v1/providers',
    summary: 'Providers that hold a lease.',
    access: 'open',
    input: z.strictObject({ ...zCursor }),
    output: z.object({
      providers: z.array(
        z.object({
          provider: zAddress,
          endpoint: z.string(),
          leaseUntilMs: zCount,
          models: z.array(z.string()),
          gauges: zGauges,
        }),
      ),
      next: z.string().nullable(),
    }),
  }),
  report: endpoint({
    method: 'POST',
    path: '/v1/reports',
    summary: 'A buyer hands in a final receipt with the times it measured.',
    access: 'open',
    input: z.strictObject({
      receipt: zSignedReceipt,
      firstTokenMs: zCount,
      durationMs: zCount,
    }),
    output: z.object({ accepted: z.boolean() }),
  }),
  submitJob: endpoint({
    method: 'POST',
    path: '/v1/jobs',
    summary:
      'Submits an asynchronous job. The payment is the PAYMENT-SIGNATURE header for the offer.',
    access: 'open',
    input: z.strictObject({
      offerId: zHash,
      payer: zAddress,
      body: z
        .string()
        .min(2)
        .max(limits.bodyBytes)
        .meta({ description: 'OpenAI chat body, exactly as it was paid for' }),
      payment: z.string().max(limits.headerBytes),
    }),
    output: zJob,
  }),
  getJob: endpoint({
    method: 'GET',
    path: '/v1/jobs/:jobId',
    summary: 'State of a job.',
    access: 'open',
    input: z.strictObject({ jobId: zHash }),
    output: zJob,
  }),
  cancelJob: endpoint({
    method: 'POST',
    path: '/v1/jobs/:jobId/cancel',
    summary: 'Cancels a job that has not begun.',
    access: 'open',
    input: z.strictObject({ jobId: zHash }),
    output: zJob,
  }),
  jobResult: endpoint({
    method: 'GET',
    path: '/v1/jobs/:jobId/result',
    summary: 'Answer and final receipt of a completed job.',
    access: 'open',
    input: z.strictObject({ jobId: zHash }),
    output: z.object({
      jobId: zHash,
      answer: z.unknown().meta({ description: 'OpenAI chat completion' }),
      receipt: zSignedReceipt,
      offer: zSignedOffer,
    }),
  }),
} as const satisfies EndpointTable;
