/**
 * What goes to Redis, in order, in batches. An envelope stays in the queue until Redis has answered for it, so a
 * lost connection costs nothing but a repetition. What Redis has answered for can still be lost when Redis dies
 * (it keeps nothing on disk unless told to); so the last few seconds are kept here, and when a *new* run of
 * Redis answers they are written again. Receivers drop what they had: that is what sequence numbers are for.
 */
import { AppError, limits } from '@aitbc/protocol';
import type { Redis } from 'ioredis';
import { isReplyError } from './connection.ts';
import type { RedisCarrierDeps } from './types.ts';

const batchSize = 256;
/** Trimmed to about so many entries; a reader that was away for longer has lost the rest. */
const streamEntries = 4_096;
/** A stream that nobody writes to goes away by itself; well above the age at which messages are refused. */
const streamLifeMs = 10 * 60_000;
const renewLifeMs = 60_000;
const recent = { ageMs: 5_000, entries: 1_024, bytes: 8_388_608 };

/** The field of a stream entry that holds the envelope. */
export const envelopeField = 'e';

/** Writes envelopes to streams. */
export interface RedisWriter {
  /** Resolves when Redis has it. Throws AppError BUS_FULL, UNAVAILABLE (Redis refuses), CANCELLED, BUS_STOPPED. */
  push(key: string, envelope: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Redis is there (again), in the run with this id. */
  onReady(runId: string): void;
  stop(): void;
}

interface Item {
  readonly key: string;
  readonly envelope: Uint8Array;
  readonly settle: (error?: AppError) => void;
}

interface Written extends Omit<Item, 'settle'> {
  readonly timeMs: number;
}

/** A writer on a connection of its own. */
export function createWriter(redis: Redis, { clock, log }: RedisCarrierDeps): RedisWriter {
  const queue: Item[] = [];
  const written = createRecent(clock.nowMs);
  const lives = createLives(clock.nowMs);
  let queuedBytes = 0;
  let lastRunId: string | undefined;
  let isFlushing = false;

  const isFull = (sizeBytes: number) =>
    queue.length >= limits.busOutgoing || queuedBytes + sizeBytes > limits.busOutgoingBytes;
  const drop = (items: readonly Item[]) => {
    const gone = new Set(items);
    const kept = queue.filter((item) => !gone.has(item)); // one of them may have been cancelled before
    queue.splice(0, queue.length, ...kept);
    queuedBytes = kept.reduce((sum, { envelope }) => sum + envelope.length, 0);
  };
  const writeBatch = async (): Promise<boolean> => {
    const batch = queue.slice(0, batchSize);
    const errors = await writeAll(redis, batch, lives.due(batch));
    if (!errors) return false; // the connection failed: they stay and are written again
    drop(batch);
    for (const [at, item] of batch.entries()) {
      if (errors[at] === undefined) written.add(item);
      item.settle(errors[at]);
    }
    return true;
  };
  const flush = async () => {
    if (isFlushing) return;
    isFlushing = true;
    try {
      while (queue.length > 0 && redis.status === 'ready' && (await writeBatch()));
    } finally {
      isFlushing = false;
    }
  };
  return {
    push(key, envelope, signal) {
      if (isFull(envelope.length)) {
        throw new AppError('BUS_FULL', { what: 'messages for Redis', limit: limits.busOutgoing });
      }
      return new Promise((resolve, reject) => {
        const cancel = () => {
          drop([item]);
          item.settle(new AppError('CANCELLED'));
        };
        const settle = (error?: AppError) => {
          signal?.removeEventListener('abort', cancel);
          if (error) reject(error);
          else resolve();
        };
        const item = { key, envelope, settle };
        if (signal?.aborted) return cancel();
        signal?.addEventListener('abort', cancel, { once: true });
        queue.push(item);
        queuedBytes += envelope.length;
        void flush();
      });
    },
    onReady(runId) {
      if (lastRunId !== undefined && lastRunId !== runId) {
        const again = written.takeAll();
        log.warn({ messages: again.length }, 'Redis was restarted, the last messages go out again');
        queue.unshift(...again.map((item) => ({ ...item, settle: () => {} })));
        for (const { envelope } of again) queuedBytes += envelope.length;
        lives.clear();
      }
      lastRunId = runId;
      void flush();
    },
    stop() {
      const left = [...queue];
      drop(left);
      for (const item of left) item.settle(new AppError('BUS_STOPPED'));
    },
  };
}

/** One result per item, undefined for a written one; no results at all when the connection failed. */
async function writeAll(
  redis: Redis,
  batch: readonly Item[],
  renewed: readonly string[],
): Promise<(AppError | undefined)[] | undefined> {
  const pipeline = redis.pipeline();
  for (const { key, envelope } of batch) {
    const bytes = Buffer.from(envelope.buffer, envelope.byteOffset, envelope.length);
    pipeline.xadd(key, 'MAXLEN', '~', streamEntries, '*', envelopeField, bytes);
  }
  for (const key of renewed) pipeline.pexpire(key, streamLifeMs);
  const results = await pipeline.exec().catch((error: unknown) => {
    if (isReplyError(error)) throw error;
    return null;
  });
  if (!results) return undefined;
  const errors = results.slice(0, batch.length).map(([error]) => error);
  if (errors.some((error) => error && !isReplyError(error))) return undefined;
  return errors.map((error) =>
    error ? new AppError('UNAVAILABLE', { what: 'Redis', reason: error.message }) : undefined,
  );
}

/** Which streams of a batch need their life renewed. */
function createLives(nowMs: () => number) {
  const renewedAt = new Map<string, number>();
  return {
    due(batch: readonly Item[]): string[] {
      const keys = [...new Set(batch.map(({ key }) => key))];
      const due = keys.filter((key) => (renewedAt.get(key) ?? 0) + renewLifeMs < nowMs());
      if (renewedAt.size > limits.busStreams) renewedAt.clear();
      for (const key of due) renewedAt.set(key, nowMs());
      return due;
    },
    clear: () => renewedAt.clear(),
  };
}

/** What was written in the last seconds, bounded in time, number and bytes. */
function createRecent(nowMs: () => number) {
  const items: Written[] = [];
  let bytes = 0;
  const isTooMuch = () => {
    const oldest = items[0];
    if (!oldest) return false;
    const isOld = oldest.timeMs + recent.ageMs < nowMs();
    return isOld || items.length > recent.entries || bytes > recent.bytes;
  };
  const trim = () => {
    while (isTooMuch()) bytes -= items.shift()?.envelope.length ?? 0;
  };
  return {
    add({ key, envelope }: Item) {
      items.push({ key, envelope, timeMs: nowMs() });
      bytes += envelope.length;
      trim();
    },
    takeAll(): Written[] {
      bytes = 0;
      return items.splice(0);
    },
  };
}
