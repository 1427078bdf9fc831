/**
 * `nvidia-smi -q -x`, for what the CSV lacks: the slices of a card in MIG mode. The card then gives `N/A`
 * for its own memory use, and each `<mig_device>` its own.
 *
 * The reader is no XML parser: it takes the text between two tags, which is all that this output needs
 * (no attributes are read, elements of one name do not nest, names hold no markup). An output that was
 * cut off loses its last card, never a part of one.
 */
import { type Gpu, gpuOf, type Parsed, parsedGpus } from './gpu.ts';
import { bytesFact, idHashOf, numberFact, textFact } from './read-fact.ts';

const mib = 'mib';

/** The cards; a card that is cut into slices as its slices. */
export function parseNvidiaXml(text: string): Parsed {
  const driver = textFact(inside(text, 'driver_version'));
  const cards = blocks(text, 'gpu').flatMap((block, index) => cardOf(block, { index, driver }));
  return parsedGpus(cards, 'its XML names no card');
}

interface Place {
  readonly index: number;
  readonly driver: string | null;
}

function cardOf(block: string, { index, driver }: Place): Gpu[] {
  const slices = blocks(inside(block, 'mig_devices') ?? '', 'mig_device');
  // What lies outside of the slices: their memory must not be taken for that of the card.
  const own = block.replace(/<mig_devices>[\s\S]*?<\/mig_devices>/, '');
  const name = textFact(inside(own, 'product_name'));
  if (name === null) return [];
  const memory = inside(own, 'fb_memory_usage') ?? '';
  const power = inside(own, 'gpu_power_readings') ?? inside(own, 'power_readings') ?? '';
  const card = gpuOf({
    vendor: 'nvidia',
    index,
    name,
    driver,
    idHash: idHashOf(inside(own, 'uuid')),
    memoryBytes: bytesFact(inside(memory, 'total'), mib),
    memoryUsedBytes: bytesFact(inside(memory, 'used'), mib),
    busyPercent: numberFact(inside(inside(own, 'utilization') ?? '', 'gpu_util')),
    temperatureC: numberFact(
      inside(inside(own, 'temperature') ?? '', 'gpu_temp')?.replace(/ C$/, ''),
    ),
    powerW: numberFact(inside(power, 'power_draw') ?? inside(power, 'instant_power_draw')),
    powerLimitW: numberFact(inside(power, 'current_power_limit') ?? inside(power, 'power_limit')),
  });
  return slices.length === 0 ? [card] : slices.map((slice, number) => sliceOf(card, slice, number));
}

function sliceOf(card: Gpu, block: string, number: number): Gpu {
  const memory = inside(block, 'fb_memory_usage') ?? '';
  const slice = numberFact(inside(block, 'index')) ?? number;
  const uuid = inside(block, 'uuid');
  return {
    ...card,
    slice,
    idHash: uuid === undefined ? card.idHash : idHashOf(uuid),
    memoryBytes: bytesFact(inside(memory, 'total'), mib),
    memoryUsedBytes: bytesFact(inside(memory, 'used'), mib),
    busyPercent: null,
  };
}

/** Text inside of the first element of a name. */
function inside(text: string, tag: string): string | undefined {
  return blocks(text, tag)[0]?.trim();
}

function blocks(text: string, tag: string): string[] {
  return [...text.matchAll(new RegExp(`<${tag}(?:\\s[^>]*)?>([\\s\\S]*?)</${tag}>`, 'g'))].map(
    ([, content = '']) => content,
  );
}
