/** Output of the chaos network. */
import { zCount } from '@aitbc/protocol';
import { z } from 'zod';
import { type Outputs, zPath } from './shapes.ts';

const faultKinds = [
  ...(['kill', 'pause', 'partition', 'latency', 'clockSkew', 'fullDisk'] as const),
  ...(['redisLoss', 'coordinatorLoss'] as const),
] as const;

const zFault = z.object({
  kind: z.enum(faultKinds),
  atMs: zCount,
  forMs: zCount,
  target: z.array(z.string()),
  ms: z.int().optional().meta({ description: 'delay, or how far a clock is ahead' }),
});

const zPlan = z.object({
  seed: zCount,
  isChaos: z.boolean(),
  forMs: zCount,
  calmAtMs: zCount.meta({ description: 'from here on nothing is broken any more' }),
  validators: z.array(z.string()).meta({ description: 'roles' }),
  providers: z.array(z.object({ role: z.string(), isVerifiable: z.boolean() })),
  agents: z.array(z.string()).meta({ description: 'roles' }),
  coordinators: zCount,
  gateways: zCount,
  faults: z.array(zFault),
});

export const netOutputs: Outputs = {
  net: z.object({
    plan: zPlan,
    plant: z.string().nullable().meta({ description: 'name of the planted bug' }),
    lines: z.enum(['namespaces', 'proxies', 'plain']),
    hasRedis: z.boolean(),
    leftOut: z
      .array(z.object({ kind: z.string(), why: z.string() }))
      .meta({ description: 'faults that this machine cannot make' }),
    counts: z.object({
      jobsBegun: zCount,
      jobsCompleted: zCount,
      jobsFailed: zCount,
      tokens: zCount,
      failovers: zCount,
      refused: zCount,
      broken: z.array(z.string()),
    }),
    blocks: zCount,
    transfers: zCount,
    upMs: z.number(),
    healMs: z.number(),
    starts: zCount.meta({ description: 'of daemons, the first ones too' }),
    rows: z.array(
      z.object({
        name: z.string(),
        claim: z.string(),
        checked: zCount.meta({ description: '0: did not occur' }),
        broken: z.array(z.string()),
      }),
    ),
    isWell: z.boolean(),
    home: zPath.nullable().meta({ description: 'kept logs and data' }),
    again: z.string().meta({ description: 'the command line of the same run' }),
  }),
};
