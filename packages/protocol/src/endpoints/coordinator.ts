/** HTTP of the coordinator (port 8000): it matches buyers and providers and is never in the money path. */
import { z } from 'zod';
import { limits } from '../limits.ts';
import { jobKinds, zSignedOffer } from '../payments/offer.ts';
import { zSignedReceipt } from '../payments/receipt.ts';
import { zAddress, zAmount, zCount, zHash } from '../scalars.ts';
import { agentEndpoints } from './coordinator/agents.ts';
import { auditEndpoints, zAuditDraw } from './coordinator/audits.ts';
import { consoleEndpoints } from './coordinator/console.ts';
import { eventEndpoints } from './coordinator/events.ts';
import { messageEndpoints } from './coordinator/messages.ts';
import { priceEndpoints } from './coordinator/prices.ts';
import { surveillanceEndpoints } from './coordinator/surveillance.ts';
import { taskEndpoints } from './coordinator/tasks.ts';
import { type EndpointTable, endpoint } from './endpoint.ts';
import { jobEndpoints, jobStates } from './jobs.ts';
import { zDecision, zLoginAnswer, zRouteQuery, zScore } from './routing.ts';

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
      webhookKey: z
        .string()
        .meta({ description: 'public key of notices, as in Standard Webhooks' }),
    }),
  }),
  route: endpoint({
    method: 'POST',
    path: '/v1/route',
    summary: 'Ranked signed offers for a model.',
    access: 'open',
    input: zRouteQuery,
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
          serves: z
            .array(z.enum(jobKinds))
            .min(1)
            .meta({ description: 'what at least one provider sells it for' }),
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
  providerChallenge: endpoint({
    method: 'POST',
    path: '/v1/providers/challenge',
    summary: 'A nonce that a provider signs to log in over HTTP; good for one login.',
    access: 'open',
    input: none,
    output: z.object({ nonce: zHash, validUntilMs: zCount }),
  }),
  providerLogin: endpoint({
    method: 'POST',
    path: '/v1/providers/login',
    summary: 'A token for a provider that signed the nonce with its registered key.',
    access: 'open',
    input: zLoginAnswer,
    output: z.object({ token: z.string(), validUntilMs: zCount }),
  }),
  decisions: endpoint({
    method: 'GET',
    path: '/v1/providers/me/decisions',
    summary:
      'Newest routing decisions that looked at this provider, with the factor that decided each. Token of a login.',
    access: 'token',
    input: z.strictObject({ limit: z.int().positive().max(limits.pageSize).default(20) }),
    output: z.object({ provider: zAddress, decisions: z.array(zDecision) }),
  }),
  providerScore: endpoint({
    method: 'GET',
    path: '/v1/providers/:address/score',
    summary: 'Reputation of a provider; with explain=1 also the receipts it is computed from.',
    access: 'open',
    input: z.strictObject({ address: zAddress, explain: z.enum(['0', '1']).default('0') }),
    output: zScore,
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
    output: z.object({
      accepted: z.boolean(),
      audit: zAuditDraw.optional().meta({
        description: 'when it is drawn whether the job is audited; only for jobs that can be',
      }),
    }),
  }),
  ...eventEndpoints,
  ...priceEndpoints,
  ...messageEndpoints,
  ...consoleEndpoints,
  ...jobEndpoints,
  ...auditEndpoints,
  ...agentEndpoints,
  ...taskEndpoints,
  ...surveillanceEndpoints,
} as const satisfies EndpointTable;
