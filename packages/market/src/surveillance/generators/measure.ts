/**
 * How good the detectors are on made-up markets: each run is honest traffic with some innocent look-alikes, and with one
 * abuse or none. An alert that names somebody guilty of the abuse it is about is right; one that names only innocents is
 * wrong; one that names somebody who is guilty of another abuse counts as neither and is told apart.
 */
import type { Alert } from '@aitbc/protocol';
import type { Detector, WatchedEvent } from '../detector.ts';
import { createPatrol } from '../patrol.ts';
import { abuses } from './abuses.ts';
import { playBackground } from './background.ts';
import { lookAlikes } from './look-alikes.ts';
import { createStage } from './stage.ts';

/** One run. */
export interface Run {
  readonly events: readonly WatchedEvent[];
  /** Pattern that was played; undefined for an honest run. */
  readonly pattern: string | undefined;
  readonly guilty: ReadonlySet<string>;
  readonly innocents: readonly string[];
  readonly sellers: number;
}

/** What was counted for one detector. */
export interface Measured {
  readonly pattern: string;
  /** Runs with its abuse, and those of them in which it named a guilty one. */
  readonly abusive: number;
  readonly found: number;
  /** Runs without its abuse, and those of them in which it named only innocents. */
  readonly others: number;
  readonly wronged: number;
  readonly right: number;
  readonly wrong: number;
  /** Alerts about somebody guilty of another abuse. */
  readonly elsewhere: number;
}

/** What is measured. */
export interface MeasurePlan {
  readonly detectors: readonly Detector[];
  /** Runs for each abuse, and as many honest ones for each. */
  readonly runs: number;
  readonly seed: number;
  onRun?(run: Run, alerts: readonly Alert[]): void;
}

const lookAlikesOfRun = 4;
const seedsOfPattern = 100_000;

/** The run of a seed. */
export function playRun(seed: number, pattern?: string): Run {
  const stage = createStage(seed);
  const cast = playBackground(stage);
  const innocents = stage.random.some(Object.keys(lookAlikes), lookAlikesOfRun);
  for (const name of innocents) lookAlikes[name]?.(stage, cast);
  const guilty = pattern === undefined ? [] : (abuses[pattern]?.(stage, cast) ?? []);
  const events = stage.events();
  const sellers = new Set(events.flatMap((one) => ('provider' in one ? [one.provider] : []))).size;
  return { events, pattern, guilty: new Set(guilty), innocents, sellers };
}

/** Plays all runs and counts. The detectors of a run begin anew. */
export function measureDetectors({ detectors, runs, seed, onRun }: MeasurePlan): Measured[] {
  const counts = new Map(detectors.map(({ name }) => [name, emptyCount(name)]));
  const names = detectors.map(({ name }) => name).filter((name) => abuses[name]);
  for (const [place, pattern] of names.entries()) {
    for (let at = 0; at < runs * 2; at += 1) {
      const own = seed + place * seedsOfPattern + at;
      const run = playRun(own, at % 2 === 0 ? pattern : undefined);
      const alerts = alertsOf(detectors, run);
      onRun?.(run, alerts);
      for (const count of counts.values()) addRun(count, run, alerts);
    }
  }
  return [...counts.values()];
}

/** Alerts of all detectors about a run. */
export function alertsOf(detectors: readonly Detector[], { events }: Pick<Run, 'events'>): Alert[] {
  const patrol = createPatrol(detectors.map((detector) => ({ detector })));
  return events.flatMap((event) => patrol.take(event));
}

type Count = { -readonly [K in keyof Measured]: Measured[K] };

function emptyCount(pattern: string): Count {
  const runs = { abusive: 0, found: 0, others: 0, wronged: 0 };
  return { pattern, ...runs, right: 0, wrong: 0, elsewhere: 0 };
}

function addRun(count: Count, { pattern, guilty }: Run, alerts: readonly Alert[]): void {
  const own = alerts.filter((alert) => alert.pattern === count.pattern);
  const names = own.filter(({ subjects }) => subjects.some(({ address }) => guilty.has(address)));
  const wrong = own.length - names.length;
  count.wrong += wrong;
  if (pattern === count.pattern) {
    count.abusive += 1;
    count.found += names.length > 0 ? 1 : 0;
    count.right += names.length;
  } else {
    count.others += 1;
    count.elsewhere += names.length;
    count.wronged += wrong > 0 ? 1 : 0;
  }
}
