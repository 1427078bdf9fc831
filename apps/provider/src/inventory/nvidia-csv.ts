/**
 * `nvidia-smi --query-gpu=… --format=csv,noheader,nounits`. Its manual does not promise that the output
 * stays compatible, so fields are asked for by name and read by position. An old driver refuses a whole
 * query for one field it does not know, on standard output and with exit code 2; then the short query,
 * which every driver of the last ten years knows, is asked.
 */
import { type Gpu, gpuOf, type Parsed, parsedGpus } from './gpu.ts';
import { bytesFact, idHashOf, numberFact, textFact } from './read-fact.ts';

const shortFields = ['index', 'uuid', 'name', 'driver_version', 'memory.total', 'memory.used'];

/** All fields; `memory.*` in MiB. */
export const nvidiaFields: readonly string[] = [
  ...shortFields,
  'utilization.gpu',
  'temperature.gpu',
  'power.draw',
  'power.limit',
  'compute_cap',
  'mig.mode.current',
];

/** What is asked when a field of the long query is not known. */
export const nvidiaShortFields: readonly string[] = shortFields;

/** Arguments of a query. */
export function nvidiaQuery(fields: readonly string[]): readonly string[] {
  return [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader,nounits'];
}

/** True for the answer that a field is not known. */
export function isFieldRefusal(text: string): boolean {
  return /is not a valid field to query/i.test(text);
}

/** Cards and whether one of them is cut into slices. */
export type NvidiaParsed = Parsed & { readonly hasSlices?: boolean };

/** The cards of the output of a query for these fields. A line that was cut off is left out. */
export function parseNvidiaCsv(text: string, fields: readonly string[]): NvidiaParsed {
  const gpus: Gpu[] = [];
  let hasSlices = false;
  for (const line of text.split(/\r?\n/)) {
    const cells = line.split(',').map((cell) => cell.trim());
    if (cells.length !== fields.length) continue;
    const of = (field: string) => cells[fields.indexOf(field)];
    const gpu = gpuOfCells(of);
    if (!gpu) continue;
    gpus.push(gpu);
    hasSlices ||= /^enabled$/i.test(of('mig.mode.current') ?? '');
  }
  return { ...parsedGpus(gpus, firstLineOf(text)), hasSlices };
}

function gpuOfCells(of: (field: string) => string | undefined): Gpu | undefined {
  const index = numberFact(of('index'));
  const name = textFact(of('name'));
  if (index === null || name === null) return undefined;
  return gpuOf({
    vendor: 'nvidia',
    index,
    name,
    idHash: idHashOf(of('uuid')),
    memoryBytes: bytesFact(of('memory.total'), 'mib'),
    memoryUsedBytes: bytesFact(of('memory.used'), 'mib'),
    busyPercent: numberFact(of('utilization.gpu')),
    temperatureC: numberFact(of('temperature.gpu')),
    powerW: numberFact(of('power.draw')),
    powerLimitW: numberFact(of('power.limit')),
    driver: textFact(of('driver_version')),
    architecture: textFact(of('compute_cap')),
  });
}

/** What the tool said instead of cards: it complains on its output. */
function firstLineOf(text: string): string {
  const line = text.split(/\r?\n/).find((candidate) => candidate.trim() !== '');
  return line === undefined ? 'it named no card' : (textFact(line) ?? 'it named no card');
}
