import * as protocol from '@aitbc/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { Violation } from './fuzz/check.mjs';
import { loadCorpus } from './fuzz/corpus.mjs';
import { decoderTargets } from './fuzz/decoders/all.mjs';
import { demandDeclared } from './fuzz/endpoints/answers.mjs';
import { httpTables, plainRoutes, socketTable } from './fuzz/endpoints/surfaces.mjs';
import { endpointTargets } from './fuzz/endpoints/targets.mjs';
import { loadInternals } from './fuzz/internals.mjs';
import { forgottenReaders, listSources, staleNames } from './fuzz/inventory.mjs';
import { mutateBytes } from './fuzz/mutate.mjs';
import { randomOf } from './fuzz/random.mjs';
import { runTarget } from './fuzz/run.mjs';

const totalMs = 8_000; // a share for each target, whatever the machine; the long run is `node scripts/fuzz.mjs`
const casesMax = 120;
const casesMin = 12;
const bounds = { caseMs: 4_000, caseGrowthMiB: 256 }; // other tests run beside this one
const undo: (() => void)[] = [];
const corpus = loadCorpus();
const internals = await loadInternals('src');
const targets = decoderTargets(corpus, internals, undo);
const network = endpointTargets(corpus, { undo }).targets;

afterAll(() => {
  for (const step of undo.reverse()) step();
});

describe('a decoder holds against valid, near, mutated and hostile cases', () => {
  it.each(targets)('$name', async (target) => {
    const endMs = performance.now() + totalMs / targets.length;
    const isOver = (done: number) =>
      done >= casesMin && (done >= casesMax || performance.now() > endMs);
    const { fault } = await runTarget(target, { seed: 'test', isOver, bounds });
    const hexOf = fault && `${fault.error.stack}\n${Buffer.from(fault.bytes).toString('hex')}`;
    expect(hexOf).toBeUndefined();
  });
});

describe('no reader and no endpoint is forgotten', () => {
  it('each exported reader has a target, or a reason', () => {
    expect(forgottenReaders(targets)).toEqual([]);
    expect(staleNames()).toEqual([]);
  });

  it('each row of each endpoint table has a target', () => {
    const rows = (name: RegExp) =>
      Object.entries(protocol)
        .filter(([key]) => name.test(key))
        .flatMap(([, table]) => Object.values(table as object));
    const known: unknown[] = [
      ...Object.values(httpTables).flatMap((table) => Object.values(table)),
      ...Object.values(socketTable),
    ];
    expect(rows(/Endpoints$/).length).toBeGreaterThan(100);
    expect(rows(/Endpoints$|Rpc$/).filter((row) => !known.includes(row))).toEqual([]);
    const names = network.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const [daemon, table] of Object.entries(httpTables)) {
      for (const name of Object.keys(table)) expect(names).toContain(`${daemon} ${name}`);
    }
    for (const name of Object.keys(socketTable)) expect(names).toContain(`node socket ${name}`);
  });

  it('each route beside the tables has a target', () => {
    const known: string[] = Object.values(plainRoutes).flat();
    const routes = [...listSources().routes.keys()];
    expect(routes.length).toBeGreaterThan(8);
    expect(routes.filter((route) => !known.includes(route))).toEqual([]);
  });

  it('each endpoint makes cases of every kind from its schema', () => {
    for (const target of network) {
      const cases = Array.from({ length: 24 }, (_, at) => target.mutate(randomOf('a', 'b', at)));
      expect(
        new Set(cases.map((bytes) => Buffer.from(bytes).toString('hex'))).size,
      ).toBeGreaterThan(2);
    }
  });
});

describe('the fuzzer', () => {
  const planted = (check: (bytes: Uint8Array) => boolean) => ({
    name: 'planted',
    mutate: (random: ReturnType<typeof randomOf>) => mutateBytes(random, corpus.txs),
    check,
  });
  const few = { seed: 'test', isOver: (done: number) => done >= 400, bounds };

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

  it('is not content with an undeclared failure', () => {
    const answer = (status: number, body: object) => () =>
      demandDeclared({ status, head: '', text: JSON.stringify(body) });
    expect(answer(500, { code: 'INTERNAL' })).toThrow(Violation);
    expect(answer(503, { message: 'no code' })).toThrow(Violation);
    expect(answer(503, { code: 'MADE_UP' })).toThrow(Violation);
    expect(answer(400, { code: 'UNAVAILABLE' })).toThrow(Violation);
    expect(answer(200, { error: { code: -32603 } })).toThrow(Violation);
    expect(answer(503, { code: 'UNAVAILABLE' })).not.toThrow();
    expect(answer(404, { message: 'no code' })).not.toThrow();
  });

  it('makes the same cases from the same seed', () => {
    const make = (seed: string) => mutateBytes(randomOf(seed, 'a', 3), corpus.txs);
    expect(make('1')).toEqual(make('1'));
    expect(make('1')).not.toEqual(make('2'));
  });
});
