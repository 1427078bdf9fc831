/**
 * Events of a market, kept for good. A coordinator forgets them after 30 days; back-tests need them longer, and need
 * them unchanged.
 *
 * Two files for each network: `<genesis>.jsonl`, one event a line, only ever appended to, and `<genesis>.json`, its
 * head: how many bytes and events count, the cursor, until when nothing is missing, and a hash. The hash of each line is
 * SHA-256 over the hash before and the line, so one number stands for the whole file and its order. Lines are written
 * first and the head after them: what a crash left behind the head is cut off by the next writer, and readers do not
 * read so far. A file that does not give the hash of its head is STORE_CORRUPT, and no back-test is made of it.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { AppError, type MarketEvent } from '@aitbc/protocol';
import { withLock } from './record-lock.ts';
import { readDocument, writeDocument } from './trading-folder.ts';

/** What is known of a record without reading it. */
export interface RecordHead {
  readonly network: string;
  readonly events: number;
  readonly bytes: number;
  /** Cursor: the last event of the coordinator that was seen. */
  readonly after: number;
  /** Nothing is missing before this time, ms. */
  readonly untilMs: number;
  /** Of all lines, hex. */
  readonly hash: string;
}

/** A record. */
export interface RecordFile {
  readonly file: string;
  readonly head: RecordHead;
  /** All events; read and checked once. Throws STORE_CORRUPT when they are not those of the head. */
  events(): readonly MarketEvent[];
  /** Adds what `fetch` finds, while no other process does; the head is read anew before. */
  update(signal: AbortSignal, fetch: () => Promise<void>): Promise<void>;
  /** Inside `update`: adds events and moves the head. Throws PAYLOAD_TOO_LARGE when the file is full. */
  append(events: readonly MarketEvent[], head: Pick<RecordHead, 'after' | 'untilMs'>): void;
}

/** About a million events; a back-test reads them all into memory. */
const bytesMax = 512 * 1_048_576;

/** Opens or begins a record. `file` ends in `.jsonl`. */
export function openRecord(file: string, network: string): RecordFile {
  const headFile = file.replace(/\.jsonl$/, '.json');
  const empty = { network, events: 0, bytes: 0, after: 0, untilMs: 0, hash: '0'.repeat(64) };
  const readHead = () => (readDocument(headFile) as RecordHead | undefined) ?? empty;
  let head = readHead();
  let loaded: MarketEvent[] | undefined;
  return {
    file,
    get head() {
      return head;
    },
    events() {
      if (loaded) return loaded;
      const lines = linesOf(file, head);
      const hash = lines.reduce(nextHash, '0'.repeat(64));
      if (hash !== head.hash || lines.length !== head.events) {
        throw new AppError('STORE_CORRUPT', { what: file, reason: 'its hash is another one' });
      }
      loaded = lines.map((line) => JSON.parse(line) as MarketEvent);
      return loaded;
    },
    update: (signal, fetch) =>
      withLock(`${headFile}.lock`, signal, async () => {
        const now = readHead();
        if (now.hash !== head.hash) loaded = undefined;
        head = now;
        cutOff(file, head);
        await fetch();
      }),
    append(events, { after, untilMs }) {
      const lines = events.map((event) => JSON.stringify(event));
      const text = lines.map((line) => `${line}\n`).join('');
      const bytes = head.bytes + Buffer.byteLength(text);
      if (bytes > bytesMax) {
        throw new AppError('PAYLOAD_TOO_LARGE', { sizeBytes: bytes, limitBytes: bytesMax });
      }
      if (lines.length > 0) appendText(file, text);
      const hash = lines.reduce(nextHash, head.hash);
      head = { network, events: head.events + lines.length, bytes, after, untilMs, hash };
      writeDocument(headFile, head);
      loaded?.push(...events);
    },
  };
}

function nextHash(before: string, line: string): string {
  return createHash('sha256').update(before).update('\n').update(line).digest('hex');
}

function linesOf(file: string, { bytes }: RecordHead): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file)
    .subarray(0, bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '');
}

function cutOff(file: string, { bytes }: RecordHead): void {
  if (existsSync(file) && statSync(file).size > bytes) truncateSync(file, bytes);
}

/** On disk before it returns: the head must never count what is not there. */
function appendText(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const handle = openSync(file, 'a', 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
