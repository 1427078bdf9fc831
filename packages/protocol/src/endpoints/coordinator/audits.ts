/**
 * Audits at a coordinator: who hands in records, who replays them, and what came of it. Reports are public; a record
 * holds a prompt and is shown only to those who must judge it. See docs/spec/audit.md, "The desk".
 */
import { z } from 'zod';
import { auditRecordBytesMax, zAuditRecord } from '../../audits/audit-record.ts';
import { zSignedAuditReport } from '../../audits/audit-report.ts';
import { zAddress, zCount, zHash } from '../../scalars.ts';
import { type EndpointTable, endpoint } from '../endpoint.ts';

/**
 * States of an audit.
 *
 * | State | Is | Left by |
 * |---|---|---|
 * | waiting | drawn, the record is here, nobody replays it | a candidate is drawn; lapsed after a day |
 * | assigned | one provider has the duty until its date | its report; the date (back to waiting) |
 * | honest, void | the auditor's word; nothing follows | – |
 * | accused | reported as a cheat, not on chain yet | a dispute; its date (unproven) |
 * | disputed | the chain judges it | what the chain decides |
 * | guilty, acquitted, undecided | what the chain decided | – |
 * | unproven | nobody brought the accusation to the chain | – |
 * | lapsed | nobody replayed it in time | – |
 */
export const auditStates = [
  'waiting',
  'assigned',
  'honest',
  'void',
  'accused',
  'disputed',
  'guilty',
  'acquitted',
  'undecided',
  'unproven',
  'lapsed',
] as const;

/** State of an audit. */
export type AuditState = (typeof auditStates)[number];

/** One audited job, as everybody sees it. */
export const zAudit = z.object({
  jobId: zHash,
  provider: zAddress.meta({ description: 'whose answer is audited' }),
  digest: z.string(),
  recordHash: zHash,
  state: z.enum(auditStates),
  seed: zHash.meta({ description: 'hash of the block that drew the job and its auditor' }),
  drawHeight: zCount.meta({ description: 'height of that block' }),
  rateBps: zCount.meta({ description: 'part of the jobs that is drawn, in 1/10 000' }),
  auditor: zAddress.nullable(),
  report: zSignedAuditReport.nullable(),
  auditId: zHash.nullable().meta({ description: 'the dispute on chain' }),
  atMs: zCount,
});

/** A record to replay. */
export const zAuditDuty = z.object({
  jobId: zHash,
  provider: zAddress,
  digest: z.string(),
  recordHash: zHash,
  dueMs: zCount,
});

/** When a reported job is drawn: by the block of this height, with `isDrawnForAudit`. */
export const zAuditDraw = z.object({ height: zCount, rateBps: zCount });

export const auditEndpoints = {
  listAudits: endpoint({
    method: 'GET',
    path: '/v1/audits',
    summary: 'Audits and their signed reports, newest first. Prompts and answers are not shown.',
    access: 'open',
    input: z.strictObject({
      provider: zAddress.optional(),
      state: z.enum(auditStates).optional(),
      after: z.string().max(100).optional(),
    }),
    output: z.object({ audits: z.array(zAudit), next: z.string().nullable() }),
  }),
  auditDuties: endpoint({
    method: 'GET',
    path: '/v1/audits/duties',
    summary:
      'Records this provider is to replay. Who asks is a candidate for the next draws. Token of a login.',
    access: 'token',
    input: z.strictObject({}),
    output: z.object({ duties: z.array(zAuditDuty) }),
  }),
  giveAuditRecord: endpoint({
    method: 'POST',
    path: '/v1/audits/records',
    summary:
      'A buyer hands in what it was sold in a job that was drawn; false for one that was not, or that is here.',
    access: 'open',
    input: z.strictObject({ record: zAuditRecord }),
    output: z.object({ accepted: z.boolean() }),
    bodyBytes: auditRecordBytesMax + 1_024,
  }),
  auditRecord: endpoint({
    method: 'GET',
    path: '/v1/audits/records/:hash',
    summary:
      'A record, for its auditor, the jurors that the chain has drawn, and the provider it is about. Token of a login.',
    access: 'token',
    input: z.strictObject({ hash: zHash }),
    output: z.object({ record: zAuditRecord }),
  }),
  auditReport: endpoint({
    method: 'POST',
    path: '/v1/audits/reports',
    summary: 'The auditor of a record says, signed, what its replay found.',
    access: 'open',
    input: z.strictObject({ report: zSignedAuditReport }),
    output: z.object({ accepted: z.boolean() }),
  }),
} as const satisfies EndpointTable;
