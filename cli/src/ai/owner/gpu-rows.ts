/** Cards as people read them. */
import type { Gpu, Inventory } from '@aitbc/provider/owner';
import type { Out } from '../../context/out.ts';

const gib = 2 ** 30;

/** A table, or a sentence when there is no card. */
export function gpuRows(out: Pick<Out, 'table'>, { gpus }: Inventory): string {
  if (gpus.length === 0) {
    return 'No graphics card was found. Models run on the processor then, which is slow for large ones.';
  }
  return out.table(gpus.map(rowOf), {
    head: ['card', 'name', 'memory', 'used', 'busy', 'temperature', 'power', 'driver'],
    right: [2, 3, 4, 5, 6],
  });
}

function rowOf(gpu: Gpu): string[] {
  const { index, slice, name, memoryBytes, memoryUsedBytes, sharesMemory, busyPercent } = gpu;
  const { temperatureC, powerW, driver } = gpu;
  const size = (bytes: number | null) => (bytes === null ? '–' : `${(bytes / gib).toFixed(1)} GiB`);
  const number = (value: number | null, unit: string) =>
    value === null ? '–' : `${Math.round(value)} ${unit}`;
  return [
    slice === null ? `${index}` : `${index}.${slice}`,
    name,
    `${size(memoryBytes)}${sharesMemory ? ' shared' : ''}`,
    size(memoryUsedBytes),
    number(busyPercent, '%'),
    number(temperatureC, '°C'),
    number(powerW, 'W'),
    driver ?? '–',
  ];
}
