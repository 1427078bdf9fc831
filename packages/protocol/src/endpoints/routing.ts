/**
 * The words of routing: what a buyer may wish, in the vocabulary agents know from OpenRouter, and how a
 * decision and a score are told. Objects are strict, so that a wish nobody here understands is refused by
 * its name instead of being forgotten. See docs/spec/market.md, "Ranking" and "Decisions".
 */
import { z } from 'zod';
import { limits } from '../limits.ts';
import { jobKinds, zSignedOffer } from '../payments/offer.ts';
import { zSignedReceipt } from '../payments/receipt.ts';
import { zAddress, zAmount, zCount, zHash, zSignature } from '../scalars.ts';
import { zAudit } from './coordinator/audits.ts';

const zSpeed = z.number().positive().max(1_000_000);

/** Routing wishes, in the words of OpenRouter. */
export const zProviderWishes = z.strictObject({
  order: z
    .array(zAddress)
    .max(16)
    .optional()
    .meta({ description: 'these providers first, in this order' }),
  allow_fallbacks: z.boolean().optional().meta({
    description:
      'false: only the providers in `order`, or without `order` only the first of the ranking; default true',
  }),
  only: z.array(zAddress).max(64).optional().meta({ description: 'no other providers' }),
  ignore: z.array(zAddress).max(64).optional().meta({ description: 'never these providers' }),
  require_parameters: z.boolean().optional().meta({
    description:
      'true: only offers that do all of `parameters` and whose longest answer holds `outputTokens`; default false',
  }),
  quantizations: z
    .array(z.string().max(16))
    .max(16)
    .optional()
    .meta({ description: 'only these, in any spelling of case', examples: [['Q4_K_M', 'f16']] }),
  verifiable: z.boolean().optional().meta({
    description:
      'true: only offers whose answers at temperature 0 are audited, of providers that no audit speaks against',
  }),
  sort: z
    .enum(['price', 'latency', 'throughput'])
    .optional()
    .meta({ description: 'one figure instead of the effective price' }),
  max_price: z
    .strictObject({
      prompt: zAmount.optional(),
      completion: zAmount.optional(),
      request: zAmount.optional(),
    })
    .optional()
    .meta({
      description: 'nait per million prompt and completion tokens, and per request',
      examples: [{ prompt: '50000000', completion: '150000000' }],
    }),
  preferred_min_throughput: z
    .union([zSpeed, z.strictObject({ p50: zSpeed })])
    .optional()
    .meta({
      description: 'measured tokens/s; slower or unmeasured offers come after all others',
      examples: [40],
    }),
  preferred_max_latency: z
    .union([zSpeed, z.strictObject({ p50: zSpeed.optional(), p90: zSpeed.optional() })])
    .optional()
    .meta({
      description: 'measured seconds to the first token; later ones come after all others',
      examples: [0.8, { p90: 2 }],
    }),
});

/** Input of the route call. */
export const zRouteQuery = z.strictObject({
  models: z
    .array(z.string().min(1).max(limits.modelNameBytes))
    .min(1)
    .max(8)
    .meta({
      description: 'in the order they are tried',
      examples: [['qwen3:8b', 'llama3.1:8b']],
    }),
  provider: zProviderWishes.default({}),
  contextTokens: zCount
    .optional()
    .meta({ description: 'prompt and answer together; smaller contexts are left out' }),
  outputTokens: zCount
    .optional()
    .meta({ description: 'longest answer asked for; see `require_parameters`' }),
  parameters: z
    .array(z.string().min(1).max(64))
    .max(32)
    .optional()
    .meta({
      description: 'fields of the chat request beside the model; see `require_parameters`',
      examples: [['temperature', 'seed']],
    }),
  serves: z.enum(jobKinds).optional().meta({ description: 'only offers that do this kind' }),
  canResume: z.boolean().optional().meta({
    description: 'true: only offers that continue an answer of another provider',
  }),
  limit: z.int().positive().max(limits.routeResults).default(5),
});

/** One routing decision as one provider sees it. */
export const zDecision = z.object({
  decisionId: z.string(),
  atMs: zCount,
  model: z.string(),
  offerId: zHash,
  rank: zCount.nullable().meta({
    description: '0 is the winner; null: left out, or behind all that were looked at',
  }),
  candidates: zCount.meta({ description: 'offers that were looked at and fitted' }),
  factor: z.string().meta({ description: 'what decided, in one word', examples: ['price'] }),
  own: z.number().nullable().meta({ description: 'figure of this provider in that factor' }),
  best: z.number().nullable().meta({ description: 'figure of the winner' }),
  text: z.string().meta({ examples: ['price 12 % above the winner'] }),
});

/** Answer to a challenge, by the key that the chain has registered for the provider. */
export const zLoginAnswer = z.strictObject({
  provider: zAddress,
  nonce: zHash,
  signature: zSignature,
});

/** Counts that a score is computed from. */
export const zScoreInputs = z.object({
  receipts: zCount.meta({ description: 'final receipts of the last reports that count' }),
  delivered: zCount.meta({
    description: 'of them with the outcome complete, limit or client_abort',
  }),
  broken: zCount.meta({ description: 'of them with the outcome provider_error' }),
  deadlineHits: zCount.meta({ description: 'first token within the bound of the signed offer' }),
  deadlineMisses: zCount,
  auditsPassed: zCount.meta({ description: 'of the last audits that count: reported as honest' }),
  auditsFailed: zCount.meta({ description: 'of them: found guilty by the jurors on chain' }),
});

/** One report behind a score; signatures prove all but the time, which is the buyer's word. */
export const zScoreEvidence = z.object({
  receipt: zSignedReceipt,
  firstTokenMs: zCount,
  boundMs: zCount.meta({ description: '`firstTokenMs` of the signed offer' }),
});

/** A provider's reputation. */
export const zScore = z.object({
  provider: zAddress,
  score: zCount.meta({ description: '0 to 1000; 1000 while nothing speaks against it' }),
  formula: z.literal(1),
  inputs: zScoreInputs,
  evidence: z.array(zScoreEvidence).optional(),
  offers: z.array(zSignedOffer).optional(),
  audits: z.array(zAudit).optional(),
});
