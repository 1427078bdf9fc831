import { describe, expect, it } from 'vitest';
import { byteTargets } from './fuzz/byte-targets.mjs';
import { Violation } from './fuzz/check.mjs';
import { loadCorpus } from './fuzz/corpus.mjs';
import { loadInternals } from './fuzz/internals.mjs';
import { journalTargets } from './fuzz/journal-targets.mjs';
import { jsonTargets } from './fuzz/json-targets.mjs';
import { mutateBytes } from './fuzz/mutate.mjs';
import { randomOf } from './fuzz/random.mjs';
import { runTarget } from './fuzz/run.mjs';

const cases = 400;
const bounds = { caseMs: 2_000, caseGrowthMiB: 256 }; // other tests run beside this one
const corpus = loadCorpus();
const internals = await loadInternals('src');
const targets = [
  ...byteTargets(corpus, internals),
  ...jsonTargets(corpus),
  ...journalTargets(corpus, internals),
];
const few = { seed: 'test', isOver: (done: number) => done >= cases, bounds };

describe('a decoder holds against mutated encodings', () => {
  it.each(targets)('$name', async (target) => {
    const { fault, accepted, refused } = await runTarget(target, few);
    const hexOf = fault && `${fault.error.stack}\n${Buffer.from(fault.bytes).toString('hex')}`;
    expect(hexOf).toBeUndefined();
    expect(accepted).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });
});

describe('the fuzzer', () => {
  const planted = (check: (bytes: Uint8Array) => boolean) => ({
    name: 'planted',
    mutate: (random: ReturnType<typeof randomOf>) => mutateBytes(random, corpus.txs),
    check,
  });

  it.each([
    ['a decoder that throws', (bytes: Uint8Array) => bytes.length > 300 && JSON.parse('{')],
    ['an input that is changed', (bytes: Uint8Array) => bytes.fill(0).length > 0],
    [
      'a broken property',
      () => {
        throw new Violation('planted');
      },
    ],
  ])('finds %s', async (_, check) => {
    const { fault } = await runTarget(planted(check), few);
    expect(fault?.bytes.length).toBeGreaterThan(0);
  });

  it('finds a slow case', async () => {
    const slow = planted(() => {
      for (const endMs = performance.now() + 5; performance.now() < endMs; );
      return true;
    });
    const { fault } = await runTarget(slow, { ...few, bounds: { caseMs: 1 } });
    expect(fault?.error.message).toMatch(/^it took/);
  });

  it('makes the same cases from the same seed', () => {
    const make = (seed: string) => mutateBytes(randomOf(seed, 'a', 3), corpus.txs);
    expect(make('1')).toEqual(make('1'));
    expect(make('1')).not.toEqual(make('2'));
  });
});
