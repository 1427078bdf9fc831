/** What a valid proof shows without any server, one check a line. */
import type { JobProof, ProvenJob } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';
import { shortHash } from '../wording.ts';
import type { Check } from './check-on-chain.ts';

const digestShown = 19; // `sha256:` and twelve digits

/** The checks that `verifyJobProof` has made, in words. */
export function provenChecks({ offer, receipts }: JobProof, job: ProvenJob): Check[] {
  const { model, digest } = offer.payload;
  const shown = (name: string, detail: string): Check => ({ name, holds: true, detail });
  return [
    shown('offer signed', `by the key ${shortHash(job.authorizer)}`),
    shown('receipts signed', `${receipts.length}, all by the same key`),
    shown('model', `${model}, ${digest.slice(0, digestShown)}…`),
    shown('ranges tile', `output tokens 0 to ${job.outputTokens}, without a gap or an overlap`),
    shown('text chain', 'every hash follows from the one before, the first from the request'),
    shown('charge within price', `${aitText(job.charged)} for outcome "${job.last.outcome}"`),
  ];
}
