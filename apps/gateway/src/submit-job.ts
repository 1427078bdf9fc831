/** One asynchronous job: paid as a whole, handed to the coordinator. */
import { hex, randomBytes } from '@aitbc/primitives';
import { type gatewayEndpoints, type ParsedInputOf, readDialect } from '@aitbc/protocol';
import type { Buyer, SubmittedJob } from '@aitbc/sdk';
import type { CallContext } from '@aitbc/service';

const keyBytes = 16;

/** Submits jobs. */
export type SubmitJob = (
  input: ParsedInputOf<typeof gatewayEndpoints.submitJob>,
  context: Pick<CallContext, 'signal'>,
) => Promise<SubmittedJob>;

/** Submission over a buyer that is looked up for each call. */
export function createSubmitJob(buyer: () => Pick<Buyer, 'submit'>): SubmitJob {
  return ({ idempotencyKey = hex(randomBytes(keyBytes)), ...body }, { signal }) => {
    const { request } = readDialect('openai', { ...body, stream: false });
    return buyer().submit({ request, idempotencyKey, signal });
  };
}
