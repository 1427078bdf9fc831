/**
 * Audit reports: what an auditor measured when it replayed a job, and what it makes of that, signed. All the
 * measure is in it, so that everybody can judge it anew, and add it to what other audits of the provider measured.
 *
 * Gaps are in millionths of a logit, whole numbers, because a signed document holds no others.
 * See docs/spec/audit.md, "The report".
 */
import { canonicalJson, type JsonValue, utf8 } from '@aitbc/primitives';
import { z } from 'zod';
import { accept, refuse, type Verdict } from '../errors.ts';
import type { Hex } from '../fields.ts';
import { type Network, taggedHash } from '../network.ts';
import {
  type DocumentSigner,
  type Signed,
  signDocument,
  verifyDocument,
} from '../payments/document.ts';
import { zAddress, zCount, zHash, zKey, zSignature } from '../scalars.ts';
import { auditVerdicts } from './audit.ts';

/** Largest gap that is told: a token that the model holds for impossible, in millionths of a logit. */
export const gapMicroMax = 100_000_000;

const zGap = z.int().nonnegative().max(gapMicroMax);

/** What a replay measures. The gap of a token is the best logit of its place less its own. */
export const zReplayMeasure = z.strictObject({
  tokens: zCount.meta({ description: 'tokens that the text was read as' }),
  exactTokens: zCount.meta({ description: 'those that the model itself would have written' }),
  gapMeanMicro: zGap.meta({ description: 'over all tokens, rounded up' }),
  gapMaxMicro: zGap,
});

export type ReplayMeasure = Readonly<z.infer<typeof zReplayMeasure>>;

/** Payload of a report. */
export const zAuditReportPayload = z.strictObject({
  v: z.literal(1),
  network: z.string().max(40),
  auditor: zAddress,
  provider: zAddress,
  jobId: zHash,
  offerId: zHash,
  digest: z.string().max(80),
  recordHash: zHash,
  verdict: z.enum(auditVerdicts),
  ...zReplayMeasure.shape,
  atMs: zCount,
});

export const zSignedAuditReport = z.strictObject({
  payload: zAuditReportPayload,
  signer: zKey,
  signature: zSignature,
});

export type AuditReportPayload = z.infer<typeof zAuditReportPayload>;

/** A signed audit report. */
export type SignedAuditReport = z.infer<typeof zSignedAuditReport>;

/** The measure inside a report. */
export function measureOf(payload: AuditReportPayload): ReplayMeasure {
  const { tokens, exactTokens, gapMeanMicro, gapMaxMicro } = payload;
  return { tokens, exactTokens, gapMeanMicro, gapMaxMicro };
}

/** Signs a report with the auditor's registered key. */
export function signAuditReport(
  network: Network,
  payload: AuditReportPayload,
  signer: DocumentSigner,
): SignedAuditReport {
  return signDocument({ tag: 'auditReport', network }, payload, signer) as SignedAuditReport;
}

/** Hash of a report, which a juror commits to. */
export function auditReportHashOf(network: Network, payload: AuditReportPayload): Hex {
  return taggedHash('auditReport', network, utf8(canonicalJson(payload as JsonValue)));
}

/**
 * Checks network, signature and that the figures can be those of one replay. `authorizer` is the auditor's registered
 * key. Whether the verdict follows from the figures is `judgeReplay`'s to say. Refusal: AUDIT_REPORT_INVALID.
 */
export function verifyAuditReport(
  network: Network,
  report: SignedAuditReport,
  authorizer: Hex,
): Verdict<AuditReportPayload> {
  const { payload } = report;
  const fault = (reason: string) => refuse('AUDIT_REPORT_INVALID', { reason });
  if (payload.network !== network.caip2) return fault('it is for another network');
  if (payload.auditor === payload.provider) return fault('nobody audits himself');
  if (!isPossible(payload)) return fault('its figures contradict one another');
  if (report.signer !== authorizer) return fault('its key is not the one registered on chain');
  if (!verifyDocument('auditReport', network, report as Signed<unknown>)) {
    return fault('its signature is wrong');
  }
  return accept(payload);
}

function isPossible({ tokens, exactTokens, gapMeanMicro, gapMaxMicro }: ReplayMeasure): boolean {
  if (exactTokens > tokens || gapMeanMicro > gapMaxMicro) return false;
  return exactTokens < tokens || gapMaxMicro === 0;
}
