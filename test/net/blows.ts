/** Blows under load, one after the other, each followed by a check of all that must hold. */
import type { Identity } from '@aitbc/node/testing';
import { expect } from 'vitest';
import { checkAgreement, startWatch, type Watch } from './agreement.ts';
import { type Acknowledged, fundSenders, startLoad } from './load.ts';
import { headOf, until } from './rpc.ts';
import { printTable, type Row } from './table.ts';
import type { ValidatorNet } from './validator-net.ts';

const senderCount = 4;

/** A network under blows. */
export interface Beating {
  readonly watch: Watch;
  /** Does something to the network under load, as often as it answers, then checks everything. */
  under(name: string, blows: () => Promise<number>): Promise<void>;
  /** Waits until so many more blocks are final than now. Milliseconds it took. */
  progress(blocks: number): Promise<number>;
  /** From now on a node has no blocks before this height: it joined by a snapshot. */
  beginsAt(at: number, height: number): void;
  /** Waits until a node has what the others have. Milliseconds it took. */
  caughtUp(at: number): Promise<number>;
  /** Ends the network and prints what was done. */
  end(title: string): Promise<void>;
}

/** Gives senders their coins and begins to watch. */
export async function startBeating(net: ValidatorNet): Promise<Beating> {
  const senders = await fundSenders(net, senderCount);
  const watch = startWatch(net);
  const kept: Kept = { net, senders, watch, acknowledged: [], begins: new Map(), rows: [] };
  return {
    watch,
    under: (name, blows) => under(kept, name, blows),
    beginsAt: (at, height) => void kept.begins.set(at, height),
    async progress(blocks) {
      const begunMs = performance.now();
      const from = watch.top();
      await until(`${blocks} more blocks are final`, async () => watch.top() >= from + blocks);
      return performance.now() - begunMs;
    },
    async caughtUp(at) {
      const begunMs = performance.now();
      const target = watch.top();
      await until(`node ${at + 1} is at block ${target}`, async () => {
        return ((await headOf(net.url(at)))?.height ?? 0) >= target;
      });
      return performance.now() - begunMs;
    },
    async end(title) {
      await watch.stop();
      await net.end();
      printTable(title, kept.rows);
    },
  };
}

interface Kept {
  readonly net: ValidatorNet;
  readonly senders: readonly Identity[];
  readonly watch: Watch;
  readonly acknowledged: Acknowledged[];
  readonly begins: Map<number, number>;
  readonly rows: Row[];
}

async function under(kept: Kept, name: string, blows: () => Promise<number>): Promise<void> {
  const { net, senders, watch, acknowledged, begins, rows } = kept;
  const load = startLoad(net, senders);
  const before = watch.top();
  await until('transfers run', async () => load.acknowledged.length > 0);
  const done = await blows().finally(() => load.stop());
  acknowledged.push(...load.acknowledged);
  const healedMs = performance.now();
  const { blocks } = await checkAgreement(net, { acknowledged, watch, begins });
  const checkMs = Math.round(performance.now() - healedMs);
  expect(load.surprises).toEqual([]);
  const times = load.acknowledged.map(({ atMs }) => atMs);
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? at));
  rows.push({
    ...{ done: name, blows: done, transfers: times.length, blocks: blocks - before },
    ...{ 'longest gap ms': Math.round(Math.max(0, ...gaps)), 'check ms': checkMs },
  });
}
