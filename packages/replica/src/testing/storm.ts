/**
 * A network in a storm, all of it drawn from a seed: messages are lost and overtake each other, links are cut for a
 * while, nodes crash and come back with their journal, clocks differ, and users go on paying. Then the storm ends.
 */

import { transfers } from './looks.ts';
import { createNet, type Net } from './net.ts';
import type { TestNode } from './node.ts';

/** What is left after a storm. */
export interface StormEnd {
  readonly net: Net;
  readonly transfers: number;
}

/** Numbers from 0 up to a bound, the same for the same seed. */
export function createLots(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Runs a storm of some rounds over four validators. */
export function storm(seed: number, rounds: number): StormEnd {
  const draw = createLots(seed);
  const net = createNet({
    validators: 4,
    params: { heartbeatMs: 300 + draw(700), epochBlocks: 3 + draw(10), hopMaxMs: 1_000 },
    hopMs: 1 + draw(20),
    storeMs: 1 + draw(30),
  });
  for (const node of net.nodes) node.wallSkewMs = draw(2_000);
  const lossPercent = draw(20);
  let isCut = (_from: TestNode, _to: TestNode): boolean => false;
  net.passes = ({ from, to }) => draw(100) >= lossPercent && !isCut(from, to);
  const jitterMs = 1 + draw(60);
  net.extraMs = () => draw(jitterMs);
  net.start();
  const [payee] = net.nodes as [TestNode];
  for (let nonce = 0; nonce < rounds; nonce += 1) {
    net.submit(payee, ...transfers(net, { nonce }));
    if (draw(4) === 0) net.restart(net.nodes[1 + draw(3)] as TestNode);
    if (draw(4) === 0) {
      const side = new Set(net.nodes.filter(() => draw(2) === 0));
      isCut = (from, to) => side.has(from) !== side.has(to);
    }
    if (draw(3) === 0) isCut = () => false;
    net.run(draw(600));
  }
  net.passes = () => true;
  return { net, transfers: rounds };
}
