/**
 * Alerts of a coordinator's detectors: what looked like abuse, and what anybody needs to check that. An alert accuses
 * nobody by itself; its evidence does, and `recheck` of the market package judges it again. See
 * docs/spec/market.md, "Surveillance".
 */
import { z } from 'zod';
import { limits } from '../../limits.ts';
import { zAddress, zAmount, zCount, zHash } from '../../scalars.ts';
import { type EndpointTable, endpoint } from '../endpoint.ts';

/** Levels, the most serious last. */
export const alertLevels = ['low', 'medium', 'high', 'critical'] as const;

/** What became of an alert. */
export const alertStates = ['open', 'resolved', 'false_positive'] as const;

/** How an alert is closed. */
export const alertResolutions = ['resolved', 'false_positive'] as const;

const zPattern = z.string().regex(/^[a-z][a-z0-9-]{1,39}$/, 'expected a name such as self-dealing');

/** Whole numbers by name. */
export const zThresholdValues = z.record(z.string().max(40), z.int().nonnegative());

/** What a detector says. */
export const zAlert = z.object({
  id: zHash.meta({
    description: 'hash of pattern and evidence: the same evidence is the same alert',
  }),
  atMs: zCount.meta({ description: 'time of the event that completed the evidence' }),
  level: z.enum(alertLevels),
  pattern: zPattern,
  subjects: z
    .array(z.object({ role: z.enum(['provider', 'payer', 'owner']), address: zAddress }))
    .min(1)
    .max(32),
  text: z.string().max(400),
  confidence: z.int().min(0).max(100).meta({ description: 'in per cent' }),
  evidence: z.object({
    txs: z.array(zHash).max(limits.alertEvidence).meta({ description: 'ids of transactions' }),
    events: z.array(zCount).max(limits.alertEvidence).meta({ description: '`seq` of events' }),
  }),
  thresholds: zThresholdValues,
});

/** An alert and what became of it. */
export const zStoredAlert = zAlert.extend({
  seq: zCount.meta({ description: 'rises in the order in which alerts were stored' }),
  status: z.enum(alertStates),
  note: z.string(),
  resolvedAtMs: zCount.nullable(),
});

/** What detectors see of the chain: coins that moved, and money set aside for a provider. */
export const zChainFact = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('transfer'), from: zAddress, to: zAddress, amount: zAmount }),
  z.strictObject({
    kind: z.literal('channel'),
    channelId: zHash,
    payer: zAddress,
    receiver: zAddress,
    amount: zAmount,
  }),
]);

/** One detector, as the coordinator runs it. */
export const zDetectorState = z.object({
  pattern: zPattern,
  about: z.string(),
  isRunning: z.boolean(),
  isPlugin: z.boolean(),
  watches: z.array(z.string()),
  thresholds: z.array(
    z.object({ name: z.string(), value: zCount, unit: z.string(), about: z.string() }),
  ),
  alerts: zCount.meta({ description: 'alerts of this pattern that are open' }),
});

export type Alert = z.infer<typeof zAlert>;
export type StoredAlert = z.infer<typeof zStoredAlert>;
export type AlertLevel = Alert['level'];
export type AlertState = StoredAlert['status'];
export type ChainFact = z.infer<typeof zChainFact>;
export type ThresholdValues = Readonly<Record<string, number>>;
export type DetectorStateJson = z.infer<typeof zDetectorState>;

const zWhich = z.strictObject({ pattern: zPattern.optional() });
const zWish = {
  level: z.enum(alertLevels).optional().meta({ description: 'this level and more serious ones' }),
  pattern: zPattern.optional(),
  subject: zAddress.optional(),
  status: z.enum(alertStates).optional(),
};

export const surveillanceEndpoints = {
  surveillanceStatus: endpoint({
    method: 'GET',
    path: '/v1/surveillance/status',
    summary: 'Detectors of abuse with their thresholds, and how far they have read.',
    access: 'open',
    input: z.strictObject({}),
    output: z.object({
      isRunning: z.boolean(),
      seq: zCount.meta({ description: 'the last event that was looked at' }),
      lagMs: zCount.meta({ description: 'how far behind the newest event that is' }),
      events: zCount.meta({ description: 'events looked at since the start of the daemon' }),
      microsPerEvent: z.number().meta({ description: 'processor time of all detectors' }),
      detectors: z.array(zDetectorState),
      brokenPlugins: z.array(z.object({ file: z.string(), reason: z.string() })),
    }),
  }),
  listAlerts: endpoint({
    method: 'GET',
    path: '/v1/surveillance/alerts',
    summary: 'Alerts, newest first; after a number those that came later, oldest first.',
    access: 'open',
    input: z.strictObject({
      ...zWish,
      after: zCount.optional().meta({ description: '`seq` of an alert; later ones, oldest first' }),
      before: zCount
        .optional()
        .meta({ description: '`seq` of an alert; earlier ones, newest first' }),
      limit: z.int().positive().max(limits.pageSize).default(20),
    }),
    output: z.object({ alerts: z.array(zStoredAlert), next: zCount.nullable() }),
  }),
  followAlerts: endpoint({
    method: 'GET',
    path: '/v1/surveillance/alerts/follow',
    summary:
      'Server-sent events: each alert when it is stored, with its number as event id. `Last-Event-ID` or `after` goes on behind one.',
    access: 'open',
    streams: true,
    input: z.strictObject({ ...zWish, after: zCount.optional() }),
    output: z.object({ alert: zStoredAlert }),
  }),
  showAlert: endpoint({
    method: 'GET',
    path: '/v1/surveillance/alerts/:id',
    summary: 'One alert with its evidence.',
    access: 'open',
    input: z.strictObject({ id: zHash }),
    output: zStoredAlert,
  }),
  alertPatterns: endpoint({
    method: 'GET',
    path: '/v1/surveillance/patterns',
    summary: 'What the detectors look for, and how many alerts of each level and state there are.',
    access: 'open',
    input: z.strictObject({}),
    output: z.object({
      patterns: z.array(
        z.object({
          pattern: zPattern,
          about: z.string(),
          levels: z.record(z.enum(alertLevels), zCount),
          states: z.record(z.enum(alertStates), zCount),
        }),
      ),
    }),
  }),
  resolveAlert: endpoint({
    method: 'POST',
    path: '/v1/surveillance/alerts/:id/resolve',
    summary: 'Closes an alert. Needs the admin token of the coordinator.',
    access: 'token',
    input: z.strictObject({
      id: zHash,
      resolution: z.enum(alertResolutions),
      note: z.string().max(400).default(''),
    }),
    output: zStoredAlert,
  }),
  startDetectors: endpoint({
    method: 'POST',
    path: '/v1/surveillance/start',
    summary: 'Starts a detector, or all of them. Needs the admin token of the coordinator.',
    access: 'token',
    input: zWhich,
    output: z.object({ running: z.array(zPattern) }),
  }),
  stopDetectors: endpoint({
    method: 'POST',
    path: '/v1/surveillance/stop',
    summary:
      'Stops a detector, or all of them; they see nothing of what happens until they are started again. Needs the admin token of the coordinator.',
    access: 'token',
    input: zWhich,
    output: z.object({ running: z.array(zPattern) }),
  }),
} as const satisfies EndpointTable;
