/** Work at a steady pace, with a bound on what is under way, and counts of how it went. */
import { after } from '../bench/lib/processes.mjs';

/** Counters of one kind of work. */
export function createCount(name) {
  return { name, done: 0, failed: 0, skipped: 0, reasons: {} };
}

/**
 * Does `work(turn)` every `everyMs` until the signal aborts, at most `parallel` at a time; a turn that finds no room is
 * skipped. Resolves when all has ended.
 */
export async function keepDoing(work, { count, everyMs, parallel = 4, signal }) {
  const running = new Set();
  const begunMs = performance.now();
  for (let turn = 0; !signal.aborted; turn += 1) {
    await after(Math.max(0, begunMs + turn * everyMs - performance.now()), signal);
    if (signal.aborted) break;
    if (running.size >= parallel) {
      count.skipped += 1;
      continue;
    }
    const one = attempt(() => work(turn), { count, signal }).finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
}

async function attempt(work, { count, signal }) {
  try {
    await work();
    count.done += 1;
  } catch (error) {
    if (signal.aborted) return;
    count.failed += 1;
    const reason = String(error.code ?? error.message).slice(0, 120);
    count.reasons[reason] = (count.reasons[reason] ?? 0) + 1;
  }
}
