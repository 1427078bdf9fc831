/** Rows about what a gateway tells its owner afterwards. */
import {
  amountOf,
  asAppError,
  type gatewayEndpoints,
  type JobProof,
  type OutputOf,
  textHashOf,
} from '@aitbc/protocol';
import { createGatewayClient } from '@aitbc/sdk';
import type { JobNote } from '../books/books.ts';
import type { InvariantRow } from '../contract.ts';
import { scriptedModel, wordsOf } from '../engines/scripted-text.ts';
import type { Evidence } from './evidence.ts';
import { allSellerJobs } from './job-rows.ts';
import { rowOf } from './row.ts';

type LoggedJob = OutputOf<typeof gatewayEndpoints.job>;

interface Logged {
  readonly note: JobNote;
  readonly job: LoggedJob | undefined;
  readonly proof: JobProof | undefined;
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
        const job = await client.job({ jobId: note.jobId });
        const proof = await client.proof({ jobId: note.jobId });
        logged.push({ note, job, proof, fault: undefined });
      } catch (error) {
        const fault = asAppError(error).message;
        logged.push({ note, job: undefined, proof: undefined, fault });
      }
    }
  }
  return [
    knownRow(logged),
    billsRow(evidence, logged),
    textsRow(evidence, logged),
    channelsRow(evidence),
  ];
}

/** Channels that the chain has of a gateway's account, against its books. */
function channelsRow({ facts, channels, gateways }: Evidence): InvariantRow {
  const owned = facts.gateways.flatMap(({ name, keys }) => {
    const own = [...channels.values()].filter(({ payer }) => payer === keys.address);
    return own.map(({ channelId, closed }) => ({ name, channelId, closed }));
  });
  const open = owned.filter(({ name, closed }) => gateways.has(name) && !closed);
  const claim = 'a gateway knows every open channel that was paid from its account';
  return rowOf({ name: 'gateways know their channels', claim }, open, ({ name, channelId }) => {
    const known = gateways.get(name)?.channels ?? [];
    if (known.some((one) => one.channelId === channelId)) return undefined;
    return `${name} does not know channel ${channelId.slice(0, 8)}`;
  });
}

/** Every word is one token at providers that count right, so a receipt's range is a range of words. */
function textsRow({ facts }: Evidence, logged: readonly Logged[]): InvariantRow {
  const wrongCounts = new Set(
    facts.providers.filter(({ role }) => role === 'inflates').map(({ keys }) => keys.address),
  );
  const proven = logged.flatMap(({ note, job, proof }) => {
    const isPlain = job?.parts.every(({ provider }) => !wrongCounts.has(provider)) ?? false;
    return proof && isPlain && note.model === scriptedModel ? [{ note, proof }] : [];
  });
  const claim =
    'the receipts that a gateway keeps of an answer are for the text that its client got';
  return rowOf({ name: 'receipts match the text', claim }, proven, ({ note, proof }) => {
    const at = wrongReceiptOf(note, proof);
    return at && `${note.via}, job ${note.mark.slice(0, 8)}: the receipt for words ${at}`;
  });
}

/**
 * Range of the first receipt that is not for the text. Those behind the begin of a later part are for no text. The
 * newest one of a part may be for the true words where others came: words were changed on the line, the receipt was
 * refused as it came, and the part was settled by it.
 */
function wrongReceiptOf({ text, mark }: JobNote, { parts }: JobProof): string | undefined {
  const words = text.split(' ').slice(0, -1);
  for (const [place, { receipts }] of parts.entries()) {
    const later = parts.slice(place + 1).map((part) => part.receipts[0]?.payload.from ?? 0);
    const end = Math.min(...later, words.length);
    const told = receipts.filter(({ payload: { from, to } }) => from < to && to <= end);
    for (const { payload } of told) {
      const { from, to, textHash, provider } = payload;
      const own = words.slice(from, to).map((word) => `${word} `);
      const isNewest = payload === told.at(-1)?.payload;
      const texts = [own.join(''), ...(isNewest ? [wordsOf(mark, from, to)] : [])];
      if (!texts.some((one) => textHashOf(one) === textHash))
        return `${from} to ${to} of ${provider}`;
    }
  }
  return undefined;
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
