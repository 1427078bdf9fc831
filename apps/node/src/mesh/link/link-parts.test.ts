import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { limits } from '@aitbc/protocol';
import { until } from '@aitbc/service';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ByeReason,
  byeReasons,
  createFrameReader,
  decodeBye,
  decodeHello,
  encodeBye,
  encodeFrame,
  encodeHello,
  type Frame,
  frameKinds,
} from './frames.ts';
import { createPulse } from './pulse.ts';
import { createRate } from './rate.ts';
import { createSendQueue, rankOf, ranks } from './send-queue.ts';
import { createLinkWriter } from './writer.ts';

const frame = (size: number, fill = 0) => new Uint8Array(size).fill(fill);
const firsts = (frames: readonly Uint8Array[]) => frames.map((one) => one[0]);

function framesIn(
  chunks: readonly Uint8Array[],
  maxBytes: number = limits.meshFrameBytes,
): Frame[] {
  const reader = createFrameReader();
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let next = reader.next(maxBytes); next?.ok; next = reader.next(maxBytes)) {
      frames.push(next.value);
    }
  }
  return frames;
}

describe('frames', () => {
  const kind = fc.constantFrom(...(Object.keys(frameKinds) as (keyof typeof frameKinds)[]));
  const someFrame = fc.record({ kind, content: fc.uint8Array({ maxLength: 40 }) });

  it('come out of a stream as they went in, wherever it is cut', () => {
    fc.assert(
      fc.property(fc.array(someFrame), fc.array(fc.nat({ max: 60 })), (frames, cuts) => {
        const stream = Buffer.concat(frames.map((one) => encodeFrame(one.kind, one.content)));
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const size of [...cuts, stream.length]) {
          chunks.push(stream.subarray(at, at + size));
          at += size;
        }
        const read = framesIn(chunks).map((one) => ({ ...one, content: [...one.content] }));
        expect(read).toEqual(frames.map((one) => ({ ...one, content: [...one.content] })));
      }),
    );
  });

  it('are refused by their length before anything of them is kept, and for good', () => {
    const reader = createFrameReader();
    reader.push(encodeFrame('message', frame(101)).subarray(0, 4));
    expect(reader.next(100)).toMatchObject({ ok: false, code: 'MESH_MALFORMED' });
    reader.push(encodeFrame('message', frame(101)).subarray(4));
    expect(reader.next(100)).toMatchObject({ ok: false, code: 'MESH_MALFORMED' });
    expect(framesIn([encodeFrame('message', frame(100))], 100)).toHaveLength(1);
  });

  it('of a hello survive anything', () => {
    const place = { host: 'node.example', port: 8_106 };
    const hello = { version: 1, genesisHash: 'ab'.repeat(32), instance: 7, ...place };
    const content = encodeHello(hello).subarray(5);
    expect(decodeHello(content)).toEqual({ ok: true, value: hello });
    expect(decodeHello(content.subarray(1))).toMatchObject({ value: { version: 0xab } });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const verdict = decodeHello(Uint8Array.of(1, ...bytes));
        if (!verdict.ok) expect(verdict.code).toBe('MESH_MALFORMED');
        else expect(encodeHello(verdict.value).subarray(6)).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 1_000 },
    );
  });

  it('of a bye keep the word', () => {
    for (const word of Object.keys(byeReasons) as ByeReason[]) {
      expect(decodeBye(encodeBye(word).subarray(5))).toBe(word);
    }
    expect(decodeBye(Uint8Array.of(200))).toBe('unknown');
    expect(decodeBye(new Uint8Array(0))).toBe('unknown');
  });
});

describe('the send queue', () => {
  it('gives votes first, and keeps the order inside a rank', () => {
    const queue = createSendQueue(1_000);
    queue.push(frame(1, 1), 'gossip');
    queue.push(frame(1, 2), 'sync');
    queue.push(frame(1, 3), 'proposals');
    queue.push(frame(1, 4), 'votes');
    queue.push(frame(1, 5), 'votes');
    queue.push(frame(1, 6), 'gossip');
    expect(firsts(queue.take(1_000))).toEqual([4, 5, 3, 2, 1, 6]);
    expect(queue.take(1_000)).toEqual([]);
  });

  it('gives as much as fits, at least one frame, and nothing that would pass a higher rank', () => {
    const queue = createSendQueue(1_000);
    queue.push(frame(10, 1), 'votes');
    queue.push(frame(500, 2), 'proposals');
    queue.push(frame(5, 3), 'gossip');
    expect(firsts(queue.take(100))).toEqual([1]);
    expect(firsts(queue.take(100))).toEqual([2]);
    expect(firsts(queue.take(100))).toEqual([3]);
  });

  it('drops the oldest of the lowest rank, never a vote, never for a lower rank', () => {
    const queue = createSendQueue(100);
    queue.push(frame(40, 1), 'gossip');
    queue.push(frame(40, 2), 'gossip');
    expect(queue.push(frame(40, 3), 'gossip')).toBe(true);
    expect(queue.push(frame(40, 4), 'proposals')).toBe(true);
    expect(queue.push(frame(50, 5), 'votes')).toBe(true);
    expect(queue.push(frame(50, 6), 'sync')).toBe(false);
    expect(queue.push(frame(50, 7), 'votes')).toBe(true);
    expect(queue.push(frame(1, 8), 'votes')).toBe(false);
    expect(queue.dropped()).toEqual({ votes: 1, proposals: 1, sync: 1, gossip: 3 });
    expect(firsts(queue.take(1_000))).toEqual([5, 7]);
    expect(queue.sizeBytes()).toBe(0);
  });

  it('never holds more than its bound, and loses no vote that it took', () => {
    const step = fc.record({
      rank: fc.constantFrom(...ranks),
      size: fc.integer({ min: 1, max: 60 }),
      take: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = createSendQueue(100);
        let taken = 0;
        let given = 0;
        for (const { rank, size, take } of steps) {
          const isVote = rank === 'votes';
          if (queue.push(frame(size, isVote ? 1 : 0), rank) && isVote) taken += 1;
          expect(queue.sizeBytes()).toBeLessThanOrEqual(100);
          if (take) given += queue.take(50).filter((one) => one[0] === 1).length;
        }
        given += queue.take(1_000).filter((one) => one[0] === 1).length;
        expect(given).toBe(taken);
        expect(queue.sizeBytes()).toBe(0);
      }),
    );
  });

  it('has a rank for every message', () => {
    expect(new Set(Object.values(rankOf))).toEqual(new Set(ranks));
    expect(rankOf).toMatchObject({ votes: 'votes', proposal: 'proposals', txs: 'gossip' });
  });
});

/** A socket that takes what it is told to. */
function fakeSocket() {
  const written: Uint8Array[] = [];
  const events = new EventEmitter();
  const state = { takes: true };
  const write = (part: Uint8Array) => {
    written.push(part);
    return state.takes;
  };
  return { socket: Object.assign(events, { write }) as unknown as Socket, written, state };
}

describe('the writer', () => {
  it('makes one write of all frames of one turn', async () => {
    const { socket, written } = fakeSocket();
    const writer = createLinkWriter(socket, 1_000_000);
    for (let count = 0; count < 1_000; count += 1) writer.push(frame(100, count % 251), 'votes');
    expect(written).toEqual([]);
    await until(() => written.length > 0, { intervalMs: 0 });
    expect(written).toHaveLength(1);
    expect(written[0]).toHaveLength(100_000);
    expect(writer.bytes()).toBe(100_000);
    expect(writer.stop()).toBe(true);
  });

  it('waits until the socket has taken the last write, and cuts a large frame into several', async () => {
    const { socket, written, state } = fakeSocket();
    const writer = createLinkWriter(socket, 10_000_000);
    state.takes = false;
    writer.push(frame(1_000_000), 'sync');
    await until(() => written.length > 0, { intervalMs: 0 });
    expect(writer.blockedSinceMs()).toBeDefined();
    writer.push(frame(10, 7), 'votes');
    for (let count = 0; count < 3; count += 1) {
      expect(written.at(-1)?.[0]).toBe(0);
      socket.emit('drain');
    }
    socket.emit('drain');
    expect(written.map(({ length }) => length)).toEqual([262_144, 262_144, 262_144, 213_568, 10]);
  });

  it('says when it was stopped inside a frame', async () => {
    const { socket, written, state } = fakeSocket();
    const writer = createLinkWriter(socket, 10_000_000);
    state.takes = false;
    writer.push(frame(1_000_000), 'sync');
    await until(() => written.length > 0, { intervalMs: 0 });
    expect(writer.stop()).toBe(false);
    socket.emit('drain');
    expect(written).toHaveLength(1);
  });
});

describe('a rate', () => {
  it('lets one second of bytes through at once, and then as much as time allows', () => {
    const rate = createRate(1_000, 0);
    expect(rate.take(1_000, 0)).toBe(0);
    expect(rate.take(500, 0)).toBe(500);
    expect(rate.take(0, 500)).toBe(0);
    expect(rate.take(250, 500)).toBe(250);
    expect(rate.take(1_000, 100_000)).toBe(0);
    expect(rate.take(1, 100_000)).toBe(1);
  });
});

describe('a pulse', () => {
  it('finds silence and slowness, but not after our own standstill', async () => {
    const pulse = createPulse({ pingMs: 20, silenceMs: 50 });
    const now = performance.now();
    expect(pulse.beat(now, undefined)).toBe('fine');
    expect(pulse.beat(now - 60, undefined)).toBe('silent');
    expect(pulse.beat(now, now - 60)).toBe('slow');
    const stoodStill = performance.now() + 45;
    await until(() => performance.now() > stoodStill);
    expect(pulse.beat(now - 60, now - 60)).toBe('fine');
  });

  it('takes the time only from answers to what it asked', () => {
    const pulse = createPulse({ pingMs: 20, silenceMs: 50 });
    const asked = pulse.ping();
    pulse.onPong(frame(8, 0xff));
    pulse.onPong(frame(8));
    expect(pulse.rttMs()).toBeUndefined();
    pulse.onPong(asked);
    const first = pulse.rttMs();
    expect(first).toBeGreaterThanOrEqual(0);
    pulse.onPong(asked);
    expect(pulse.rttMs()).toBe(first);
  });
});
