/** Outputs of ai, market, audit, gateway, receipt and coordinator commands. */
import {
  coordinatorEndpoints,
  gatewayEndpoints,
  jobEndpoints,
  nodeRpc,
  providerOwnerEndpoints,
  zAddress,
  zAmount,
  zAudit,
  zAuditCase,
  zCount,
  zGatewayJob,
  zGatewayKey,
  zHash,
  zJob,
  zKey,
  zRankedOffer,
  zScore,
  zScoreInputs,
} from '@aitbc/protocol';
import { z } from 'zod';
import { type Outputs, zLogLine, zPath, zSentTx } from './shapes.ts';

const zMaybe = z.number().nullable();

const zGpu = z.object({
  vendor: z.string(),
  index: zCount,
  name: z.string(),
  idHash: z.string().nullable(),
  memoryBytes: zMaybe,
  memoryUsedBytes: zMaybe,
  sharesMemory: z.boolean(),
  busyPercent: zMaybe,
  temperatureC: zMaybe,
  powerW: zMaybe,
  powerLimitW: zMaybe,
  driver: z.string().nullable(),
  architecture: z.string().nullable(),
  bandwidthBytesPerSecond: zMaybe,
  slice: z.unknown(),
});

export const aiOutputs: Outputs = {
  'ai ask': z.object({
    text: z.string(),
    model: z.string(),
    finishReason: z.string().nullable(),
    jobId: zHash.nullable(),
    provider: zAddress.nullable(),
    promptTokens: zCount.nullable(),
    outputTokens: zCount.nullable(),
    charged: zAmount.nullable(),
    firstTokenMs: z.number().nullable(),
    durationMs: z.number(),
    receiptFile: zPath.nullable(),
  }),
  'ai submit': zJob,
  'ai status': zJob,
  'ai cancel': zJob,
  'ai results': jobEndpoints.jobResult.output,
  'ai why': coordinatorEndpoints.decisions.output,
  'ai serve': zLogLine,
  'ai gpus': z.object({
    source: z.string().nullable(),
    gpus: z.array(zGpu),
    troubles: z.array(z.string()),
  }),
  'ai bench': providerOwnerEndpoints.bench.output,
  'ai drain': providerOwnerEndpoints.drain.output,
  'ai earnings': providerOwnerEndpoints.earnings.output,
};

const zPart = z.object({
  provider: zAddress,
  authorizer: zKey,
  offerId: zHash,
  from: zCount,
  to: zCount,
  charged: zAmount,
  outcome: z.string(),
  surplusTokens: zCount,
});

export const marketOutputs: Outputs = {
  'market list': z.object({ offers: z.array(zRankedOffer) }),
  'market providers': coordinatorEndpoints.listProviders.output.omit({ next: true }),
  'market score': zScore.extend({
    recomputed: z
      .object({ score: z.number(), inputs: zScoreInputs, receipts: zCount, audits: zCount })
      .optional()
      .meta({ description: 'with --explain' }),
  }),
  'audit list': z.union([
    z.object({ audits: z.array(zAudit) }),
    z.object({ cases: z.array(zAuditCase) }).meta({ description: 'with --mine' }),
  ]),
  'audit show': nodeRpc.audit_get.output,
  'audit appeal': z.object({ auditId: zHash }),
  'audit close': zSentTx,
  'gateway key create': z.object({ key: gatewayEndpoints.createKey.output }),
  'gateway key list': z.object({ keys: z.array(zGatewayKey) }),
  'gateway key remove': z.object({ name: z.string() }),
  'gateway log': z.union([
    z.object({ jobs: z.array(zGatewayJob) }),
    zGatewayJob.meta({ description: 'each line with --follow' }),
  ]),
  'gateway mcp': z
    .looseObject({ jsonrpc: z.literal('2.0') })
    .meta({ description: 'messages of the Model Context Protocol, with and without --json' }),
  'receipt export': z.object({
    file: zPath,
    jobId: zHash,
    outputTokens: zCount,
    charged: zAmount,
    providers: zCount,
    blocks: z.array(zCount).meta({ description: 'heights on the way to the genesis document' }),
  }),
  'receipt verify': z.object({
    valid: z.literal(true),
    reachesChain: z.boolean(),
    jobId: zHash,
    outputTokens: zCount,
    promptTokens: zCount,
    unsignedTokens: zCount,
    surplusTokens: zCount,
    prompts: zCount,
    charged: zAmount,
    outcome: z.string(),
    parts: z.array(zPart),
    checks: z.array(
      z.object({
        name: z.string(),
        holds: z.boolean().nullable().meta({ description: 'null when it could not be asked' }),
        detail: z.string(),
      }),
    ),
  }),
};
