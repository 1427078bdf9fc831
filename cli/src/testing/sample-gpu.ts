/** A card whose tool tells next to nothing, for tests. */
import type { Gpu } from '@aitbc/provider/owner';

/** The card with some facts. */
export function gpuOf(facts: Partial<Gpu>): Gpu {
  return {
    ...{ vendor: 'nvidia', index: 0, name: 'a card', idHash: null, slice: null, driver: null },
    ...{ memoryBytes: null, memoryUsedBytes: null, sharesMemory: false, busyPercent: null },
    ...{ temperatureC: null, powerW: null, powerLimitW: null, architecture: null },
    bandwidthBytesPerSecond: null,
    ...facts,
  };
}
