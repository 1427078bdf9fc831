/** One asynchronous job: paid as a whole, handed to the coordinator. It counts with its key's other calls. */
import { hex, randomBytes } from '@aitbc/primitives';
import { type gatewayEndpoints, type ParsedInputOf, readDialect } from '@aitbc/protocol';
import type { Buyer, SubmittedJob } from '@aitbc/sdk';
import type { CallContext } from '@aitbc/service';
import type { Access, Caller } from './access/access.ts';

const keyBytes = 16;
const dialect = 'job';

/** Submits jobs. */
export type SubmitJob = (
  input: ParsedInputOf<typeof gatewayEndpoints.submitJob>,
  context: Pick<CallContext<Caller>, 'signal' | 'caller'>,
) => Promise<SubmittedJob>;

/** Submission over a buyer that is looked up for each call. Throws what the buyer throws, FORBIDDEN, BUDGET_EXCEEDED. */
export function createSubmitJob(
  buyer: () => Pick<Buyer, 'submit'>,
  access: Pick<Access, 'admit'>,
): SubmitJob {
  return async ({ idempotencyKey = hex(randomBytes(keyBytes)), ...body }, { signal, caller }) => {
    const { request } = readDialect('openai', { ...body, stream: false });
    const ticket = access.admit(caller, { model: request.model, dialect });
    try {
      const { maxNait } = ticket;
      const key = ticket.idempotencyKeyOf(idempotencyKey);
      const job = await buyer().submit({ request, idempotencyKey: key, signal, maxNait });
      ticket.begun(job.jobId);
      return job;
    } finally {
      ticket.ended(0n);
    }
  };
}
