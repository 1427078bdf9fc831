/** Rows about what a gateway tells its owner afterwards. */
import { amountOf, asAppError, type gatewayEndpoints, type OutputOf } from '@aitbc/protocol';
import { createGatewayClient } from '@aitbc/sdk';
import type { JobNote } from '../books/books.ts';
import type { InvariantRow } from '../contract.ts';
import type { Evidence } from './evidence.ts';
import { allSellerJobs } from './job-rows.ts';
import { rowOf } from './row.ts';

type LoggedJob = OutputOf<typeof gatewayEndpoints.job>;

interface Logged {
  readonly note: JobNote;
  readonly job: LoggedJob | undefined;
  /** Why it is not told. */
  readonly fault: string | undefined;
}

/** The rows. */
export async function logRows(evidence: Evidence): Promise<InvariantRow[]> {
  const { facts, books } = evidence;
  const logged: Logged[] = [];
  for (const { name, url } of facts.gateways) {
    const client = createGatewayClient({ baseUrl: url });
    for (const note of books.notes.jobs) {
      if (note.via !== name || note.state !== 'complete' || !note.jobId) continue;
      try {
        logged.push({ note, job: await client.job({ jobId: note.jobId }), fault: undefined });
      } catch (error) {
        logged.push({ note, job: undefined, fault: asAppError(error).message });
      }
    }
  }
  return [knownRow(logged), billsRow(evidence, logged)];
}

function knownRow(logged: readonly Logged[]): InvariantRow {
  const claim = 'a gateway knows every answer that it gave, also after it was killed';
  return rowOf({ name: 'gateways remember', claim }, logged, ({ note, fault }) =>
    fault === undefined ? undefined : `${note.via}, job ${note.mark.slice(0, 8)}: ${fault}`,
  );
}

/** Its bill against the journals of the providers, for jobs in which every part is settled. */
function billsRow(evidence: Evidence, logged: readonly Logged[]): InvariantRow {
  const addressesOf = (role: string) =>
    evidence.facts.providers.filter((place) => place.role === role).map(({ keys }) => keys.address);
  const liars = new Set([...addressesOf('inflates'), ...addressesOf('claimsEarly')]);
  const jobs = allSellerJobs(evidence);
  const settled = logged.flatMap(({ note, job }) => {
    const parts = job?.parts ?? [];
    const isPlain = parts.every((part) => part.isSettled && !liars.has(part.provider));
    return isPlain && parts.length > 0 ? [{ note, parts }] : [];
  });
  const claim = 'what a gateway says an answer cost is what its providers wrote down for it';
  return rowOf({ name: 'bills agree', claim }, settled, ({ note, parts }) => {
    const told = parts.reduce((sum, { charged }) => sum + amountOf(charged), 0n);
    const due = jobs
      .filter(({ jobId }) => jobId === note.jobId)
      .reduce((sum, { charged }) => sum + charged, 0n);
    if (told === due) return undefined;
    return `${note.via}, job ${note.mark.slice(0, 8)}: ${told} nait told, ${due} written down`;
  });
}
