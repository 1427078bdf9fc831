/** Outputs of the commands about abuse. */
import { coordinatorEndpoints, zAlert, zCount, zHash, zStoredAlert } from '@aitbc/protocol';
import { z } from 'zod';
import type { Outputs } from './shapes.ts';

const zSwitched = coordinatorEndpoints.startDetectors.output;
const zThreshold = z.object({
  name: z.string(),
  value: zCount,
  unit: z.string(),
  about: z.string(),
});
const zShare = z.object({ share: z.number(), low: z.number(), high: z.number() }).nullable();

export const surveillanceOutputs: Outputs = {
  'surveillance status': coordinatorEndpoints.surveillanceStatus.output,
  'surveillance alerts': z.union([
    z.object({ alerts: z.array(zStoredAlert) }),
    zStoredAlert.meta({ description: 'each line with --follow' }),
  ]),
  'surveillance show': zStoredAlert,
  'surveillance resolve': zStoredAlert,
  'surveillance start': zSwitched,
  'surveillance stop': zSwitched,
  'surveillance summary': coordinatorEndpoints.alertPatterns.output.extend({
    totals: z.object({ open: zCount, resolved: zCount, falsePositives: zCount }),
  }),
  'surveillance list-patterns': z.object({
    patterns: z.array(
      z.object({
        pattern: zAlert.shape.pattern,
        about: z.string(),
        watches: z.array(z.string()),
        thresholds: z.array(zThreshold),
      }),
    ),
  }),
  'surveillance test': z.object({
    runs: zCount,
    seed: zCount,
    rows: z.array(
      z.object({
        pattern: zAlert.shape.pattern,
        ...{ abusive: zCount, found: zCount, others: zCount, wronged: zCount },
        ...{ right: zCount, wrong: zCount, elsewhere: zCount },
        recall: zShare,
        precision: zShare,
      }),
    ),
  }),
  'surveillance verify': z.object({
    holds: z.boolean(),
    id: zHash,
    pattern: zAlert.shape.pattern,
    reason: z.string().meta({ description: 'why it does not hold; empty when it does' }),
    events: zCount,
    txs: zCount,
    receipts: zCount,
    signedReceipts: zCount.meta({ description: 'receipts whose signature was checked' }),
  }),
};
