/** Detectors at work on one stream: each event goes to those that watch its kind. */
import type { JsonValue } from '@aitbc/primitives';
import type { Alert, ThresholdValues } from '@aitbc/protocol';
import {
  type Detector,
  defaultThresholds,
  noAlerts,
  type Watch,
  type WatchedEvent,
  type WatchedKind,
} from './detector.ts';

/** One detector and what it is told. */
export interface PatrolMember {
  readonly detector: Detector;
  /** Its own thresholds when left out. */
  readonly thresholds?: ThresholdValues;
  /** What `save` gave. */
  readonly saved?: JsonValue | undefined;
  readonly publicSources?: readonly string[];
}

/** Detectors at work. */
export interface Patrol {
  take(event: WatchedEvent): readonly Alert[];
  /** State of one detector; undefined for one that is not at work. */
  save(pattern: string): JsonValue | undefined;
}

/** Puts detectors to work. */
export function createPatrol(members: readonly PatrolMember[]): Patrol {
  const watches = new Map<string, Watch>();
  const byKind = new Map<WatchedKind, Watch[]>();
  for (const { detector, thresholds = defaultThresholds(detector), ...options } of members) {
    const watch = detector.create(thresholds, options);
    watches.set(detector.name, watch);
    for (const kind of new Set(detector.watches)) {
      byKind.set(kind, [...(byKind.get(kind) ?? []), watch]);
    }
  }
  return {
    take(event) {
      const heard = byKind.get(event.facts.kind);
      if (!heard) return noAlerts;
      let found = noAlerts;
      for (const watch of heard) {
        const alerts = watch.take(event);
        if (alerts.length > 0) found = [...found, ...alerts];
      }
      return found;
    },
    save: (pattern) => watches.get(pattern)?.save(),
  };
}
