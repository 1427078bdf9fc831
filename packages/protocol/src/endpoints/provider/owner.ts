/**
 * What a provider says about its machine, and the calls of its owner.
 *
 * Cards and benchmark results are claims: the provider reports them about itself and nobody else has
 * checked them. What is checked are receipts and audits.
 */
import { z } from 'zod';
import { zSignedOffer } from '../../payments/offer.ts';
import { zAddress, zAmount, zCount, zHash } from '../../scalars.ts';
import { type EndpointTable, endpoint } from '../endpoint.ts';

/** One graphics card, or one slice of a card that is cut into several, as its tool reports it. */
export const zGpuClaim = z.object({
  vendor: z.enum(['nvidia', 'amd', 'apple']),
  name: z.string(),
  idHash: zHash.nullable().meta({ description: 'SHA-256 of the serial id: tells cards apart' }),
  memoryBytes: zCount.nullable(),
  sharesMemory: z.boolean().meta({ description: 'the memory is that of the whole machine' }),
  slice: zCount.nullable().meta({ description: 'number of the MIG instance' }),
});

/** Speed at so many streams at once, by the caller's clock. */
export const zLadderStep = z.object({
  atOnce: zCount,
  tokensPerSecond: z.number().meta({ description: 'of all streams together' }),
  firstTokenMsP50: z.number(),
  firstTokenMsP95: z.number(),
  gapMsP50: z.number().meta({ description: 'between two pieces of one stream' }),
  gapMsP95: z.number(),
});

/** Prompt tokens read in one go. */
export const zPrefill = z.object({
  promptTokens: zCount,
  firstTokenMs: z.number(),
  tokensPerSecond: z.number(),
});

/** Whether a speed can be: the memory is read once for each token, so its bandwidth bounds the speed. */
export const zPlausibility = z.object({
  verdict: z.enum(['plausible', 'impossible', 'unknown']),
  tokensPerSecondMax: z.number().nullable(),
  reason: z.string(),
});

/** What was measured of one model. */
export const zModelBenchmark = z.object({
  model: z.string(),
  digest: z.string(),
  engine: z.string(),
  engineVersion: z.string(),
  measuredAtMs: zCount,
  slots: zCount,
  firstCallMs: z.number().meta({
    description: 'first token of the first call, with the load of the model if it was not loaded',
  }),
  prefill: z.array(zPrefill),
  decodeTokensPerSecond: z.number(),
  ladder: z.array(zLadderStep),
  plausibility: zPlausibility,
});

/** What a provider claims about its machine. */
export const zClaims = z.object({
  gpus: z.array(zGpuClaim),
  benchmarks: z.array(zModelBenchmark),
});

/** A dispute that a provider is in. */
export const zAuditCase = z.object({
  auditId: zHash,
  role: z.enum(['accused', 'accuser', 'juror']),
  provider: zAddress.meta({ description: 'the accused' }),
  jobId: zHash,
  state: z.string().meta({
    description: 'phase on chain; at the end guilty, acquitted or undecided',
    examples: ['commit', 'decided guilty', 'acquitted'],
  }),
  changedAtMs: zCount,
});

/** How a provider stands in audits. */
export const zAuditStanding = z.object({
  accused: zCount.meta({ description: 'disputes against it that are open on chain' }),
  lost: zCount.meta({ description: 'disputes in which jurors found it guilty' }),
});

/** Why a provider has nothing to do; `busy` is the time in which it had. */
export const idleReasons = [
  'busy',
  'measuring',
  'drained',
  'no_engine',
  'not_registered',
  'not_connected',
  'not_asked',
] as const;

export const zIdleReason = z.enum(idleReasons);

/** Busy, or why not. */
export type IdleReason = (typeof idleReasons)[number];

/** Work and money of one model on one day (UTC). */
export const zEarningsRow = z.object({
  day: z.iso.date(),
  model: z.string(),
  jobs: zCount,
  failed: zCount.meta({ description: 'jobs that this provider ended with an error' }),
  promptTokens: zCount,
  outputTokens: zCount,
  charged: zAmount,
});

/** How a day (UTC) was spent. */
export const zDayUse = z.object({
  day: z.iso.date(),
  reason: zIdleReason,
  ms: zCount,
});

const zDrainState = z.object({
  isDraining: z.boolean(),
  running: zCount,
  endsInMs: zCount.meta({ description: 'until the jobs that still run are ended' }),
});

/** Calls that only the owner makes, with the token of `admin.token`. */
export const providerOwnerEndpoints = {
  bench: endpoint({
    method: 'POST',
    path: '/v1/bench',
    summary:
      'Measures the models that are sold while no paid job runs; ends early when one comes. Owner only (token).',
    access: 'token',
    input: z.strictObject({ model: z.string().min(1).max(128).optional() }),
    output: z.object({ benchmarks: z.array(zModelBenchmark) }),
  }),
  drain: endpoint({
    method: 'POST',
    path: '/v1/drain',
    summary:
      'Sells nothing from now on: waiting jobs end, running ones within the time. Owner only (token).',
    access: 'token',
    input: z.strictObject({ withinMs: z.int().min(0).max(3_600_000).default(30_000) }),
    output: zDrainState,
  }),
  endDrain: endpoint({
    method: 'DELETE',
    path: '/v1/drain',
    summary: 'Sells again. Owner only (token).',
    access: 'token',
    input: z.strictObject({}),
    output: zDrainState,
  }),
  setPrices: endpoint({
    method: 'POST',
    path: '/v1/owner/prices',
    summary:
      'Asks other prices for a model until the daemon restarts: a new signed offer. Owner only (token).',
    access: 'token',
    input: z.strictObject({
      model: z.string().min(1).max(128),
      inputPerMTok: zAmount,
      outputPerMTok: zAmount,
      perRequest: zAmount,
    }),
    output: z.object({
      offerId: zHash,
      offer: zSignedOffer,
      isNew: z.boolean().meta({ description: 'false: these were the prices already' }),
    }),
  }),
  ownCases: endpoint({
    method: 'GET',
    path: '/v1/audits',
    summary: 'Disputes on chain that this provider is or was in, newest first. Owner only (token).',
    access: 'token',
    input: z.strictObject({}),
    output: z.object({ cases: z.array(zAuditCase) }),
  }),
  appealAudit: endpoint({
    method: 'POST',
    path: '/v1/audits/:auditId/appeal',
    summary:
      'Appeals against the verdict of the first jurors; the deposit is lost with the appeal. Owner only (token).',
    access: 'token',
    input: z.strictObject({ auditId: zHash }),
    output: z.object({ auditId: zHash }),
  }),
  earnings: endpoint({
    method: 'GET',
    path: '/v1/earnings',
    summary:
      'Earnings per day and model, and why the rest of the time was idle. Owner only (token).',
    access: 'token',
    input: z.strictObject({ days: z.int().min(1).max(366).default(30) }),
    output: z.object({
      days: zCount,
      rows: z.array(zEarningsRow),
      use: z.array(zDayUse),
      now: zIdleReason,
      audits: zAuditStanding.optional(),
    }),
  }),
} as const satisfies EndpointTable;
