/**
 * `rocm-smi … --json`, where amd-smi is absent: an object with one entry for each card, all values texts.
 * Titles differ between versions (`Card series` and `Card Series`), so they are compared in lower case.
 * Only the tables that are read are asked for: `--showallinfo` ends the whole tool on some versions.
 */
import { type Gpu, gpuOf, type Parsed, parsedGpus } from './gpu.ts';
import { bytesFact, idHashOf, jsonOf, numberFact, textFact } from './read-fact.ts';

/** Arguments of the call. */
export const rocmArguments: readonly string[] = [
  '--showproductname',
  '--showuniqueid',
  '--showmeminfo',
  'vram',
  '--showuse',
  '--showtemp',
  '--showpower',
  '--showdriverversion',
  '--json',
];

/** The cards of the output. */
export function parseRocmSmi(text: string): Parsed {
  const json = jsonOf(text);
  if (typeof json !== 'object' || json === null) {
    return { trouble: 'its answer is no JSON that could be read' };
  }
  const entries = Object.entries(json);
  const system = titlesOf(entries.find(([key]) => key === 'system')?.[1]);
  const driver = textFact(system.get('driver version'));
  const gpus = entries.flatMap(([key, value]) => {
    const index = /^card(\d+)$/.exec(key)?.[1];
    const gpu = index === undefined ? undefined : gpuOfCard(titlesOf(value), Number(index));
    return gpu ? [{ ...gpu, driver }] : [];
  });
  return parsedGpus(gpus, 'it named no card');
}

type Titles = ReadonlyMap<string, unknown>;

function titlesOf(value: unknown): Titles {
  if (typeof value !== 'object' || value === null) return new Map();
  return new Map(Object.entries(value).map(([title, cell]) => [title.toLowerCase(), cell]));
}

function gpuOfCard(card: Titles, index: number): Gpu | undefined {
  const first = <T>(read: (value: unknown) => T | null, ...titles: readonly string[]): T | null => {
    for (const title of titles) {
      const fact = read(card.get(title));
      if (fact !== null) return fact;
    }
    return null;
  };
  const name = first(textFact, 'card series', 'card model', 'device name', 'card sku');
  if (name === null) return undefined;
  return gpuOf({
    vendor: 'amd',
    index,
    name,
    idHash: first(idHashOf, 'unique id'),
    memoryBytes: first(bytesOf, 'vram total memory (b)'),
    memoryUsedBytes: first(bytesOf, 'vram total used memory (b)', 'vram used memory (b)'),
    busyPercent: first(numberFact, 'gpu use (%)'),
    temperatureC: first(
      numberFact,
      'temperature (sensor junction) (c)',
      'temperature (sensor edge) (c)',
    ),
    powerW: first(
      numberFact,
      'average graphics package power (w)',
      'current socket graphics package power (w)',
    ),
    architecture: first(textFact, 'gfx version'),
  });
}

function bytesOf(value: unknown): number | null {
  return bytesFact(value, 'b');
}
