/**
 * The graphics cards of this machine, as the tools of their makers report them.
 *
 * All of it is a claim: a tool can be replaced by a script that prints anything. It is shown to the
 * owner, told to buyers as a claim, and used to tell a slow machine from an impossible one; nothing is
 * paid for it.
 *
 * Every tool is somebody else's and changes between versions. So each parser asks for named fields,
 * takes what it can read, and calls everything else null; a card without a name is left out. A tool
 * that is absent says nothing. A tool that fails, hangs or prints what cannot be read leaves one
 * sentence in `troubles`, and the next source is asked.
 *
 * A card that is cut into slices (MIG) is listed as its slices, never as both.
 *
 * Rejected: libraries of the makers (NVML, amdsmi). They need native bindings for each platform.
 */

/** Who made a card. */
export type GpuVendor = 'nvidia' | 'amd' | 'apple';

/** A card, or one slice of it. What a tool does not tell is null. */
export interface Gpu {
  readonly vendor: GpuVendor;
  /** Number of the card, from 0, as its tool counts. */
  readonly index: number;
  readonly name: string;
  /** SHA-256 of the card's serial id, hex. */
  readonly idHash: string | null;
  readonly memoryBytes: number | null;
  readonly memoryUsedBytes: number | null;
  /** True where the memory is that of the whole machine. */
  readonly sharesMemory: boolean;
  readonly busyPercent: number | null;
  readonly temperatureC: number | null;
  readonly powerW: number | null;
  readonly powerLimitW: number | null;
  readonly driver: string | null;
  /** `8.9`, `gfx942`, `metal3`. */
  readonly architecture: string | null;
  /** As the tool reports it; most do not. */
  readonly bandwidthBytesPerSecond: number | null;
  /** Number of the slice; null for a whole card. */
  readonly slice: number | null;
}

/** The cards, where they were read, and what went wrong on the way. */
export interface Inventory {
  readonly source: string | null;
  readonly gpus: readonly Gpu[];
  readonly troubles: readonly string[];
}

/** What a parser makes of an output: cards, or why there are none. */
export type Parsed = { readonly gpus: readonly Gpu[] } | { readonly trouble: string };

/** More cards than any machine has; a bound for outputs that repeat. */
export const gpusMax = 64;

const noFacts = {
  ...{ idHash: null, memoryBytes: null, memoryUsedBytes: null, sharesMemory: false },
  ...{ busyPercent: null, temperatureC: null, powerW: null, powerLimitW: null },
  ...{ driver: null, architecture: null, bandwidthBytesPerSecond: null, slice: null },
} as const;

/** A card with the facts that are known. */
export function gpuOf(
  facts: Pick<Gpu, 'vendor' | 'index' | 'name'> & { readonly [K in keyof Gpu]?: Gpu[K] },
): Gpu {
  return { ...noFacts, ...facts };
}

/** The cards found, or the sentence that there are none. */
export function parsedGpus(gpus: readonly Gpu[], otherwise: string): Parsed {
  return gpus.length === 0 ? { trouble: otherwise } : { gpus: gpus.slice(0, gpusMax) };
}
