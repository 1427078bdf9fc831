/** Runs targets over cases that a seed gives, and stops at the first broken property. */
import { getHeapStatistics } from 'node:v8';
import { Violation } from './check.mjs';
import { randomOf } from './random.mjs';

const bytesPerMiB = 1_048_576;
const again = 3; // a slow case is run again, and by CPU time: a pause of the machine is no finding
const defaults = Object.freeze({ caseMs: 250, caseGrowthMiB: 64 });

/** What a run of a target found. */
export function emptyCount(name) {
  /** @type {{ bytes: Uint8Array, at: number, error: Error } | undefined} */
  const fault = undefined;
  return { name, cases: 0, accepted: 0, refused: 0, slowestMs: 0, peakMiB: 0, fault };
}

/**
 * Runs cases 0, 1, … of a target until `isOver(cases)`. The result has a `fault` when a property is broken.
 * @returns {Promise<{ name: string, cases: number, accepted: number, refused: number, slowestMs: number,
 *   peakMiB: number, fault: { bytes: Uint8Array, at: number, error: Error } | undefined }>}
 */
export async function runTarget(target, { seed, isOver, bounds = {} }) {
  const count = emptyCount(target.name);
  const held = { ...defaults, ...bounds };
  while (count.fault === undefined && !isOver(count.cases)) {
    const bytes = target.mutate(randomOf(seed, target.name, count.cases));
    count.fault = await runCase(target, bytes, { count, held });
    count.cases += 1;
  }
  return count;
}

/** Why a case breaks a property, undefined when it does not. */
export async function runCase(target, bytes, { count, held = defaults }) {
  const before = Buffer.from(bytes);
  try {
    const first = await measured(target, bytes);
    count[first.isAccepted ? 'accepted' : 'refused'] += 1;
    count.peakMiB = Math.max(count.peakMiB, first.heapMiB);
    const ms = target.isLive ? first.ms : await fastest(target, { bytes, first, held });
    count.slowestMs = Math.max(count.slowestMs, ms);
    if (!before.equals(bytes)) throw new Violation('its input was changed');
    if (ms > (target.caseMs ?? held.caseMs)) throw new Violation(`it took ${Math.round(ms)} ms`);
    if (first.grownMiB > held.caseGrowthMiB) {
      throw new Violation(`one case took ${Math.round(first.grownMiB)} MiB`);
    }
    return undefined;
  } catch (error) {
    return { bytes: before, at: count.cases, error };
  }
}

async function measured(target, bytes) {
  const before = heapBytes();
  const start = performance.now();
  const answer = target.check(bytes);
  const isAccepted = answer instanceof Promise ? await answer : answer;
  const ms = performance.now() - start;
  const after = heapBytes();
  return { isAccepted, ms, heapMiB: after / bytesPerMiB, grownMiB: (after - before) / bytesPerMiB };
}

async function fastest(target, { bytes, first, held }) {
  let { ms } = first;
  for (let left = again; ms > held.caseMs && left > 0; left -= 1) {
    const before = process.cpuUsage();
    const { ms: elapsedMs } = await measured(target, bytes);
    const { user, system } = process.cpuUsage(before);
    ms = Math.min(ms, elapsedMs, (user + system) / 1_000);
  }
  return ms;
}

function heapBytes() {
  const { used_heap_size: used, external_memory: external } = getHeapStatistics();
  return used + external;
}
