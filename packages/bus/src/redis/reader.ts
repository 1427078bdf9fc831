/**
 * What comes from Redis: one blocking XREAD over all our streams, on a connection of its own. Each stream has a
 * position, so a reader that was cut off goes on where it stood. A new run of Redis may count differently or may have
 * lost everything: then every stream is read from its beginning, and the checks above drop what is old.
 *
 * A change of the set of streams has to interrupt the blocking read: CLIENT UNBLOCK from the writer's
 * connection, repeated because it may overtake the read it is meant for.
 */
import { AppError } from '@aitbc/protocol';
import type { Redis } from 'ioredis';
import { delay } from '../core/wait.ts';
import { isReplyError } from './connection.ts';
import type { RedisCarrierDeps } from './types.ts';
import { envelopeField } from './writer.ts';

const readCount = 256;
const blockMs = 1_000;
const unblockEveryMs = 10;
const lookMs = 50;
const retryMs = 200;
const fromTheBeginning = '0-0';

/** Reads envelopes from streams. */
export interface RedisReader {
  /** Resolves when everything written from now on will be read. Throws AppError BUS_STOPPED, UNAVAILABLE. */
  add(key: string, onEnvelope: (envelope: Uint8Array) => void): Promise<void>;
  remove(key: string): void;
  onReady(runId: string): void;
  /** Resolves when nothing is read any more. */
  stop(): Promise<void>;
}

interface Source {
  readonly onEnvelope: (envelope: Uint8Array) => void;
  position: string | undefined;
  readonly onPlaced: (error?: AppError) => void;
}

/** A reader on a connection of its own; `writer` is used to interrupt it. */
export function createReader(
  { reader, writer }: { reader: Redis; writer: Redis },
  { log }: Pick<RedisCarrierDeps, 'log'>,
): RedisReader {
  const sources = new Map<string, Source>();
  const stopped = new AbortController();
  let clientId: string | undefined;
  let isKnown = false;
  let lastRunId: string | undefined;
  let isReading = false;
  let loop: Promise<void> | undefined;
  let changes = 0;

  const readOnce = async () => {
    await place(reader, sources);
    if (sources.size === 0) return delay(lookMs, stopped.signal);
    isReading = true;
    try {
      await read(reader, sources);
    } finally {
      isReading = false;
      changes = 0;
    }
  };
  const run = async () => {
    while (!stopped.signal.aborted) {
      try {
        if (!isKnown || reader.status !== 'ready') await delay(lookMs, stopped.signal);
        else await readOnce();
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (isReplyError(error)) log.warn({ err: error }, 'Redis refuses to be read');
        await delay(retryMs, stopped.signal).catch(() => {});
      }
    }
  };
  const interrupt = async () => {
    changes += 1;
    while (isReading && changes > 0 && clientId !== undefined && writer.status === 'ready') {
      await writer.call('CLIENT', 'UNBLOCK', clientId).catch(() => {}); // the read ends by itself, later
      await delay(unblockEveryMs);
    }
  };
  return {
    async add(key, onEnvelope) {
      if (stopped.signal.aborted) throw new AppError('BUS_STOPPED');
      const placed = new Promise<void>((resolve, reject) => {
        const onPlaced = (error?: AppError) => (error ? reject(error) : resolve());
        sources.set(key, { onEnvelope, position: undefined, onPlaced });
      });
      await Promise.all([placed, interrupt()]);
    },
    remove(key) {
      sources.delete(key);
    },
    onReady(runId) {
      if (lastRunId !== undefined && lastRunId !== runId) {
        for (const source of sources.values()) source.position &&= fromTheBeginning;
      }
      lastRunId = runId;
      [clientId, isKnown] = [undefined, false];
      reader.call('CLIENT', 'ID').then(
        (id) => {
          [clientId, isKnown] = [String(id), true];
        },
        (error: unknown) => {
          isKnown = isReplyError(error); // no right to ask: then nothing interrupts a read, 1 s at most
          log.warn({ err: error }, 'Redis does not say who we are, new topics take longer');
        },
      );
      loop ??= run();
    },
    async stop() {
      stopped.abort();
      reader.disconnect();
      for (const { onPlaced } of sources.values()) onPlaced(new AppError('BUS_STOPPED'));
      await loop;
    },
  };
}

/** Gives new sources their place: behind the last entry there is. */
async function place(reader: Redis, sources: Map<string, Source>): Promise<void> {
  for (const [key, source] of sources) {
    if (source.position !== undefined) continue;
    try {
      const last = await reader.xrevrange(key, '+', '-', 'COUNT', 1);
      source.position = last[0]?.[0] ?? fromTheBeginning;
      source.onPlaced();
    } catch (error) {
      if (!isReplyError(error)) throw error;
      sources.delete(key);
      source.onPlaced(new AppError('UNAVAILABLE', { what: 'Redis', reason: error.message }));
    }
  }
}

type StreamReply = readonly (readonly [
  Buffer,
  readonly (readonly [Buffer, readonly Buffer[]])[],
])[];

async function read(reader: Redis, sources: Map<string, Source>): Promise<void> {
  const keys = [...sources.keys()];
  const positions = [...sources.values()].map(({ position }) => position ?? fromTheBeginning);
  const args = ['COUNT', readCount, 'BLOCK', blockMs, 'STREAMS', ...keys, ...positions];
  const reply = (await reader.callBuffer('XREAD', ...args)) as StreamReply | null;
  for (const [key, entries] of reply ?? []) {
    const source = sources.get(key.toString());
    if (source) readEntries(source, entries);
  }
}

/** An entry that somebody else wrote in another form is skipped. */
function readEntries(source: Source, entries: StreamReply[number][1]): void {
  for (const [id, fields] of entries) {
    source.position = id.toString();
    const [name, envelope] = fields;
    if (name?.toString() === envelopeField && envelope) source.onEnvelope(envelope);
  }
}
