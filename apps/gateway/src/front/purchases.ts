/**
 * Buys for callers: what every dialect and every tool does the same way. A call is admitted for its caller, bought,
 * and noted in the request log. The limits of an API key go with it to the books.
 */
import type { Clock } from '@aitbc/primitives';
import { asAppError, type EmbedRequest, type InferenceRequest } from '@aitbc/protocol';
import {
  type Buyer,
  createIdempotencyKeys,
  type JobEvent,
  type RetryMarks,
  type RunningJob,
} from '@aitbc/sdk';
import type { Log } from '@aitbc/service';
import type { Access, Caller, Ticket } from '../access/access.ts';
import type { AuditShares } from '../audits/share-audits.ts';

/** A call of somebody. */
export interface Asked<R> {
  readonly request: R;
  readonly caller: Caller;
  /** Name of the dialect, for the log. */
  readonly dialect: string;
  readonly marks: RetryMarks;
  readonly signal: AbortSignal;
}

/** Vectors that were bought. */
export type BoughtVectors = Awaited<ReturnType<Buyer['embed']>>;

/** Buys answers and vectors. Both throw what the buyer throws, FORBIDDEN, and BUDGET_EXCEEDED. */
export interface Purchases {
  answer(asked: Asked<InferenceRequest>): Promise<RunningJob>;
  vectors(asked: Asked<EmbedRequest>): Promise<BoughtVectors>;
}

export interface PurchaseDeps {
  readonly buyer: () => Pick<Buyer, 'run' | 'embed'>;
  readonly access: Pick<Access, 'admit'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Hears what may be audited; left out where nothing is shared. */
  readonly shares?: Pick<AuditShares, 'watch'> | undefined;
}

/** Purchases over a buyer that is looked up for each call. */
export function createPurchases(deps: PurchaseDeps): Purchases {
  const { buyer, access, clock, log, shares } = deps;
  const keys = createIdempotencyKeys(clock);
  const open = ({ request, caller, dialect, marks }: Asked<InferenceRequest | EmbedRequest>) => {
    const ticket = access.admit(caller, { model: request.model, dialect });
    const { idempotencyKey: chosen, isFreshKey } = keys.keyFor(request, marks);
    return { ticket, key: { idempotencyKey: ticket.idempotencyKeyOf(chosen), isFreshKey } };
  };
  return {
    async answer(asked) {
      const { ticket, key } = open(asked);
      const { request, signal } = asked;
      const { maxNait } = ticket;
      const job = await orEnd(ticket, () => buyer().run({ request, ...key, signal, maxNait }));
      ticket.begun(job.jobId);
      const hear = shares?.watch(job, request);
      return { ...job, events: watched(job, createBill(job, ticket, { log, hear })) };
    },
    async vectors(asked) {
      const { ticket, key } = open(asked);
      const { request, signal } = asked;
      const { maxNait } = ticket;
      const bought = await orEnd(ticket, () => buyer().embed({ request, ...key, signal, maxNait }));
      ticket.begun(bought.jobId);
      ticket.ended(bought.charged);
      return bought;
    },
  };
}

/** What is bought; a purchase that fails owes what the books say. */
async function orEnd<T>(ticket: Ticket, buy: () => Promise<T>): Promise<T> {
  try {
    return await buy();
  } catch (error) {
    ticket.ended(0n);
    throw error;
  }
}

/** The events of a job; what they say of its costs is noted. One step of the queue for each, whoever else hears them. */
function watched(job: RunningJob, bill: Bill): AsyncIterable<JobEvent> {
  const onResult = (result: IteratorResult<JobEvent>): IteratorResult<JobEvent> => {
    if (result.done) bill.close();
    else bill.note(result.value);
    return result;
  };
  const onError = (error: unknown): never => {
    bill.fail(error);
    throw error;
  };
  return {
    [Symbol.asyncIterator]() {
      const events = job.events[Symbol.asyncIterator]();
      return {
        next: () => events.next().then(onResult, onError),
        async return() {
          await events.return?.();
          bill.close();
          return { value: undefined, done: true };
        },
      };
    },
  };
}

type Bill = ReturnType<typeof createBill>;

interface BillDeps {
  readonly log: Log;
  /** Hears the same events. */
  readonly hear: ((event: JobEvent) => void) | undefined;
}

/** What a job costs, until its account is told at the end. */
function createBill({ jobId }: RunningJob, ticket: Ticket, { log, hear }: BillDeps) {
  const owed = new Map<string, bigint>();
  const sum = () => [...owed.values()].reduce((total, part) => total + part, 0n);
  let charged: bigint | undefined;
  let isClosed = false;
  const close = (): void => {
    if (!isClosed) ticket.ended(charged ?? sum());
    isClosed = true;
  };
  return {
    note(event: JobEvent): void {
      hear?.(event);
      if (event.type === 'receipt') {
        const { channelId, charged: due } = event.receipt.payload;
        owed.set(channelId, BigInt(due));
      } else if (event.type === 'moved') {
        const { from, to, code, gapMs } = event;
        log.info({ jobId, from, to, code, gapMs }, 'an answer moved to another provider');
      } else if (event.type === 'end') charged = event.end.charged;
    },
    close,
    fail(error: unknown): void {
      const { code } = asAppError(error);
      if (code !== 'CANCELLED') log.warn({ jobId, code }, 'an answer broke off');
      close();
    },
  };
}
