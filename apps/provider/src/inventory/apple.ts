/**
 * `system_profiler SPDisplaysDataType -json`. An Apple chip has no memory of its own: what it can use is that
 * of the machine (`sysctl -n hw.memsize`), and shown as shared. Older Macs have cards with `spdisplays_vram`.
 * The entries also hold serial numbers of screens; nothing of them is read.
 */
import { type Gpu, gpuOf, type Parsed, parsedGpus } from './gpu.ts';
import { at, bytesFact, jsonOf, numberFact, textFact } from './read-fact.ts';

/** The chips and cards; `memsize` is the output of `sysctl -n hw.memsize`, or empty. */
export function parseApple(text: string, memsize: string): Parsed {
  const rows = at(jsonOf(text), 'SPDisplaysDataType');
  if (!Array.isArray(rows)) return { trouble: 'its answer is no JSON that could be read' };
  const gpus = rows.flatMap((row: unknown, index) => {
    const gpu = gpuOfRow(row, { index, memoryBytes: numberFact(memsize.trim()) });
    return gpu ? [gpu] : [];
  });
  return parsedGpus(gpus, 'it named no chip and no card');
}

function gpuOfRow(
  row: unknown,
  machine: { readonly index: number; readonly memoryBytes: number | null },
): Gpu | undefined {
  const model = textFact(at(row, 'sppci_model')) ?? textFact(at(row, '_name'));
  if (model === null) return undefined;
  const isApple = /^apple /i.test(model) || /apple/i.test(String(at(row, 'spdisplays_vendor')));
  const own = bytesFact(at(row, 'spdisplays_vram') ?? at(row, 'spdisplays_vram_shared'), 'mb');
  const cores = numberFact(at(row, 'sppci_cores'));
  const metal = textFact(at(row, 'spdisplays_mtlgpufamilysupport') ?? at(row, 'spdisplays_metal'));
  return gpuOf({
    vendor: isApple ? 'apple' : vendorOf(model),
    index: machine.index,
    name: cores === null ? model : `${model}, ${cores} cores`,
    memoryBytes: isApple ? machine.memoryBytes : own,
    sharesMemory: isApple || at(row, 'spdisplays_vram_shared') !== undefined,
    architecture: metal?.replace(/^spdisplays_/, '') ?? null,
  });
}

/** Macs with Intel processors have cards of AMD or NVIDIA, or a part of the processor, sold by Apple. */
function vendorOf(model: string): Gpu['vendor'] {
  if (/amd|radeon|ati /i.test(model)) return 'amd';
  return /nvidia|geforce/i.test(model) ? 'nvidia' : 'apple';
}
