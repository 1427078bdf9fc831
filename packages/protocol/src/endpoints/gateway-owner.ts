/** Calls of the gateway's owner and of agents that watch their money: quotes, limits, log, API keys. */
import { z } from 'zod';
import { zOpenAiChat } from '../dialects/openai-chat.ts';
import { limits } from '../limits.ts';
import { zAddress, zAmount, zCount, zHash } from '../scalars.ts';
import { type EndpointTable, endpoint } from './endpoint.ts';

const none = z.strictObject({});

/** Where a job stood with one provider. */
const zJobPart = z.object({
  provider: zAddress,
  from: zCount.meta({ description: 'position of its first output token in the whole answer' }),
  outputTokens: zCount,
  charged: zAmount,
  outcome: z.string(),
  isSettled: z.boolean(),
});

/** One request as the owner's log shows it. Prompts and answers are not kept. */
export const zGatewayJob = z.object({
  jobId: zHash,
  atMs: zCount,
  model: z.string(),
  dialect: z.string().nullable(),
  key: z.string().nullable().meta({ description: 'name of the API key, null without one' }),
  state: z.enum(['running', 'ended']),
  outcome: z.string(),
  promptTokens: zCount,
  outputTokens: zCount,
  charged: zAmount,
  firstTokenMs: zCount.nullable(),
  durationMs: zCount,
  parts: z.array(zJobPart).meta({ description: 'one for each provider, in order' }),
});

const zKeyName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'small letters, digits and hyphens, at most 32');

const keyLimits = {
  dayMax: zAmount
    .nullable()
    .meta({ description: 'most nait on one UTC day, null for no own limit' }),
  jobMax: zAmount.nullable().meta({ description: 'most nait of one call, null for no own limit' }),
  models: z
    .array(z.string().min(1).max(128))
    .max(64)
    .nullable()
    .meta({ description: 'models it may use, null for all' }),
};

/** A local API key without its secret. */
export const zGatewayKey = z.object({
  name: zKeyName,
  ...keyLimits,
  createdAtMs: zCount,
  spentToday: zAmount,
});

export const gatewayOwnerEndpoints = {
  quote: endpoint({
    method: 'POST',
    path: '/v1/aitbc/quote',
    summary: 'What a call would cost at most at each provider, best first. Buys nothing.',
    access: 'open',
    input: z.strictObject({
      model: z.string().min(1).max(128),
      messages: zOpenAiChat.shape.messages.optional(),
      max_tokens: z.int().positive().max(limits.outputTokensMax).optional(),
    }),
    output: z.object({
      model: z.string(),
      quotes: z.array(
        z.object({
          provider: zAddress,
          offerId: zHash,
          inputPerMTok: zAmount,
          outputPerMTok: zAmount,
          perRequest: zAmount,
          outputMax: zCount,
          windowTokens: zCount,
          canResume: z.boolean(),
          firstTokenMsP50: z.number().nullable(),
          most: zAmount.meta({ description: 'nait; the bill is what was delivered, never more' }),
        }),
      ),
    }),
  }),
  balance: endpoint({
    method: 'GET',
    path: '/v1/aitbc/balance',
    summary: 'Coins of the account that pays: on the account, in its vault, and left in channels.',
    access: 'open',
    input: none,
    output: z.object({
      payer: zAddress,
      account: zAmount,
      vault: zAmount,
      channels: zAmount.meta({ description: 'in channels and not yet due' }),
    }),
  }),
  limits: endpoint({
    method: 'GET',
    path: '/v1/aitbc/limits',
    summary: 'What the caller may still spend: the limits of the owner and of the API key.',
    access: 'open',
    input: none,
    output: z.object({
      jobMax: zAmount,
      dayMax: zAmount,
      spentToday: zAmount,
      leftToday: zAmount,
      key: zGatewayKey.nullable(),
    }),
  }),
  job: endpoint({
    method: 'GET',
    path: '/v1/aitbc/jobs/:jobId',
    summary: 'How a paid call stands.',
    access: 'open',
    input: z.strictObject({ jobId: zHash }),
    output: zGatewayJob,
  }),
  log: endpoint({
    method: 'GET',
    path: '/v1/aitbc/log',
    summary: 'The newest requests, newest first. Owner only (token of admin.token).',
    access: 'token',
    input: z.strictObject({ limit: z.int().positive().max(100).default(20) }),
    output: z.object({ jobs: z.array(zGatewayJob) }),
  }),
  createKey: endpoint({
    method: 'POST',
    path: '/v1/aitbc/keys',
    summary:
      'Makes an API key; from the first one on every call needs one. The secret is shown once. Owner only (token).',
    access: 'token',
    input: z.strictObject({
      name: zKeyName,
      dayMax: zAmount.nullable().default(null),
      jobMax: zAmount.nullable().default(null),
      models: keyLimits.models.default(null),
    }),
    output: zGatewayKey.extend({ secret: z.string() }),
  }),
  listKeys: endpoint({
    method: 'GET',
    path: '/v1/aitbc/keys',
    summary: 'API keys and what they spent today. Owner only (token).',
    access: 'token',
    input: none,
    output: z.object({ keys: z.array(zGatewayKey) }),
  }),
  deleteKey: endpoint({
    method: 'DELETE',
    path: '/v1/aitbc/keys/:name',
    summary: 'Takes an API key back; it opens nothing from then on. Owner only (token).',
    access: 'token',
    input: z.strictObject({ name: zKeyName }),
    output: z.object({ name: zKeyName }),
  }),
} as const satisfies EndpointTable;
