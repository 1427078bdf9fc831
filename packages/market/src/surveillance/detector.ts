/**
 * Detectors of abuse: what one is, and what it may say.
 *
 * A detector reads one ordered stream, events of the market and facts of the chain, and says alerts. It has no clock
 * (time is that of the events), no randomness and bounded state, so whoever reads the same stream gets the same
 * alerts, and a state that was saved goes on exactly where it stopped.
 *
 * Evidence. An alert names all events and transactions that its judgement rests on, and nothing else. Fed with these
 * alone, transactions first, a fresh detector says the same alert at the last of them: that is how anybody re-checks one
 * (`recheck.ts`). Two rules for detectors follow: facts of the chain never complete an alert, and a window is the
 * last so many entries, all of which become evidence.
 *
 * Quiet. What goes on for hours would be a new alert with each event. A detector says one about the same subjects once in
 * `quietMs`; `everyTime` switches that off for a re-check.
 *
 * Limits: an alert is a reason to look, not a verdict; nobody is barred by one. Times of a receipt are the buyer's word.
 * What a coordinator leaves out of its stream cannot be seen in it. See docs/surveillance.md for what each detector
 * catches, misses and mistakes.
 */
import { canonicalJson, type JsonValue, sha256Hex, utf8 } from '@aitbc/primitives';
import {
  type Alert,
  type AlertLevel,
  type ChainFact,
  type Hex,
  limits,
  type MarketEvent,
  type ThresholdValues,
} from '@aitbc/protocol';
import { createBounded } from './bounded.ts';

/** A fact of the chain in the stream of a coordinator. */
export interface ChainEvent {
  /** Place in the stream; no two events have the same. */
  readonly seq: number;
  /** Time of the block. */
  readonly atMs: number;
  readonly txId: Hex;
  readonly facts: ChainFact;
}

/** What detectors read. */
export type WatchedEvent = MarketEvent | ChainEvent;

/** Kinds of events and facts. */
export type WatchedKind = WatchedEvent['facts']['kind'];

/** A number that decides, and what it means. */
export interface Threshold {
  readonly value: number;
  /** Such as `ms`, `nait`, `%`, `receipts`. */
  readonly unit: string;
  readonly about: string;
}

/** How an instance is made. */
export interface WatchOptions {
  /** What `save` gave. */
  readonly saved?: JsonValue | undefined;
  /** Accounts that give coins to everybody, such as a faucet: they tie nobody. */
  readonly publicSources?: readonly string[];
  /** Says an alert each time, also about what was said already. */
  readonly everyTime?: boolean;
}

/** A detector at work. */
export interface Watch {
  take(event: WatchedEvent): readonly Alert[];
  /** Everything it remembers, as JSON. */
  save(): JsonValue;
}

/** A kind of abuse that can be watched for. */
export interface Detector {
  /** Lower case with hyphens; the pattern of its alerts. */
  readonly name: string;
  /** One or two sentences without a full stop at the end. */
  readonly about: string;
  readonly watches: readonly WatchedKind[];
  readonly thresholds: Readonly<Record<string, Threshold>>;
  create(thresholds: ThresholdValues, options?: WatchOptions): Watch;
}

/** What an alert says beside what every alert of the detector says. */
export interface Finding {
  readonly level: AlertLevel;
  readonly subjects: Alert['subjects'];
  readonly text: string;
  /** Per cent. */
  readonly confidence: number;
  readonly txs?: readonly Hex[];
  readonly events: readonly number[];
}

/** Writes the alerts of one instance. */
export interface Reporter {
  /** The alert as a list, empty while it is quiet about these subjects or the evidence is too long. */
  say(atMs: number, finding: Finding): readonly Alert[];
  save(): JsonValue;
}

/** One alert about the same subjects in so much time. */
export const quietMs = 6 * 3_600_000;
const quietKept = 4_096;

export const noAlerts: readonly Alert[] = Object.freeze([]);

/** A reporter of a detector. */
export function createReporter(
  pattern: string,
  thresholds: ThresholdValues,
  { saved, everyTime = false }: WatchOptions,
): Reporter {
  const said = createBounded<number>(quietKept, savedPart(saved, 'said'));
  return {
    say(atMs, { level, subjects, text, confidence, txs = [], events }) {
      const key = subjects.map(({ address }) => address).join();
      const lastMs = said.get(key);
      if (!everyTime && lastMs !== undefined && atMs - lastMs < quietMs) return noAlerts;
      const evidence = { txs: [...new Set(txs)].sort(), events: sortedOnce(events) };
      const longest = Math.max(evidence.txs.length, evidence.events.length);
      if (longest > limits.alertEvidence) return noAlerts;
      said.set(key, atMs);
      const id = alertIdOf({ pattern, evidence });
      const judged = { id, atMs, level, pattern, subjects, text, confidence };
      return [{ ...judged, evidence, thresholds: { ...thresholds } }];
    },
    save: () => said.save(),
  };
}

/** Id of an alert: the same evidence of the same pattern is the same alert. */
export function alertIdOf({ pattern, evidence }: Pick<Alert, 'pattern' | 'evidence'>): Hex {
  const text = canonicalJson({ pattern, evidence } as unknown as JsonValue);
  return sha256Hex(utf8(`AITBC-ALERT-v1\0${text}`));
}

/** Part of a saved state; undefined where there is none. */
export function savedPart<T>(saved: JsonValue | undefined, name: string): T | undefined {
  if (typeof saved !== 'object' || saved === null || Array.isArray(saved)) return undefined;
  return (saved as Record<string, unknown>)[name] as T | undefined;
}

/** Thresholds as they stand in a detector's table. */
export function defaultThresholds({ thresholds }: Pick<Detector, 'thresholds'>): ThresholdValues {
  const rows = Object.entries(thresholds).map(([name, { value }]) => [name, value] as const);
  return Object.fromEntries(rows);
}

function sortedOnce(events: readonly number[]): number[] {
  return [...new Set(events)].sort((a, b) => a - b);
}
