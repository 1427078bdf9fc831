/** Outputs of the commands that look at how things are: init, doctor, monitor, coordinator. */
import { coordinatorEndpoints, zAddress, zAmount, zCount, zMarketEvent } from '@aitbc/protocol';
import { z } from 'zod';
import { type Outputs, zPath } from './shapes.ts';

const zLoad = z.object({
  upMs: zCount,
  memoryBytes: z.number(),
  busyShare: z.number(),
  requests: z.number(),
  relayedCalls: z.number(),
  eventsDropped: z.number(),
});

const zFindingState = z.enum(['ok', 'warn', 'fail', 'skipped']);

const zFinding = z.object({
  id: z.string(),
  title: z.string(),
  state: zFindingState,
  text: z.string(),
  fix: z.string().optional(),
  facts: z.record(z.string(), z.unknown()).optional(),
});

const zSlots = { running: zCount, waiting: zCount, slots: zCount };

const zSnapshot = z.object({
  atMs: zCount,
  chain: z
    .object({
      network: z.string(),
      height: zCount,
      ageMs: z.number(),
      blocksPerSecond: z.number(),
      txPerSecond: z.number(),
      waitingTxs: zCount,
      finalityMs: z.number().nullable(),
      isQuiet: z.boolean(),
    })
    .nullable(),
  market: z
    .object({
      ...{ providers: zCount, offers: zCount, ...zSlots, queued: zCount },
      jobsLastMinute: zCount,
      tokensPerSecond: z.number(),
      chargedLastMinute: zAmount,
    })
    .nullable(),
  spend: z
    .object({ payer: zAddress, spentToday: zAmount, dayLimit: zAmount, charged: zAmount })
    .nullable(),
  provider: z
    .object({
      ...{ provider: zAddress, ...zSlots, models: zCount, jobs: zCount },
      tokensPerSecond: z.number().nullable(),
      charged: zAmount,
      claimed: zAmount,
      accused: zCount,
    })
    .nullable(),
  alerts: z.array(z.string()),
});

export const watchOutputs: Outputs = {
  'coordinator status': coordinatorEndpoints.about.output.extend({
    url: z.url(),
    load: zLoad.nullable().meta({ description: 'null where the coordinator hides it' }),
  }),
  'coordinator events': z.union([
    z.object({ events: z.array(zMarketEvent) }),
    zMarketEvent.meta({ description: 'each line with --follow' }),
  ]),
  doctor: z.object({
    roles: z.array(z.enum(['agent', 'provider', 'operator'])),
    totals: z.record(zFindingState, zCount),
    checks: z.array(zFinding),
  }),
  monitor: zSnapshot.meta({ description: 'a part is null while its daemon does not answer' }),
  init: z.object({
    role: z.string(),
    network: z.string(),
    home: zPath,
    configFile: zPath,
    steps: z.array(z.looseObject({ state: z.string(), text: z.string() })),
    address: zAddress.nullable(),
    mnemonic: z.string().nullable().meta({ description: '24 words of a new account, only once' }),
    next: z.array(z.unknown()),
  }),
};
