/** Methods about audits on chain: one by its id, those that are not over, and who may be drawn as a juror. */
import { z } from 'zod';
import { auditVerdicts } from '../../audits/audit.ts';
import { zStateAnswer } from '../../proofs/schemas.ts';
import { zAddress, zAmount, zCount, zHash } from '../../scalars.ts';
import { type RpcTable, rpcMethod } from '../endpoint.ts';

/** What the jurors of a round, or an audit as a whole, decided. */
export const auditResults = ['guilty', 'acquitted', 'undecided'] as const;

/** Phases of an audit on chain, see docs/spec/chain.md, "Audits". */
export const auditPhases = ['drawing', 'commit', 'reveal', 'decided', 'closed'] as const;

/** A juror's place. `verdict` and `reportHash` are null until they are revealed. */
export const zAuditSeat = z.object({
  juror: zAddress,
  round: zCount.meta({ description: '1, or 2 after an appeal' }),
  committed: z.boolean(),
  verdict: z.enum(auditVerdicts).nullable(),
  reportHash: zHash.nullable(),
});

/** An audit as the chain has it; amounts are what it holds, or held until it was closed. */
export const zChainAudit = z.object({
  auditId: zHash,
  provider: zAddress,
  opener: zAddress,
  jobId: zHash,
  digest: zHash.meta({
    description: 'id of the roster: the digest of the weights without its prefix',
  }),
  recordHash: zHash,
  round: zCount,
  phase: z.enum(auditPhases),
  dueMs: zCount.meta({ description: 'chain time from which `audit_close` goes on; 0 when closed' }),
  firstResult: z.enum(auditResults).nullable().meta({ description: 'of round 1' }),
  result: z
    .enum(auditResults)
    .nullable()
    .meta({ description: 'for good, null until it is closed' }),
  deposit: zAmount,
  appellant: zAddress.nullable(),
  appealDeposit: zAmount,
  held: zAmount.meta({ description: 'taken from the bond' }),
  seats: z.array(zAuditSeat),
});

export const auditRpc = {
  audit_get: rpcMethod({
    summary: 'An audit by its id. AUDIT_UNKNOWN when there is none.',
    input: z.strictObject({ auditId: zHash, proof: z.boolean().default(false) }),
    output: zChainAudit.extend({ proof: zStateAnswer.optional() }),
  }),
  audits_open: rpcMethod({
    summary:
      'Audits that are not closed. Looks through a part of all audits: go on until `next` is null.',
    input: z.strictObject({ after: zHash.optional() }),
    output: z.object({ audits: z.array(zChainAudit), next: zHash.nullable() }),
  }),
  audit_jurors: rpcMethod({
    summary: 'Providers on the roster of a digest, in the order of their coming.',
    input: z.strictObject({ digest: zHash }),
    output: z.object({ jurors: z.array(zAddress) }),
  }),
} as const satisfies RpcTable;

/** JSON form of an audit on chain. */
export type ChainAuditJson = z.output<typeof zChainAudit>;
