import { utf8 } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../limits.ts';
import { decodeRelayFrame, encodeRelayCredit, encodeRelayFrame } from './relay-frames.ts';
import { createRelayLine, type RelayCall, type RelayLine } from './relay-line.ts';

const head = utf8('{}');

/** What one end of a call has heard. */
interface Heard {
  call: RelayCall | undefined;
  heads: number;
  data: number[];
  bytes: number;
  hasEnded: boolean;
  resets: number;
  drains: number;
}

function newHeard(): Heard {
  const none = { heads: 0, data: [], bytes: 0, resets: 0, drains: 0 };
  return { call: undefined, ...none, hasEnded: false };
}

/** Notes what comes; a reader that takes all at once unless told otherwise. */
function eventsOf(heard: Heard, takesAtOnce = true) {
  return {
    onHead: () => {
      heard.heads += 1;
    },
    onData(bytes: Uint8Array) {
      heard.bytes += bytes.length;
      for (const byte of bytes) heard.data.push(byte);
      if (takesAtOnce) heard.call?.taken(bytes.length);
    },
    onEnd: () => {
      heard.hasEnded = true;
    },
    onReset: () => {
      heard.resets += 1;
    },
    onDrain: () => {
      heard.drains += 1;
    },
  };
}

/** Two ends with a pipe between them, which carries frames when the test says so. */
function pair({ takesAtOnce = true } = {}) {
  const toProvider: Uint8Array[] = [];
  const toCoordinator: Uint8Array[] = [];
  const served: Heard[] = [];
  const coordinator = createRelayLine({ send: (frame) => void toProvider.push(frame) });
  const provider = createRelayLine({
    send: (frame) => void toCoordinator.push(frame),
    accept(call) {
      const heard = { ...newHeard(), call };
      served.push(heard);
      return eventsOf(heard, takesAtOnce);
    },
  });
  const carry = (pipe: Uint8Array[], end: RelayLine, most = Number.POSITIVE_INFINITY): number => {
    const frames = pipe.splice(0, most);
    for (const frame of frames) end.receive(frame);
    return frames.length;
  };
  return {
    ...{ coordinator, provider, toProvider, toCoordinator, served },
    open() {
      const heard = newHeard();
      heard.call = coordinator.open(() => eventsOf(heard));
      heard.call.head(head);
      return heard as Heard & { call: RelayCall };
    },
    forth: (most?: number) => carry(toProvider, provider, most),
    back: (most?: number) => carry(toCoordinator, coordinator, most),
    settle() {
      while (carry(toProvider, provider) + carry(toCoordinator, coordinator) > 0);
    },
  };
}

const typeOf = (frame: Uint8Array) => {
  const verdict = decodeRelayFrame(frame);
  return verdict.ok ? `${verdict.value.type} ${verdict.value.call}` : verdict.code;
};
const dataIn = (pipe: readonly Uint8Array[]) =>
  pipe
    .filter((frame) => typeOf(frame).startsWith('data'))
    .reduce((sum, { length }) => sum + length - 5, 0);

describe('a line', () => {
  it('carries a call there and its answer back, and is empty afterwards', () => {
    const test = pair();
    const asked = test.open();
    asked.call.send(utf8('question'));
    asked.call.end();
    test.forth();
    const [served] = test.served;
    expect(served).toMatchObject({ heads: 1, hasEnded: true });
    served?.call?.head(head);
    served?.call?.send(utf8('answer'));
    served?.call?.end();
    test.back();
    expect(asked).toMatchObject({ heads: 1, hasEnded: true, resets: 0 });
    expect(asked.data).toEqual([...utf8('answer')]);
    expect([test.coordinator.size, test.provider.size]).toEqual([0, 0]);
  });

  it('delivers every byte in order whatever the sizes, the pipe and the reader do', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 12 });
    const steps = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(sizes, { minLength: 1, maxLength: 4 }), steps, (bodies, portions) => {
        const test = pair();
        const sent = bodies.map((parts, at) => {
          const asked = test.open();
          for (const size of parts) asked.call.send(new Uint8Array(size).fill(at + 1));
          asked.call.end();
          return parts.reduce((sum, size) => sum + size, 0);
        });
        for (const portion of portions) {
          test.forth(portion);
          test.back(portion);
        }
        test.settle();
        expect(test.served.map(({ bytes }) => bytes)).toEqual(sent);
        test.served.forEach(({ data, hasEnded }, at) => {
          expect(hasEnded).toBe(true);
          expect(data.every((byte) => byte === at + 1)).toBe(true);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('lets calls take turns: a short one does not wait for a long one', () => {
    const test = pair();
    const long = test.open();
    const short = test.open();
    test.settle();
    const fillers = Array.from({ length: 4 }, test.open);
    for (const { call } of fillers) call.send(new Uint8Array(limits.relayWindowBytes));
    long.call.send(new Uint8Array(60_000));
    short.call.send(utf8('hi'));
    for (const { call } of fillers) call.reset();
    while (test.served[1]?.bytes === 0) {
      expect(test.forth(1)).toBe(1);
      test.back();
    }
    expect(test.served[0]?.bytes).toBeLessThanOrEqual(2 * limits.relayChunkBytes);
  });

  it('stops at the window of a reader that takes nothing, and goes on with the others', () => {
    const test = pair({ takesAtOnce: false });
    const slow = test.open();
    let sends = 0;
    while (slow.call.send(new Uint8Array(10_000))) sends += 1;
    test.settle();
    expect(sends).toBeLessThan(10);
    expect(test.served[0]?.bytes).toBeLessThan(limits.relayWindowBytes + limits.relayChunkBytes);
    const other = test.open();
    other.call.send(utf8('quick'));
    test.settle();
    expect(test.served[1]?.bytes).toBe(5);
    expect(slow.drains).toBe(0);
    test.served[0]?.call?.taken(test.served[0].bytes);
    test.settle();
    expect(slow.drains).toBe(1);
  });

  it('never has more on the way than the line may carry', () => {
    const test = pair();
    for (let at = 0; at < 30; at += 1) test.open().call.send(new Uint8Array(64_000));
    expect(dataIn(test.toProvider)).toBeLessThan(limits.relayLineBytes + limits.relayChunkBytes);
    test.settle();
    expect(test.served.map(({ bytes }) => bytes)).toEqual(Array(30).fill(64_000));
  });

  it('ends a call on both sides when either gives it up, without an echo', () => {
    const test = pair();
    const first = test.open();
    const second = test.open();
    test.settle();
    first.call.reset();
    test.served[1]?.call?.reset();
    test.settle();
    expect(test.served.map(({ resets }) => resets)).toEqual([1, 0]);
    expect([first.resets, second.resets]).toEqual([0, 1]);
    expect([test.coordinator.size, test.provider.size]).toEqual([0, 0]);
    expect(test.toProvider).toEqual([]);
  });

  it('passes over what was on its way to a call that is over', () => {
    const test = pair();
    const asked = test.open();
    test.forth();
    test.served[0]?.call?.head(head);
    test.served[0]?.call?.send(utf8('late'));
    asked.call.reset();
    test.back();
    expect(asked).toMatchObject({ heads: 0, bytes: 0 });
  });

  it('resets every call when it closes, and hears nothing afterwards', () => {
    const test = pair();
    const asked = [test.open(), test.open()];
    test.coordinator.close();
    expect(asked.map(({ resets }) => resets)).toEqual([1, 1]);
    expect(test.coordinator.isFull()).toBe(true);
    test.coordinator.receive(utf8('nonsense'));
    expect(asked[0]?.call.send(utf8('x'))).toBe(true);
    expect(test.coordinator.size).toBe(0);
  });

  it('is full with as many calls as one provider takes', () => {
    const test = pair();
    const all = Array.from({ length: limits.relayCallsPerProvider }, test.open);
    expect(test.coordinator.isFull()).toBe(true);
    test.settle();
    all[0]?.call.reset();
    expect(test.coordinator.isFull()).toBe(false);
    test.open();
    test.settle();
    expect(test.provider.size).toBe(limits.relayCallsPerProvider);
  });
});

describe('who breaks the rules is BAD_REQUEST:', () => {
  const opened = encodeRelayFrame('head', 1, head);
  const part = (call: number, sizeBytes = 1) =>
    encodeRelayFrame('data', call, new Uint8Array(sizeBytes));
  const heads = (count: number) =>
    Array.from({ length: count }, (_, at) => encodeRelayFrame('head', at + 1, head));

  it.each([
    ['a frame that is none', [utf8('nonsense')]],
    ['data of a call that nobody opened', [part(1)]],
    ['a second head', [opened, opened]],
    ['data after the end', [opened, encodeRelayFrame('end', 1), part(1)]],
    ['two ends', [opened, encodeRelayFrame('end', 1), encodeRelayFrame('end', 1)]],
    ['more calls than there may be', heads(limits.relayCallsPerProvider + 1)],
    ['more than a call may carry', [opened, ...Array(5).fill(part(1, 16_384))]],
    ['credit that was never used', [opened, encodeRelayCredit(1, 1)]],
    ['credit of the line that was never used', [encodeRelayCredit(0, 1)]],
  ])('%s', (_, frames) => {
    const { provider } = pair({ takesAtOnce: false });
    const last = frames.at(-1) as Uint8Array;
    for (const frame of frames.slice(0, -1)) provider.receive(frame);
    expect(() => provider.receive(last)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }) as Error,
    );
  });

  it('a provider that opens a call', () => {
    expect(() => pair().coordinator.receive(opened)).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }) as Error,
    );
  });

  it('and no frames whatever make it throw anything else', () => {
    const kinds = fc.constantFrom('head', 'data', 'end', 'reset', 'credit' as const);
    const frames = fc.array(
      fc.record({ kind: kinds, call: fc.nat(3), size: fc.integer({ min: 0, max: 20 }) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(frames, (list) => {
        const { provider } = pair({ takesAtOnce: false });
        for (const { kind, call, size } of list) {
          const bytes =
            kind === 'credit'
              ? encodeRelayCredit(call, size)
              : encodeRelayFrame(kind as 'data', call, new Uint8Array(size));
          try {
            provider.receive(bytes);
          } catch (error) {
            expect(error).toMatchObject({ code: 'BAD_REQUEST' });
            return;
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
