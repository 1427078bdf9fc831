/**
 * Replays the answer in a record and says, signed, what came of it. A record that cannot be judged (it does not read, it is
 * about something else, its key is not the provider's, its job does not fit into this engine) is void: an
 * auditor says what it saw and nothing else.
 */
import { judgeReplay } from '@aitbc/market';
import {
  type AuditRecord,
  type AuditSubject,
  type AuditVerdict,
  asAppError,
  type DocumentSigner,
  type Hex,
  type Network,
  type ReplayMeasure,
  readAuditRecord,
  type SignedAuditReport,
  signAuditReport,
} from '@aitbc/protocol';
import type { Engine } from '../engines/engine.ts';

/** What is to be judged. */
export interface AuditOrder {
  readonly jobId: Hex;
  /** Address of the audited provider. */
  readonly provider: string;
  readonly recordHash: Hex;
}

/** Judges records. */
export interface RecordJudge {
  /**
   * The signed report; without a record it is void. Throws ENGINE_BUSY while paid jobs need the engine, what the engine
   * or the chain throw while they are away, and the signal's reason.
   */
  judge(
    order: AuditOrder,
    record: AuditRecord | undefined,
    signal: AbortSignal,
  ): Promise<SignedAuditReport>;
}

/** Parts of a judge. */
export interface JudgeDeps {
  readonly network: Network;
  readonly engine: Pick<Engine, 'audit'>;
  readonly signer: DocumentSigner;
  /** Address of this provider. */
  readonly address: string;
  readonly nowMs: () => number;
  /** True for the key that the chain has registered for a provider, and for the one before it. */
  isKeyOf(provider: string, key: Hex): Promise<boolean>;
}

interface Finding {
  readonly verdict: AuditVerdict;
  readonly measure: ReplayMeasure;
}

const nothing: Finding = Object.freeze({
  verdict: 'void',
  measure: Object.freeze({ tokens: 0, exactTokens: 0, gapMeanMicro: 0, gapMaxMicro: 0 }),
});
const noHash = '00'.repeat(32);
/** The engine cannot replay this answer, today or later. */
const voidCodes: readonly string[] = ['ENGINE_BAD_REQUEST', 'ENGINE_MODEL_UNKNOWN'];

/** A judge over the engine of this provider. */
export function createRecordJudge(deps: JudgeDeps): RecordJudge {
  const { network, signer, address, nowMs } = deps;
  return {
    async judge(order, record, signal) {
      const subject = record && (await subjectOf(deps, order, record));
      const { verdict, measure } = subject ? await replay(deps, subject, signal) : nothing;
      const { jobId, provider, recordHash } = order;
      const payload = {
        v: 1 as const,
        network: network.caip2,
        ...{ auditor: address, provider, jobId, recordHash, verdict, ...measure },
        offerId: subject?.offerId ?? noHash,
        digest: subject?.digest ?? '',
        atMs: nowMs(),
      };
      return signAuditReport(network, payload, signer);
    },
  };
}

async function subjectOf(
  { network, isKeyOf }: JudgeDeps,
  { jobId, provider, recordHash }: AuditOrder,
  record: AuditRecord,
): Promise<AuditSubject | undefined> {
  const read = readAuditRecord(network, record);
  if (!read.ok) return undefined;
  const subject = read.value;
  const isSame =
    subject.jobId === jobId && subject.provider === provider && subject.recordHash === recordHash;
  return isSame && (await isKeyOf(provider, subject.authorizer)) ? subject : undefined;
}

async function replay(
  { engine }: JudgeDeps,
  { digest, request, formerText, text }: AuditSubject,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    const measure = await engine.audit?.({ digest, request, formerText, text, signal });
    return measure ? { verdict: judgeReplay(measure), measure } : nothing;
  } catch (error) {
    if (voidCodes.includes(asAppError(error).code)) return nothing;
    throw error;
  }
}
