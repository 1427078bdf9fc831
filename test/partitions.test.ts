/**
 * A network that falls apart and comes together again: three against one, two against two, for shorter and
 * for longer than connections survive. The side with a quorum goes on, no other makes anything final, and
 * afterwards all have the same chain.
 *
 * Cut are the cables between network namespaces where the machine allows it (root, `ip`), else TCP proxies
 * between the nodes; the table says which. AITBC_CHAOS_LINES=proxies asks for proxies.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { breakableLines } from '@aitbc/cli/net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Beating, startBeating } from './net/blows.ts';
import { headOf } from './net/rpc.ts';
import { startValidators, type ValidatorNet } from './net/validator-net.ts';

const rounds = Number(process.env.AITBC_CHAOS_ROUNDS ?? '1');
const timeout = 120_000 * rounds;
const shortMs = 3_000;
const longMs = 12_000; // a mesh connection that is silent for ten seconds is given up

let net: ValidatorNet;
let beating: Beating;

beforeAll(async () => {
  const wish = process.env.AITBC_CHAOS_LINES === 'proxies' ? 'proxies' : undefined;
  const lines = (meshPorts: readonly number[]) => breakableLines(meshPorts, wish);
  net = await startValidators({ validators: 4, lines });
  beating = await startBeating(net);
});
afterAll(() => beating?.end(`partitions, cut by ${net.lines.kind}`) ?? net?.end());

const heightOf = async (at: number) => (await headOf(net.url(at)))?.height ?? 0;

it('goes on with three against one, and the one makes nothing final', { timeout }, async () => {
  await beating.under('3 | 1', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const alone = round % 4;
      const others = [0, 1, 2, 3].filter((at) => at !== alone);
      net.lines.split(others, [alone]);
      await sleep(500); // what was on its way may still become final
      const before = await heightOf(alone);
      await beating.progress(5);
      await sleep(shortMs);
      expect(await heightOf(alone), 'the one that is alone stands still').toBe(before);
      net.lines.heal();
      await beating.caughtUp(alone);
    }
    return rounds;
  });
});

it('stands still with two against two, and goes on when they meet', { timeout }, async () => {
  await beating.under('2 | 2', async () => {
    for (let round = 0; round < rounds; round += 1) {
      await standstill([0, 1], [2, 3], shortMs);
      await standstill([0, 2], [1, 3], longMs);
    }
    return 2 * rounds;
  });
});

async function standstill(first: readonly number[], second: readonly number[], ms: number) {
  net.lines.split(first, second);
  await sleep(500);
  const before = beating.watch.top();
  await sleep(ms);
  expect(beating.watch.top(), 'no side makes anything final').toBe(before);
  net.lines.heal();
  await beating.progress(3);
}
