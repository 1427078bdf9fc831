/**
 * Runs targets over cases that a seed gives, and stops at the first broken property.
 *
 * Cases come in blocks, each with random numbers of its own: so a run can go on where another ended. A block of a target
 * with `vary` is one case that was drawn with care and cheap relatives of it; of other targets each case is drawn. The
 * time of every case is taken, the heap once for a block: when one is too large, its cases run again one by one. A case is one
 * call of the decoder; texts that are no JSON never come so far and are counted as `unread`.
 */
import { getHeapStatistics } from 'node:v8';
import { Violation } from './check.mjs';
import { createRandoms } from './random.mjs';

const bytesPerMiB = 1_048_576;
const again = 3; // a slow case is run again, and by CPU time: a pause of the machine is no finding
const variedMax = 32_768; // a larger case is drawn once and has no relatives: it costs as much as a thousand small ones
const defaults = Object.freeze({ caseMs: 250, caseGrowthMiB: 64 });

/** Cases of a block of a long run. */
export const blockCases = 64;

/** What a run of a target found. */
export function emptyCount(name) {
  /** @type {{ bytes: Uint8Array, at: number, error: Error } | undefined} */
  const fault = undefined;
  const none = { cases: 0, accepted: 0, refused: 0, unread: 0, slowestMs: 0, peakMiB: 0 };
  return { name, ...none, blocks: 0, fault };
}

/**
 * Runs the blocks from `from` on until `isOver(drawn, cases)`. The result has a `fault` when a property is broken, and
 * in `blocks` where to go on.
 * @returns {Promise<{ name: string, cases: number, accepted: number, refused: number, unread: number, slowestMs: number,
 *   peakMiB: number, blocks: number, fault: { bytes: Uint8Array, at: number, error: Error } | undefined }>}
 */
export async function runTarget(
  target,
  { seed, isOver, bounds = {}, size = blockCases, from = 0 },
) {
  const count = { ...emptyCount(target.name), blocks: from };
  const held = { ...defaults, ...bounds };
  const randoms = createRandoms(seed, target.name);
  while (count.fault === undefined && !isOver(count.cases + count.unread, count.cases)) {
    const cases = casesOf(target, randoms.at(count.blocks), size);
    count.fault = await runBlock(target, cases, { count, held });
    count.blocks += 1;
  }
  return count;
}

function casesOf(target, random, size) {
  const first = target.mutate(random);
  const cases = [first];
  if (target.isLive) return cases;
  if (target.vary === undefined) {
    while (cases.length < size) cases.push(target.mutate(random));
    return cases;
  }
  if (first.length > variedMax) return cases;
  const vary = target.vary(first);
  while (cases.length < size) cases.push(vary(random));
  return cases;
}

async function runBlock(target, cases, { count, held }) {
  const before = heapBytes();
  for (const bytes of cases) {
    const run = runOnce(target, bytes, { count, held });
    const fault = run instanceof Promise ? await run : run;
    if (fault) return fault;
  }
  const after = heapBytes();
  count.peakMiB = Math.max(count.peakMiB, after / bytesPerMiB);
  if (target.isLive || (after - before) / bytesPerMiB <= held.caseGrowthMiB) return undefined;
  return findLarge(target, cases, { count, held });
}

/** The case of a block that takes too much memory by itself, if there is one. */
async function findLarge(target, cases, { count, held }) {
  for (const bytes of cases) {
    const before = heapBytes();
    await target.check(bytes);
    const grownMiB = (heapBytes() - before) / bytesPerMiB;
    if (grownMiB <= held.caseGrowthMiB) continue;
    const error = new Violation(`one case took ${Math.round(grownMiB)} MiB`);
    return { bytes: Buffer.from(bytes), at: count.cases, error };
  }
  return undefined;
}

/** Why one case breaks a property, undefined when it does not; time and memory are held as in a run. */
export async function runCase(target, bytes, { count, held = defaults }) {
  return runBlock(target, [bytes], { count, held });
}

/** A promise only where the target gives one, or where a slow case runs again. */
function runOnce(target, bytes, { count, held }) {
  const before = Buffer.from(bytes);
  const fail = (error) => ({ bytes: before, at: count.cases, error });
  const judge = (isAccepted) => {
    const ms = performance.now() - startMs;
    if (isAccepted === undefined && !target.isLive) count.unread += 1;
    else {
      count.cases += 1;
      count[isAccepted ? 'accepted' : 'refused'] += 1;
    }
    if (!before.equals(bytes)) return fail(new Violation('its input was changed'));
    if (!target.isLive && ms > held.caseMs)
      return judgeSlow(target, bytes, { count, held, ms, fail });
    if (ms > count.slowestMs) count.slowestMs = ms;
    if (ms <= held.caseMs || ms <= (target.caseMs ?? held.caseMs)) return undefined;
    return fail(new Violation(`it took ${Math.round(ms)} ms`));
  };
  const startMs = performance.now();
  try {
    const answer = target.check(bytes);
    return answer instanceof Promise ? answer.then(judge).catch(fail) : judge(answer);
  } catch (error) {
    return fail(error);
  }
}

async function judgeSlow(target, bytes, { count, held, ms, fail }) {
  let fastest = ms;
  for (let left = again; fastest > held.caseMs && left > 0; left -= 1) {
    const before = process.cpuUsage();
    const startMs = performance.now();
    await target.check(bytes);
    const { user, system } = process.cpuUsage(before);
    fastest = Math.min(fastest, performance.now() - startMs, (user + system) / 1_000);
  }
  count.slowestMs = Math.max(count.slowestMs, fastest);
  if (fastest <= (target.caseMs ?? held.caseMs)) return undefined;
  return fail(new Violation(`it took ${Math.round(fastest)} ms`));
}

function heapBytes() {
  const { used_heap_size: used, external_memory: external } = getHeapStatistics();
  return used + external;
}
