/**
 * Which messages were here before. A stream is what one sender says in one session to one topic or inbox; its
 * messages are numbered from 1. Per stream we keep the highest number and one bit for each of the 1,024
 * below it: a number is new, seen, or so far behind that nobody knows any more (`late`), and late is dropped.
 *
 * A stream is forgotten only when everything it can have said is too old to be accepted: twice the greatest age
 * after its last message, because a message may come from that far in the future. So forgetting never lets a
 * replay in. When the table is full new streams are refused and known ones go on: an attacker with many
 * keys can keep newcomers out (`admits` in the options is the answer to that), but never hurts a known sender.
 * Rejected: throwing out the oldest stream, which opens a door for replays exactly when under attack.
 */
const windowBits = 1_024;
const windowWords = windowBits / 32;

/** What is known of a sequence number. */
export type Sighting = 'new' | 'seen' | 'late' | 'full';

/** Remembers sequence numbers of streams. */
export interface ReplayTable {
  look(stream: string, sequence: number, nowMs: number): Sighting;
  /** Only after `look` said `new` and the signature was good. */
  mark(stream: string, sequence: number, nowMs: number): void;
  size(): number;
}

interface Stream {
  highest: number;
  lastMs: number;
  readonly bits: Uint32Array;
}

/** A table for at most `streams` streams, each forgotten `lifetimeMs` after its last message. */
export function createReplayTable(options: { streams: number; lifetimeMs: number }): ReplayTable {
  const table = new Map<string, Stream>(); // in the order of their last message
  const forgetOld = (nowMs: number) => {
    for (const [key, { lastMs }] of table) {
      if (lastMs + options.lifetimeMs > nowMs) return;
      table.delete(key);
    }
  };
  return {
    look(key, sequence, nowMs) {
      const stream = table.get(key);
      if (stream) return lookInside(stream, sequence);
      if (table.size >= options.streams) forgetOld(nowMs);
      return table.size >= options.streams ? 'full' : 'new';
    },
    mark(key, sequence, nowMs) {
      const stream = table.get(key) ?? {
        highest: sequence,
        lastMs: nowMs,
        bits: new Uint32Array(windowWords),
      };
      table.delete(key);
      table.set(key, stream);
      stream.lastMs = nowMs;
      advance(stream, sequence);
      setBit(stream.bits, sequence);
    },
    size: () => table.size,
  };
}

function lookInside({ highest, bits }: Stream, sequence: number): Sighting {
  if (sequence > highest) return 'new';
  if (sequence <= highest - windowBits) return 'late';
  const at = sequence % windowBits;
  return ((bits[at >>> 5] ?? 0) >>> (at & 31)) & 1 ? 'seen' : 'new';
}

/** Moves the window up; the bits of numbers that came into it are cleared. */
function advance(stream: Stream, sequence: number): void {
  if (sequence - stream.highest >= windowBits) stream.bits.fill(0);
  else {
    for (let next = stream.highest + 1; next <= sequence; next += 1) {
      const at = next % windowBits;
      stream.bits[at >>> 5] = (stream.bits[at >>> 5] ?? 0) & ~(1 << (at & 31));
    }
  }
  stream.highest = Math.max(stream.highest, sequence);
}

function setBit(bits: Uint32Array, sequence: number): void {
  const at = sequence % windowBits;
  bits[at >>> 5] = (bits[at >>> 5] ?? 0) | (1 << (at & 31));
}
