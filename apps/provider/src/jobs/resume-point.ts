/**
 * Where an answer goes on that another provider began, and whether its past can be believed.
 *
 * The voucher signs the prefix hash of the answer so far, so the pieces are chained before the checks of a
 * first call can be made at all; that costs two hashes for each piece and asks nobody. Everything else comes
 * after those checks: a stranger without a good voucher learns nothing and makes us ask the chain nothing.
 * Of what is left, this must hold:
 *   1. the model can be continued                                       RESUME_UNSUPPORTED
 *   2. the pieces chain, and the receipt is one of their ranges          RESUME_INVALID
 *   3. the receipt's signer is the registered key of its provider        RESUME_INVALID, VOUCHER_STALE_STATE
 *   4. few tokens lie after it, and the job asked for more than all      RESUME_INVALID
 *   5. the text is no longer than so many tokens can be                  RESUME_INVALID
 *
 * The last one is there because a prefix is not paid for: a book that claims to be one token would be a long
 * prompt for nothing. A token of today's vocabularies has four to five bytes on average; runs of spaces
 * have more, so the bound is far above and has a part that does not depend on the number of tokens.
 *
 * See docs/spec/payments.md, "When a provider fails".
 */

import { utf8 } from '@aitbc/primitives';
import {
  accept,
  asAppError,
  limits,
  type Network,
  type Refusal,
  type Resume,
  type ResumedJob,
  type ResumePoint,
  refuse,
  type SignedReceipt,
  type Verdict,
  verifyResume,
} from '@aitbc/protocol';
import type { EngineResume } from '../engines/engine.ts';
import type { RegisteredKeys } from './registered-keys.ts';

const bytesPerTokenMax = 16;
const bytesBeside = 1_024;

/** The resume point of pieces that chain, with a receipt among them. Refusal: RESUME_INVALID. */
export function chainPieces(
  network: Network,
  job: ResumedJob,
  resume: Resume,
): Verdict<ResumePoint> {
  // Positions in a chain are 32 bits wide; no job comes near.
  if (resume.pieces.some(({ to }) => to > limits.outputTokensMax)) {
    return refuse('RESUME_INVALID', { reason: `a piece ends above ${limits.outputTokensMax}` });
  }
  return verifyResume(network, job, resume);
}

/** A resume point that was found, and what it must stand against. */
export interface ResumeClaim {
  readonly point: Verdict<ResumePoint>;
  readonly receipt: SignedReceipt | null;
  readonly model: string;
  /** Most output tokens of the job in all. */
  readonly maxTokens: number;
}

export interface ResumeDeps {
  /** How the engine continues a text of this model. */
  readonly resumes: (model: string) => EngineResume;
  readonly keys: RegisteredKeys;
  /** Time since the chain was last heard of. */
  readonly mirrorAgeMs: () => number;
}

/** The checks that come after those of a first call, in order. */
export async function checkResume(
  { point, receipt, model, maxTokens }: ResumeClaim,
  deps: ResumeDeps,
): Promise<Verdict<ResumePoint>> {
  if (deps.resumes(model) === 'none') return refuse('RESUME_UNSUPPORTED', { model });
  if (!point.ok) return point;
  const fault = receipt && (await signerFault(receipt, deps));
  if (fault) return fault;
  const { from, text } = point.value;
  if (from >= maxTokens) {
    return refuse('RESUME_INVALID', { reason: `all ${maxTokens} tokens of the job have arrived` });
  }
  if (utf8(text).length > from * bytesPerTokenMax + bytesBeside) {
    return refuse('RESUME_INVALID', { reason: `its text is too long for ${from} tokens` });
  }
  return accept(point.value);
}

async function signerFault(
  { payload, signer }: SignedReceipt,
  { keys, mirrorAgeMs }: ResumeDeps,
): Promise<Refusal | undefined> {
  try {
    if ((await keys.of(payload.provider)) === signer) return undefined;
    const reason = 'its receipt is not signed by the key registered for its provider';
    return refuse('RESUME_INVALID', { reason });
  } catch (error) {
    const { code, row } = asAppError(error);
    if (!row.retryable || code === 'INTERNAL') throw error;
    return refuse('VOUCHER_STALE_STATE', { ageMs: mirrorAgeMs() });
  }
}
