/** Buses and what tests need around them. */
import { type KeyPair, keyPairFromSeed, randomBytes, systemClock } from '@aitbc/primitives';
import { networkFromHash } from '@aitbc/protocol';
import { createBus } from '../bus.ts';
import type { Carrier, CarrierSink } from '../carrier.ts';
import type { Bus, BusDeps, BusLog, BusOptions } from '../types.ts';

export const testNetwork = networkFromHash('test', 'ab'.repeat(32));
export const otherNetwork = networkFromHash('other', 'cd'.repeat(32));

export function freshKeys(): KeyPair {
  return keyPairFromSeed(randomBytes(32));
}

/** A log that keeps its lines. */
export function createTestLog(): BusLog & { lines: string[] } {
  const lines: string[] = [];
  const add = (level: string) => (_: Record<string, unknown>, message: string) => {
    lines.push(`${level} ${message}`);
  };
  return { lines, error: add('error'), warn: add('warn'), debug: () => {} };
}

/** A place where carriers meet, made for one test. */
export interface TestWorld {
  carrier(keys: KeyPair): Carrier;
  close(): Promise<void>;
}

/** Starts buses and raw carriers in a world and stops them all. */
export interface TestParty {
  bus(options?: Partial<BusOptions>, deps?: Partial<BusDeps>): Promise<Bus>;
  /** A carrier without a bus above it: it says whatever it likes. */
  stranger(): Promise<Carrier & { readonly inbox: Uint8Array[] }>;
  close(): Promise<void>;
}

export function createParty(world: TestWorld): TestParty {
  const open: { stop(): Promise<void> }[] = [];
  return {
    async bus(options = {}, deps = {}) {
      const keys = options.keys ?? freshKeys();
      const carrier = options.carrier ?? world.carrier(keys);
      const all = { network: testNetwork, ...options, keys, carrier };
      const bus = createBus(all, { clock: systemClock, log: createTestLog(), ...deps });
      open.push(bus);
      await bus.start();
      return bus;
    },
    async stranger() {
      const carrier = world.carrier(freshKeys());
      open.push(carrier);
      const inbox: Uint8Array[] = [];
      const sink: CarrierSink = {
        onTopic: () => 'ignore',
        onInbox: (bytes) => inbox.push(bytes),
        onState: () => {},
      };
      await carrier.start(sink);
      return { ...carrier, inbox };
    },
    async close() {
      for (const one of open) await one.stop();
      await world.close();
    },
  };
}
