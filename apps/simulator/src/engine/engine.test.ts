import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDisk } from './disk.ts';
import { createEventQueue } from './event-queue.ts';
import { createNetwork, type Envelope } from './network.ts';
import { createRandom } from './random.ts';
import { createWorld, type Event } from './world.ts';

describe('the event queue', () => {
  it('gives events in order of time, those of one moment in the order they came', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(20), fc.constant('pop' as const))), (moves) => {
        const queue = createEventQueue<readonly [number, number]>();
        const model: (readonly [number, number])[] = [];
        for (const [at, move] of moves.entries()) {
          if (move === 'pop') {
            model.sort(([a, x], [b, y]) => a - b || x - y);
            expect(queue.pop()).toEqual(model.shift());
          } else {
            queue.push(move, [move, at]);
            model.push([move, at]);
          }
          expect(queue.size()).toBe(model.length);
          const next = Math.min(...model.map(([time]) => time));
          expect(queue.nextUs()).toBe(next);
        }
      }),
    );
  });
});

describe('the random generator', () => {
  it('gives the same stream for the same seed, and another for another', () => {
    const draw = (seed: number) => {
      const random = createRandom(seed);
      return Array.from({ length: 20 }, () => random.below(1_000_000));
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(2 ** 40)).not.toEqual(draw(0));
  });

  it('gives forks that do not depend on what was drawn before', () => {
    const first = createRandom(3);
    const second = createRandom(3);
    first.unit();
    expect(first.fork('a').below(1e9)).toBe(second.fork('a').below(1e9));
    expect(first.fork('a').below(1e9)).not.toBe(first.fork('b').below(1e9));
  });

  it('covers a range evenly', () => {
    const random = createRandom(11);
    const counts = [0, 0, 0, 0, 0];
    for (let draw = 0; draw < 50_000; draw += 1) {
      const at = random.below(5);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});

function diskOf(seed: number) {
  const due: (() => void)[] = [];
  const disk = createDisk<number>({
    random: createRandom(seed),
    syncMinMs: 1,
    syncMaxMs: 2,
    after: (_delayMs, run) => void due.push(run),
  });
  return { disk, finish: () => due.splice(0).forEach((run) => void run()) };
}

describe('the disk', () => {
  it('keeps what was synced and loses the end of the rest in a crash, never its beginning alone', () => {
    const lengths = new Set<number>();
    for (let seed = 1; seed < 40; seed += 1) {
      const { disk, finish } = diskOf(seed);
      disk.write(1);
      disk.sync(() => {});
      finish();
      for (const record of [2, 3, 4]) disk.write(record);
      disk.crash();
      expect([1, 2, 3, 4].slice(0, disk.records.length)).toEqual(disk.records);
      expect(disk.records.length).toBeGreaterThan(0);
      lengths.add(disk.records.length);
    }
    expect([...lengths].sort()).toEqual([1, 2, 3, 4]);
  });

  it('does not call durable what was written after the sync began', () => {
    const { disk, finish } = diskOf(1);
    disk.write(1);
    disk.sync(() => {});
    disk.write(2);
    finish();
    expect(disk.records).toEqual([1]);
  });
});

const delays = { minUs: 10, boundUs: 20, tail: 0 };

describe('the network', () => {
  const arrivals = (prepare: (network: ReturnType<typeof createNetwork<Envelope>>) => void) => {
    const network = createNetwork<Envelope>(3, delays, createRandom(5));
    const arrived: Envelope[] = [];
    prepare(network);
    for (const envelope of [
      { from: 0, to: 1 },
      { from: 1, to: 0 },
      { from: 0, to: 2 },
    ]) {
      network.route(envelope, (delayUs, one) => {
        expect(delayUs).toBeGreaterThanOrEqual(10);
        expect(delayUs).toBeLessThanOrEqual(40);
        arrived.push(one);
      });
    }
    return { network, arrived };
  };

  it('cuts a link in one direction only', () => {
    const { arrived } = arrivals((network) => network.block(0, 1, 1));
    expect(arrived).toEqual([
      { from: 1, to: 0 },
      { from: 0, to: 2 },
    ]);
  });

  it('holds the messages of a clogged node back and lets them all go', () => {
    const { network, arrived } = arrivals((one) => one.clog(1));
    expect(arrived).toEqual([{ from: 0, to: 2 }]);
    network.unclog(1);
    expect(arrived).toHaveLength(3);
  });

  it('loses and doubles messages', () => {
    expect(arrivals((network) => network.addLoss(1)).arrived).toHaveLength(0);
    expect(arrivals((network) => network.addDuplication(1)).arrived).toHaveLength(6);
  });

  it('is ordinary after the calm', () => {
    const { arrived } = arrivals((network) => {
      network.addLoss(1);
      network.slow(0, 30);
      network.calm();
    });
    expect(arrived).toHaveLength(3);
  });
});

describe('the world', () => {
  const worldOf = () =>
    createWorld<string>({
      endpoints: 2,
      network: createNetwork<Event<string>>(2, delays, createRandom(1)),
      clocks: [
        { rate: 1, offsetUs: 0 },
        { rate: 2, offsetUs: 5_000 },
      ],
      tagOf: (message) => message.length,
      textOf: (message) => message,
    });

  it('drops what was due in a life that has ended, and gives messages to the next one', () => {
    const world = worldOf();
    const got: string[] = [];
    world.bear(0, { receive: () => {} });
    world.bear(1, { receive: (_from, message) => void got.push(`first ${message}`) });
    world.after(1, 1, () => void got.push('timer'));
    world.send(0, 1, 'hello');
    world.kill(1);
    world.bear(1, { receive: (_from, message) => void got.push(`second ${message}`) });
    world.run(1_000_000);
    expect(got).toEqual(['second hello']);
  });

  it('runs timers by the clock of their node, never early', () => {
    const world = worldOf();
    const at: number[] = [];
    for (const node of [0, 1]) {
      world.bear(node, { receive: () => {} });
      world.after(node, 10, () => void at.push(world.nowUs()));
    }
    world.run(1_000_000);
    expect(at).toEqual([5_000, 10_000]);
    expect(world.clockMs(1)).toBe(2_005);
  });

  it('gives a stopped node its events later, in order', () => {
    const world = worldOf();
    const got: string[] = [];
    world.bear(0, { receive: (_from, message) => void got.push(`${message} ${world.nowUs()}`) });
    world.pause(0, 500);
    world.send(1, 0, 'a');
    world.after(0, 0.1, () => void got.push('timer'));
    world.run(1_000);
    expect(got).toEqual(['a 500', 'timer']);
  });
});
