/**
 * `amd-smi static --json` with `amd-smi metric --json`. The shape differs between versions of ROCm: a list
 * of cards, an object with the list in `gpu_data`, or one card alone; a value is `{value, unit}`, a bare
 * number, or `"N/A"`. Both outputs count cards by `gpu`.
 */
import { type Gpu, gpuOf, type Parsed, parsedGpus } from './gpu.ts';
import { at, bytesFact, idHashOf, jsonOf, numberFact, textFact } from './read-fact.ts';

const bytesPerGB = 1e9;

/** The cards of both outputs; the second may be empty. */
export function parseAmdSmi(staticText: string, metricText: string): Parsed {
  const cards = cardsIn(jsonOf(staticText));
  if (cards === undefined) return { trouble: 'its answer is no JSON that could be read' };
  const metrics = new Map((cardsIn(jsonOf(metricText)) ?? []).map((row) => [at(row, 'gpu'), row]));
  const gpus = cards.flatMap((card, place) => {
    const gpu = gpuOfCard(card, metrics.get(at(card, 'gpu')), place);
    return gpu ? [gpu] : [];
  });
  return parsedGpus(gpus, 'it named no card');
}

function cardsIn(json: unknown): readonly unknown[] | undefined {
  if (json === undefined) return undefined;
  const list = at(json, 'gpu_data') ?? json;
  return Array.isArray(list) ? list : [list];
}

function gpuOfCard(card: unknown, metric: unknown, place: number): Gpu | undefined {
  const name =
    textFact(at(card, 'asic', 'market_name')) ?? textFact(at(card, 'board', 'product_name'));
  if (name === null) return undefined;
  const vram = at(card, 'vram');
  const power = at(metric, 'power');
  return gpuOf({
    vendor: 'amd',
    index: numberFact(at(card, 'gpu')) ?? place,
    name,
    idHash: idHashOf(at(card, 'asic', 'asic_serial') ?? at(card, 'bus', 'bdf')),
    memoryBytes:
      bytesFact(at(vram, 'size') ?? at(vram, 'size_mb'), 'mb') ??
      bytesFact(at(metric, 'mem_usage', 'total_vram'), 'mb'),
    memoryUsedBytes: bytesFact(at(metric, 'mem_usage', 'used_vram'), 'mb'),
    busyPercent: numberFact(at(metric, 'usage', 'gfx_activity')),
    temperatureC:
      numberFact(at(metric, 'temperature', 'hotspot')) ??
      numberFact(at(metric, 'temperature', 'edge')),
    powerW: numberFact(at(power, 'socket_power')) ?? numberFact(at(power, 'current_socket_power')),
    powerLimitW: numberFact(at(card, 'limit', 'max_power')) ?? numberFact(at(power, 'power_limit')),
    driver:
      textFact(at(card, 'driver', 'version')) ?? textFact(at(card, 'driver', 'driver_version')),
    architecture: textFact(at(card, 'asic', 'target_graphics_version')),
    bandwidthBytesPerSecond: bandwidthOf(at(vram, 'max_bandwidth')),
  });
}

/** In GB/s; newer versions only. */
function bandwidthOf(value: unknown): number | null {
  const text = typeof value === 'string' ? value.replace(/\s*GB\/s$/i, '') : value;
  const amount = numberFact(text);
  return amount === null ? null : amount * bytesPerGB;
}
