/**
 * HTTP of an x402 facilitator, as the stock packages call it: the paths, names and shapes are theirs. Whoever sells
 * anything for coins of this network names the coordinator as its facilitator. It holds no key and no coins:
 * it reads the chain and relays what buyer or seller have signed. See docs/x402.md.
 */
import { z } from 'zod';
import { x402Version } from '../payments/x402.ts';
import { zCount } from '../scalars.ts';
import { type EndpointTable, endpoint } from './endpoint.ts';

const shortText = z.string().max(200);
const caip2 = z
  .string()
  .regex(/^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/, 'expected namespace:reference')
  .transform((text) => text as `${string}:${string}`);
const zVersion = z.literal(x402Version);

/** Terms of a sale, in the words of x402. */
export const zRequirements = z.object({
  scheme: shortText,
  network: caip2,
  asset: shortText,
  amount: shortText,
  payTo: shortText,
  maxTimeoutSeconds: z.number().positive(),
  extra: z.record(z.string(), z.unknown()).default({}),
});

const zPaymentToCheck = z.object({
  x402Version: zVersion,
  accepted: zRequirements,
  payload: z.record(z.string(), z.unknown()),
});

const zSale = z.object({
  x402Version: zVersion,
  paymentPayload: zPaymentToCheck,
  paymentRequirements: zRequirements,
});

const zExtra = z.record(z.string(), z.unknown()).optional();

const zDiscovered = z.object({
  resource: z.string(),
  type: z.literal('http'),
  x402Version: zVersion,
  accepts: z.array(zRequirements),
  lastUpdated: z.iso.datetime(),
  metadata: z.record(z.string(), z.unknown()),
});

export const facilitatorEndpoints = {
  verify: endpoint({
    method: 'POST',
    path: '/verify',
    summary: 'x402 facilitator: does this payment pay for this sale? Changes nothing.',
    access: 'open',
    input: zSale,
    output: z.object({
      isValid: z.boolean(),
      invalidReason: z.string().optional(),
      invalidMessage: z.string().optional(),
      payer: z.string().optional(),
      extra: zExtra,
    }),
  }),
  settle: endpoint({
    method: 'POST',
    path: '/settle',
    summary: 'x402 facilitator: sends what was signed to the chain and waits until it is final.',
    access: 'open',
    input: zSale,
    output: z.object({
      success: z.boolean(),
      errorReason: z.string().optional(),
      errorMessage: z.string().optional(),
      payer: z.string().optional(),
      transaction: z.string(),
      network: z.string(),
      amount: z.string().optional(),
      extra: zExtra,
    }),
  }),
  supported: endpoint({
    method: 'GET',
    path: '/supported',
    summary: 'x402 facilitator: schemes and networks.',
    access: 'open',
    input: z.strictObject({}),
    output: z.object({
      kinds: z.array(
        z.object({
          x402Version: zCount,
          scheme: z.string(),
          network: z.string(),
          extra: zExtra,
        }),
      ),
      extensions: z.array(z.string()),
      signers: z.record(z.string(), z.array(z.string())),
    }),
  }),
  discovery: endpoint({
    method: 'GET',
    path: '/discovery/resources',
    summary: 'x402 bazaar: what providers on this coordinator sell, as paid HTTP resources.',
    access: 'open',
    input: z.strictObject({
      type: z.literal('http').optional(),
      limit: zCount.min(1).max(100).default(20),
      offset: zCount.max(10_000).default(0),
    }),
    output: z.object({
      x402Version: zVersion,
      items: z.array(zDiscovered),
      pagination: z.object({ limit: zCount, offset: zCount, total: zCount }),
    }),
  }),
} as const satisfies EndpointTable;
