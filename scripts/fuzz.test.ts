import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as protocol from '@aitbc/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { jsonOf, readsJson, Violation } from './fuzz/check.mjs';
import { loadCorpus } from './fuzz/corpus.mjs';
import { decoderTargets } from './fuzz/decoders/all.mjs';
import { demandDeclared } from './fuzz/endpoints/answers.mjs';
import { httpTables, plainRoutes, socketTable } from './fuzz/endpoints/surfaces.mjs';
import { endpointTargets } from './fuzz/endpoints/targets.mjs';
import { loadInternals } from './fuzz/internals.mjs';
import { forgottenReaders, listSources, staleNames } from './fuzz/inventory.mjs';
import { runLong } from './fuzz/long-run.mjs';
import { mutateBytes } from './fuzz/mutate.mjs';
import { randomOf } from './fuzz/random.mjs';
import { runTarget } from './fuzz/run.mjs';
import { varyJson } from './fuzz/vary.mjs';

const totalMs = 8_000; // a share for each target, whatever the machine; the long run is `node scripts/fuzz.mjs`
const casesMax = 120;
const casesMin = 12;
const bounds = { caseMs: 4_000, caseGrowthMiB: 256 }; // other tests run beside this one
type Random = ReturnType<typeof randomOf>;

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
    const isOver = (drawn: number) =>
      drawn >= casesMin && (drawn >= casesMax || performance.now() > endMs);
    const { fault } = await runTarget(target, { seed: 'test', isOver, bounds, size: 2 });
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
    mutate: (random: Random) => mutateBytes(random, corpus.txs),
    check,
  });
  const few = { seed: 'test', isOver: (drawn: number) => drawn >= 400, bounds };

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

  it('finds the large case of a block', async () => {
    const kept: Buffer[] = [];
    const large = planted((bytes) => {
      if (bytes.length % 16 === 0) kept.push(Buffer.alloc(8 * 1_048_576));
      return true;
    });
    const { fault } = await runTarget(large, { ...few, bounds: { caseGrowthMiB: 4 } });
    expect(fault?.error.message).toMatch(/^one case took/);
    expect((fault?.bytes.length ?? 1) % 16).toBe(0);
  });

  it('counts no text that never reached its decoder', async () => {
    const check = readsJson(() => true);
    const texts = ['{', '{}'].map((text) => new Uint8Array(Buffer.from(text)));
    const target = { name: 'texts', mutate: ({ pick }: Random) => pick(texts), check };
    const { cases, unread } = await runTarget(target, few);
    expect(Math.min(cases, unread)).toBeGreaterThan(50);
    expect(cases + unread).toBe(448);
  });

  it('goes on where a long run ended, and keeps the rows of others', async () => {
    const seen: string[] = [];
    const target = planted((bytes) => seen.push(Buffer.from(bytes).toString('hex')) > 0);
    const folder = mkdtempSync(join(tmpdir(), 'aitbc-fuzz-long-'));
    undo.push(() => rmSync(folder, { recursive: true }));
    const options = { seed: 'a', file: join(folder, 'state.json'), isOver: () => false, tell() {} };
    await runLong([{ ...target, name: 'other' }], { ...options, wanted: 64 });
    seen.length = 0;
    await runLong([target], { ...options, wanted: 100 });
    expect(seen).toHaveLength(128);
    const [row] = await runLong([target], { ...options, wanted: 192 });
    expect(row).toMatchObject({
      name: 'planted',
      cases: 192,
      accepted: 192,
      blocks: 3,
      fault: null,
    });
    const inOne: string[] = [];
    const again = planted((bytes) => inOne.push(Buffer.from(bytes).toString('hex')) > 0);
    await runLong([again], { ...options, file: '', wanted: 192 });
    expect(inOne).toEqual(seen);
    const state = JSON.parse(readFileSync(options.file, 'utf8'));
    expect(state).toMatchObject({ targets: 2, complete: 1, cases: 256 });
    await expect(runLong([target], { ...options, seed: 'b', wanted: 1 })).rejects.toThrow(/seed a/);
  });

  it('makes relatives of a JSON text that differ from it and are mostly JSON', () => {
    const value = { name: 'é🦙"\\', list: [1, -2.5e3, true, null, { deep: [] }], '': 'ab' };
    const text = JSON.stringify(value);
    const vary = varyJson(new Uint8Array(Buffer.from(text)));
    const all = Array.from({ length: 2_000 }, (_, at) =>
      Buffer.from(vary(randomOf('a', 'b', at))).toString('utf8'),
    );
    const readable = all.filter((one) => jsonOf(new Uint8Array(Buffer.from(one))));
    expect(readable.length).toBeGreaterThan(1_500);
    expect(new Set(all).size).toBeGreaterThan(500);
    expect(all.filter((one) => one === text).length).toBeLessThan(100);
    const names = readable.map((one) => Object.keys(Object(JSON.parse(one))).join());
    expect(names).toEqual(expect.arrayContaining(['name,', 'name,list', 'list,']));
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
