import { expect, it } from 'vitest';
import { doubleVotesOf, forksOf, haveAll, heightOf } from './testing/looks.ts';
import { storm } from './testing/storm.ts';

const seeds = process.env.STORM_SEEDS ? Number(process.env.STORM_SEEDS) : 4;
const first = process.env.STORM_FIRST ? Number(process.env.STORM_FIRST) : 1;

it.each(Array.from({ length: seeds }, (_, at) => first + at))(
  'nothing forks in storm %i, nobody votes twice, and all is final soon after',
  (seed) => {
    const { net, transfers } = storm(seed, 30);
    expect(net.nodes.flatMap(doubleVotesOf)).toEqual([]);
    const tookMs = net.until(() => haveAll(net.nodes, transfers), 60_000);
    expect(tookMs).toBeLessThan(20_000);
    net.run(3_000);
    expect(forksOf(net.nodes)).toEqual([]);
    expect(new Set(net.nodes.map(heightOf)).size).toBeLessThan(3);
  },
);
