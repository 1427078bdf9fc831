/** Shares with what may lie behind them, and histories of providers that cheat on some of their jobs. */
import { evidenceMax, judgeReplay, nextEvidence } from '@aitbc/market';

const confidence = 0.95;
const bisections = 60;

/** Jobs of a saved row as measures. */
export function measuresOf({ columns, jobs }) {
  return jobs.map((job) => Object.fromEntries(columns.map((name, at) => [name, job[at]])));
}

export const isCaught = (measure) => judgeReplay(measure) === 'cheat';

/** Caught jobs as a share, with the ends of its exact (Clopper-Pearson) interval of 95 %. */
export function shareOf(measures) {
  const [caught, all] = [measures.filter(isCaught).length, measures.length];
  const side = (1 - confidence) / 2;
  const low = caught === 0 ? 0 : solve((p) => 1 - atMost(caught - 1, all, p), side);
  const high = caught === all ? 1 : 1 - solve((p) => 1 - atMost(all - caught - 1, all, p), side);
  return { caught, all, share: caught / all, low, high };
}

/** With 95 % certainty no more than this share of all jobs is caught: one-sided, for honest jobs. */
export function upperBoundOf({ caught, all }) {
  return caught === all
    ? 1
    : 1 - solve((p) => 1 - atMost(all - caught - 1, all, p), 1 - confidence);
}

/** Where a growing function of a probability reaches a value. */
function solve(of, value) {
  let [low, high] = [0, 1];
  for (let step = 0; step < bisections; step += 1) {
    const middle = (low + high) / 2;
    if (of(middle) < value) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Probability of at most `count` of `all` at probability `p` each. */
function atMost(count, all, p) {
  let [sum, logTerm] = [0, all * Math.log1p(-p)];
  for (let at = 0; at <= count; at += 1) {
    sum += Math.exp(logTerm);
    logTerm += Math.log((all - at) / (at + 1)) + Math.log(p) - Math.log1p(-p);
  }
  return Math.min(sum, 1);
}

/** Repeatable numbers from 0 to 1 (xorshift of 32 bits). */
export function createRandom(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * Job at which a provider is caught that cheats on a share of its jobs, of which a share is audited; the measures
 * are drawn from measured jobs. Undefined for one that is not caught in `jobsMax`.
 */
export function caughtAt({ honest, cheat, cheatShare, auditShare, jobsMax }, random) {
  const oneOf = (list) => list[Math.floor(random() * list.length)];
  let evidence = 0;
  for (let job = 1; job <= jobsMax; job += 1) {
    if (random() >= auditShare) continue;
    const measure = oneOf(random() < cheatShare ? cheat : honest);
    evidence = nextEvidence(evidence, measure);
    if (isCaught(measure)) return { job, by: 'verdict' };
    if (evidence > evidenceMax) return { job, by: 'evidence' };
  }
  return undefined;
}
