/** One asynchronous job: paid as a whole, handed to the coordinator. */
import { hex, randomBytes, utf8 } from '@aitbc/primitives';
import {
  dialectBodies,
  type gatewayEndpoints,
  inferenceOf,
  type ParsedInputOf,
} from '@aitbc/protocol';
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
    const json = { ...body, stream: false };
    const request = inferenceOf('openai', dialectBodies.openai.parse(json));
    const bytes = utf8(JSON.stringify(json));
    return buyer().submit({ dialect: 'openai', body: bytes, request, idempotencyKey, signal });
  };
}
