import { sha256Hex, utf8 } from '@aitbc/primitives';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAmdSmi } from './amd-smi.ts';
import { parseApple } from './apple.ts';
import type { Gpu, Parsed } from './gpu.ts';
import { isFieldRefusal, nvidiaFields, nvidiaShortFields, parseNvidiaCsv } from './nvidia-csv.ts';
import { parseNvidiaXml } from './nvidia-xml.ts';
import { readInventory } from './read-inventory.ts';
import { parseRocmSmi } from './rocm-smi.ts';
import { createRunTool, type RunTool, type ToolAnswer } from './run-tool.ts';
import * as outputs from './testing/tool-outputs.ts';

const mib = 1_048_576;

function cards(parsed: Parsed): readonly Gpu[] {
  if ('gpus' in parsed) return parsed.gpus;
  throw new Error(parsed.trouble);
}

const csv = (text: string, fields = nvidiaFields) => cards(parseNvidiaCsv(text, fields));

describe('nvidia-smi', () => {
  it('names every card, and what a card does not tell is null', () => {
    const [first, second] = csv(outputs.nvidiaTwoCards);
    expect(first).toEqual({
      vendor: 'nvidia',
      index: 0,
      name: 'NVIDIA GeForce RTX 4090',
      idHash: sha256Hex(utf8('gpu-11111111-2222-3333-4444-555555555555')),
      memoryBytes: 24_564 * mib,
      memoryUsedBytes: 1_024 * mib,
      sharesMemory: false,
      busyPercent: 87,
      temperatureC: 71,
      powerW: 312.45,
      powerLimitW: 450,
      driver: '550.54.14',
      architecture: '8.9',
      bandwidthBytesPerSecond: null,
      slice: null,
    });
    expect(second).toMatchObject({ index: 1, busyPercent: 0, powerW: null, powerLimitW: null });
  });

  it('leaves out a line that was cut off', () => {
    expect(csv(outputs.nvidiaTwoCards.slice(0, -20)).map(({ index }) => index)).toEqual([0]);
  });

  it('says what the tool says instead of cards', () => {
    const parsed = parseNvidiaCsv(outputs.nvidiaNoDriver, nvidiaFields);
    expect(parsed).toMatchObject({ trouble: expect.stringContaining('NVIDIA driver') });
    expect(parseNvidiaCsv('', nvidiaFields)).toMatchObject({ trouble: 'it named no card' });
    expect(isFieldRefusal(outputs.nvidiaFieldRefusal)).toBe(true);
    expect(csv(outputs.nvidiaShort, nvidiaShortFields)[0]).toMatchObject({ architecture: null });
  });

  it('lists a card that is cut into slices as its slices, and a whole one as it is', () => {
    const found = cards(parseNvidiaXml(outputs.nvidiaMigXml));
    const facts = found.map(({ index, slice, memoryBytes, memoryUsedBytes, busyPercent }) => [
      ...[index, slice, Number(memoryBytes) / mib, Number(memoryUsedBytes) / mib, busyPercent],
    ]);
    expect(facts).toEqual([
      [0, 0, 40_192, 37, null],
      [0, 1, 19_968, 25, null],
      [1, null, 81_920, 2_048, 12],
    ]);
    expect(found[0]).toMatchObject({ temperatureC: 41, powerW: 88.1, driver: '535.129.03' });
    const cut = outputs.nvidiaMigXml.slice(0, outputs.nvidiaMigXml.indexOf('15:00.0'));
    expect(cards(parseNvidiaXml(cut))).toHaveLength(2);
  });
});

describe('tools of AMD', () => {
  it('are read in both shapes of amd-smi', () => {
    const [big, small] = cards(parseAmdSmi(outputs.amdStaticList, outputs.amdMetricList));
    expect(big).toMatchObject({
      vendor: 'amd',
      name: 'AMD Instinct MI300X',
      memoryBytes: 196_592 * mib,
      memoryUsedBytes: 283 * mib,
      bandwidthBytesPerSecond: 5.325e12,
      busyPercent: 64,
      temperatureC: 61,
      powerW: 512,
      powerLimitW: 750,
      architecture: 'gfx942',
      driver: '6.10.5',
    });
    const nothing = { busyPercent: null, temperatureC: null, bandwidthBytesPerSecond: null };
    expect(small).toMatchObject({ memoryBytes: 34_359_738_368, ...nothing });
    const [object] = cards(parseAmdSmi(outputs.amdStaticObject, ''));
    expect(object).toMatchObject({ name: 'AMD Radeon RX 7800 XT', memoryUsedBytes: null });
  });

  it('are read from rocm-smi behind a line of warning', () => {
    const found = cards(parseRocmSmi(outputs.rocmTwoCards));
    expect(found[0]).toMatchObject({
      ...{ name: 'AMD Radeon RX 7900 XTX', memoryBytes: 25_753_026_560, temperatureC: 52 },
      ...{ busyPercent: 12, powerW: 60, driver: '6.8.5', architecture: 'gfx1100' },
    });
    expect(found[1]).toMatchObject({ name: 'Navi 21', busyPercent: null, idHash: null });
  });

  it('say nothing that can be read when they are cut off', () => {
    expect(parseAmdSmi(outputs.amdStaticList.slice(0, -9), '')).toHaveProperty('trouble');
    expect(parseRocmSmi(outputs.rocmTwoCards.slice(0, -2))).toHaveProperty('trouble');
    expect(
      cards(parseAmdSmi(outputs.amdStaticList, outputs.amdMetricList.slice(0, 40)))[0],
    ).toMatchObject({
      busyPercent: null,
    });
  });
});

describe('system_profiler', () => {
  it('names the chip with the memory of the machine as shared, and no serial number', () => {
    const [chip] = cards(parseApple(outputs.appleChip, '51539607552\n'));
    expect(chip).toMatchObject({
      ...{ vendor: 'apple', name: 'Apple M4 Pro, 20 cores', sharesMemory: true },
      ...{ memoryBytes: 51_539_607_552, architecture: 'metal3', idHash: null },
    });
    expect(JSON.stringify(chip)).not.toContain('not to be read');
    expect(cards(parseApple(outputs.appleIntel, ''))[0]).toMatchObject({
      ...{ vendor: 'amd', memoryBytes: 4_294_967_296, sharesMemory: false },
    });
  });
});

/** Tools that answer what a table says; all others are absent. */
function toolsOf(answers: Readonly<Record<string, ToolAnswer>>): { run: RunTool; calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    run: async (name, args) => {
      const call = [name, ...args].join(' ');
      calls.push(call);
      const key = Object.keys(answers).find((start) => call.startsWith(start));
      return (key && answers[key]) || { kind: 'absent' };
    },
  };
}

const said = (text: string, exitCode = 0): ToolAnswer => ({ kind: 'text', text, exitCode });

describe('the inventory', () => {
  it('is empty and without trouble where there is no tool', async () => {
    const nothing = { source: null, gpus: [], troubles: [] };
    expect(await readInventory(toolsOf({}).run, 'linux')).toEqual(nothing);
    expect(await readInventory(toolsOf({}).run, 'darwin')).toEqual(nothing);
  });

  it('asks an old driver again with fewer fields', async () => {
    const long = `nvidia-smi --query-gpu=${nvidiaFields.join(',')} `;
    const { run, calls } = toolsOf({
      [long]: said(outputs.nvidiaFieldRefusal, 2),
      'nvidia-smi --query': said(outputs.nvidiaShort),
    });
    const { gpus, source } = await readInventory(run, 'linux');
    expect(gpus).toMatchObject([{ name: 'Tesla V100-SXM2-16GB' }]);
    expect(source).toBe('nvidia-smi');
    expect(calls.filter((call) => call.startsWith('nvidia-smi'))).toHaveLength(2);
  });

  it('asks for the XML only where a card is cut into slices', async () => {
    const sliced = toolsOf({
      'nvidia-smi --query': said(outputs.nvidiaMigCard),
      'nvidia-smi -q': said(outputs.nvidiaMigXml),
    });
    expect((await readInventory(sliced.run, 'linux')).gpus).toHaveLength(3);
    const broken = toolsOf({
      'nvidia-smi --query': said(outputs.nvidiaMigCard),
      'nvidia-smi -q': { kind: 'flood' },
    });
    expect((await readInventory(broken.run, 'linux')).gpus).toMatchObject([{ slice: null }]);
    const whole = toolsOf({ 'nvidia-smi --query': said(outputs.nvidiaTwoCards) });
    await readInventory(whole.run, 'linux');
    expect(whole.calls).not.toContain('nvidia-smi -q -x');
  });

  it('joins cards of two makers, and tells of a tool that failed or hung', async () => {
    const { run } = toolsOf({
      'nvidia-smi': said(outputs.nvidiaNoDriver, 9),
      'amd-smi': { kind: 'hung', timeoutMs: 5_000 },
      'rocm-smi': said(outputs.rocmTwoCards),
    });
    const { gpus, source, troubles } = await readInventory(run, 'linux');
    expect([gpus.length, source]).toEqual([2, 'rocm-smi']);
    expect(troubles).toEqual([expect.stringMatching(/^nvidia-smi: NVIDIA-SMI has failed/)]);
    const hung = toolsOf({ 'nvidia-smi': { kind: 'hung', timeoutMs: 5_000 } });
    const { troubles: told } = await readInventory(hung.run, 'linux');
    expect(told).toEqual(['nvidia-smi: no answer within 5000 ms']);
  });
});

describe('running a tool', () => {
  const node = process.execPath;

  it('gives its output and its complaints, and knows when it is absent', async () => {
    const run = createRunTool();
    expect(await run(node, ['-p', '6*7'])).toEqual(said('42\n'));
    const script = 'console.error("no driver"); process.exit(9)';
    expect(await run(node, ['-e', script])).toEqual(said('no driver\n', 9));
    expect(await run('no-such-tool-of-any-maker', [])).toEqual({ kind: 'absent' });
  });

  it('ends a tool that hangs', async () => {
    const run = createRunTool({ timeoutMs: 150 });
    const answer = await run(node, ['-e', 'setInterval(() => {}, 1000)']);
    expect(answer).toEqual({ kind: 'hung', timeoutMs: 150 });
  });
});

describe('every parser', () => {
  const parsers: Readonly<Record<string, (text: string) => Parsed>> = {
    csv: (text) => parseNvidiaCsv(text, nvidiaFields),
    xml: parseNvidiaXml,
    amd: (text) => parseAmdSmi(text, text),
    rocm: parseRocmSmi,
    apple: (text) => parseApple(text, text),
  };
  const samples = Object.values(outputs);

  it.each(Object.keys(parsers))(
    '%s answers cards or a sentence for whatever is printed',
    (name) => {
      const parse = parsers[name]!;
      const check = (text: string): void => {
        const parsed = parse(text);
        if ('trouble' in parsed) expect(parsed.trouble).not.toBe('');
        for (const { memoryBytes, name: called } of 'gpus' in parsed ? parsed.gpus : []) {
          expect(called).not.toMatch(/\p{Cc}/u);
          expect(memoryBytes === null || Number.isSafeInteger(memoryBytes)).toBe(true);
        }
      };
      fc.assert(fc.property(fc.string(), check));
      fc.assert(fc.property(fc.json(), check));
      const cuts = fc.tuple(
        fc.constantFrom(...samples),
        fc.nat(4_000),
        fc.string({ maxLength: 4 }),
      );
      fc.assert(
        fc.property(cuts, ([text, at, extra]) =>
          check(text.slice(0, at) + extra + text.slice(at + 2)),
        ),
      );
    },
  );
});
