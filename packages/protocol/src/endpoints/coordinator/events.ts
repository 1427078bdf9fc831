/** The event stream of a market: what a coordinator saw, for everybody who wants to check it. */
import { z } from 'zod';
import { limits } from '../../limits.ts';
import { zSignedReceipt } from '../../payments/receipt.ts';
import { zAddress, zAmount, zCount, zHash } from '../../scalars.ts';
import { type EndpointTable, endpoint } from '../endpoint.ts';

const zModel = z.string().max(128);

/** What happened, by kind. See docs/spec/market.md, "Events". */
export const zEventFacts = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('provider_in'), endpoint: z.string() }),
  z.strictObject({ kind: z.literal('provider_out'), heldMs: zCount }),
  z.strictObject({
    kind: z.literal('offer_up'),
    offerId: zHash,
    model: zModel,
    digest: z.string().max(80),
    quantization: z.string().max(16),
    inputPerMTok: zAmount,
    outputPerMTok: zAmount,
    perRequest: zAmount,
  }),
  z.strictObject({ kind: z.literal('offer_down'), offerId: zHash, model: zModel }),
  z.strictObject({
    kind: z.literal('receipt'),
    jobId: zHash,
    offerId: zHash,
    channelId: zHash,
    model: zModel,
    promptTokens: zCount,
    outputTokens: zCount,
    charged: zAmount,
    outcome: z.string(),
    firstTokenMs: zCount,
    durationMs: zCount,
    receiptAtMs: zCount
      .exactOptional()
      .meta({ description: 'when the provider signed; left out in events of older coordinators' }),
  }),
  z.strictObject({
    kind: z.literal('audit'),
    jobId: zHash,
    recordHash: zHash,
    auditor: zAddress,
    verdict: z.string(),
  }),
  z.strictObject({ kind: z.literal('capacity'), slots: zCount }),
  z.strictObject({
    kind: z.literal('receipt_conflict'),
    jobId: zHash,
    first: zSignedReceipt,
    second: zSignedReceipt,
  }),
]);

/** One event of a provider. */
export const zMarketEvent = z.object({
  seq: zCount.meta({ description: 'rises with time; the cursor of a page' }),
  atMs: zCount,
  provider: zAddress,
  facts: zEventFacts,
});

export type EventFacts = z.infer<typeof zEventFacts>;
export type EventKind = EventFacts['kind'];
export type MarketEvent = z.infer<typeof zMarketEvent>;

/** Names of all kinds. */
export const eventKinds = zEventFacts.options.map((option) => option.shape.kind.value);

export const eventEndpoints = {
  events: endpoint({
    method: 'GET',
    path: '/v1/events',
    summary:
      'What happened on this market, oldest first: who came and went, offers, receipts, audits.',
    access: 'open',
    input: z.strictObject({
      after: zCount.default(0),
      kind: z.enum(eventKinds).optional(),
      provider: zAddress.optional(),
      limit: z.int().positive().max(limits.pageSize).default(limits.pageSize),
    }),
    output: z.object({
      events: z.array(zMarketEvent),
      next: zCount.meta({ description: 'ask again after this one' }),
    }),
  }),
} as const satisfies EndpointTable;
