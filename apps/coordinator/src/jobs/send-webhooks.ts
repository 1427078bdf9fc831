/**
 * Sends the notices that wait in the database: signed, at most 16 at a time, each up to `limits.webhookTries` times
 * with doubling waits. They come at least once: a coordinator that dies after sending and before writing it down
 * sends again, with the same id. A receiver that answers 410 is not asked again; redirections are not followed.
 *
 * The address comes from a stranger, so the machines of our own network are out of reach (by the text of the
 * address, and again by what its name resolves to) unless the operator allows them.
 */
import { signWebhook } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import { AppError, limits } from '@aitbc/protocol';
import { isPrivateUrl, type Transport } from '@aitbc/sdk';
import type { Log } from '@aitbc/service';
import type { BatchRows } from '../store/batch-rows.ts';
import type { WebhookRow } from '../store/schema.ts';
import type { WebhookRows } from '../store/webhook-rows.ts';
import type { JobBook } from './job-book.ts';
import { viewOfBatch } from './show-batch.ts';
import { viewOf } from './show-jobs.ts';

/** Parts of the sender. */
export interface WebhookDeps {
  readonly rows: WebhookRows;
  readonly book: Pick<JobBook, 'get'>;
  readonly batches: BatchRows;
  readonly transport: Transport;
  readonly allowPrivate: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Key of the signatures. */
  readonly secretKey: Uint8Array;
}

/** Sends what is due. */
export interface WebhookSender {
  /** Begins with what is due; does not wait for the receivers. */
  round(): Promise<void>;
  /** Ends what is under way. */
  stop(): Promise<void>;
}

const atOnce = 16;
const answerTimeoutMs = 10_000;
const takenForMs = 30_000;
const firstWaitMs = 2_000;
const gone = 410;

/** A sender that has sent nothing yet. */
export function createWebhookSender(deps: WebhookDeps): WebhookSender {
  const { rows, log } = deps;
  const ending = new AbortController();
  const underWay = new Set<Promise<void>>();
  const begin = (row: WebhookRow): void => {
    const sending = deliver(deps, row, ending.signal)
      .catch((error: unknown) => {
        if (!ending.signal.aborted)
          log.error({ err: error, subject: row.subject }, 'notice failed');
      })
      .finally(() => underWay.delete(sending));
    underWay.add(sending);
  };
  return {
    async round() {
      const room = atOnce - underWay.size;
      if (room <= 0) return;
      for (const row of await rows.take(room, takenForMs)) begin(row);
    },
    async stop() {
      ending.abort(new AppError('CANCELLED'));
      await Promise.all(underWay);
    },
  };
}

async function deliver(deps: WebhookDeps, row: WebhookRow, signal: AbortSignal): Promise<void> {
  const { rows, clock, log } = deps;
  const { subject, attempts } = row;
  const status = await post(deps, row, signal).catch((error: unknown) => {
    if (signal.aborted) throw error;
    log.debug({ err: error, subject }, 'notice was not taken');
    return 0;
  });
  const isTaken = status >= 200 && status < 300;
  if (isTaken || status === gone || attempts >= limits.webhookTries) {
    if (!isTaken) log.info({ subject, attempts, status }, 'notice is given up');
    return rows.remove(subject);
  }
  await rows.postpone(subject, clock.nowMs() + firstWaitMs * 2 ** (attempts - 1));
}

/** Status of the receiver's answer. Throws when there is none. */
async function post(deps: WebhookDeps, row: WebhookRow, signal: AbortSignal): Promise<number> {
  const { transport, clock, allowPrivate } = deps;
  if (!allowPrivate && isPrivateUrl(row.url)) return gone;
  const body = await bodyOf(deps, row);
  if (body === undefined) return gone;
  const stamp = { id: row.subject, atMs: clock.nowMs() };
  const reading = new AbortController();
  const answer = await transport.request({
    method: 'POST',
    url: row.url,
    headers: {
      'content-type': 'application/json',
      ...signWebhook(stamp, body, deps.secretKey),
    },
    body,
    timeoutMs: answerTimeoutMs,
    signal: AbortSignal.any([signal, reading.signal]),
  });
  reading.abort(new AppError('CANCELLED')); // the status says it all
  return answer.status;
}

async function bodyOf(
  { book, batches }: WebhookDeps,
  row: WebhookRow,
): Promise<string | undefined> {
  if (row.kind === 'batch') {
    const batch = await batches.get(row.subject);
    return batch && noticeText('batch.ended', viewOfBatch(batch), row);
  }
  const stored = await book.get(row.subject);
  return stored && noticeText('job.ended', viewOf(stored), row);
}

function noticeText(type: string, data: unknown, { created_at_ms }: WebhookRow): string {
  return JSON.stringify({ type, timestamp: new Date(created_at_ms).toISOString(), data });
}
