/** Whether the other side is alive: a ping per beat, and how long ago it was heard. */
import { performance } from 'node:perf_hooks';
import { createReader, createWriter } from '@aitbc/primitives';

const rttWeight = 0.2;

/** What a beat finds. */
export type PulseFinding = 'fine' | 'silent' | 'slow';

/** The pulse of a connection. */
export interface Pulse {
  /** Called every `pingMs`, with when the peer was heard and since when it takes nothing. */
  beat(heardMs: number, blockedSinceMs: number | undefined): PulseFinding;
  /** Content of a ping: our clock, µs. */
  ping(): Uint8Array;
  /** An answer; one that is older than the last one, or from the future, says nothing. */
  onPong(content: Uint8Array): void;
  /** True when the newest ping before this call, or one after it, was answered. */
  lookForAnswer(): () => boolean;
  /** Smoothed; undefined before the first answer. */
  rttMs(): number | undefined;
}

/** Times of a pulse. */
export interface PulseOptions {
  readonly pingMs: number;
  readonly silenceMs: number;
}

/** A pulse that starts now. */
export function createPulse({ pingMs, silenceMs }: PulseOptions): Pulse {
  let beatMs = performance.now();
  let excusedMs = 0; // silence before this moment does not count
  let sentUs = 0;
  let answeredUs = Math.round(beatMs * 1_000);
  let rttMs: number | undefined;
  return {
    beat(heardMs, blockedSinceMs) {
      const nowMs = performance.now();
      // Our own process stood still: what peers said meanwhile lies unread in the sockets.
      if (nowMs - beatMs > 2 * pingMs) excusedMs = nowMs;
      beatMs = nowMs;
      if (nowMs - Math.max(heardMs, excusedMs) > silenceMs) return 'silent';
      if (blockedSinceMs === undefined) return 'fine';
      return nowMs - Math.max(blockedSinceMs, excusedMs) > silenceMs ? 'slow' : 'fine';
    },
    ping() {
      sentUs = Math.round(performance.now() * 1_000);
      return createWriter().u64(BigInt(sentUs)).finish();
    },
    onPong(content) {
      const askedUs = Number(createReader(content).u64());
      if (askedUs <= answeredUs || askedUs > sentUs) return;
      answeredUs = askedUs;
      const sampleMs = performance.now() - askedUs / 1_000;
      rttMs = rttMs === undefined ? sampleMs : rttMs + rttWeight * (sampleMs - rttMs);
    },
    lookForAnswer() {
      const askedUs = sentUs;
      return () => answeredUs >= askedUs;
    },
    rttMs: () => rttMs,
  };
}
