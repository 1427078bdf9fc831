/** Which detectors are at work, and their memories. */
import { createPatrol, type Detector, type Patrol } from '@aitbc/market';
import type { Clock, JsonValue } from '@aitbc/primitives';
import type { ThresholdValues } from '@aitbc/protocol';
import type { PatrolRows } from '../store/surveillance/patrol-rows.ts';

/** A detector of this coordinator. */
export interface Member {
  readonly detector: Detector;
  readonly thresholds: ThresholdValues;
  readonly publicSources: readonly string[];
  readonly isPlugin: boolean;
}

/** What a roster is made with. */
export interface RosterDeps {
  readonly patrols: Pick<PatrolRows, 'stopped' | 'put'>;
  /** True when no other process can switch detectors on and off. */
  readonly isAlone: boolean;
  readonly clock: Clock;
}

/** Detectors, on or off. */
export interface Roster {
  readonly members: readonly Member[];
  /** Names of those at work. */
  running(): string[];
  /** Those at work. */
  patrol(): Patrol;
  load(members: readonly Member[], states?: Readonly<Record<string, JsonValue>>): Promise<void>;
  /** Memories of those at work as JSON texts. Others get their turn between two of them. */
  memories(): Promise<Record<string, string>>;
  /** Switches detectors on or off, all of them when none are named. */
  put(patterns: readonly string[], isOn: boolean): Promise<void>;
  /** Now and then looks at what other coordinators switched. */
  hearOthers(): Promise<void>;
}

const lookEveryMs = 10_000;

/** An empty roster. */
export function createRoster({ patrols, isAlone, clock }: RosterDeps): Roster {
  let members: readonly Member[] = [];
  let stopped: ReadonlySet<string> = new Set();
  let patrol: Patrol = createPatrol([]);
  let lookedAtMs = clock.nowMs();

  const running = () => members.filter(({ detector }) => !stopped.has(detector.name));
  const names = () => running().map(({ detector }) => detector.name);
  const states = () =>
    Object.fromEntries(names().map((name) => [name, patrol.save(name) ?? null] as const));
  const arrange = (memories: Readonly<Record<string, JsonValue>>): void => {
    patrol = createPatrol(
      running().map((one) => ({ ...one, saved: memories[one.detector.name] ?? undefined })),
    );
  };
  /** Who goes on working keeps its memory. */
  const obey = (now: ReadonlySet<string>): void => {
    const memories = states();
    stopped = now;
    arrange(memories);
  };
  return {
    get members() {
      return members;
    },
    running: names,
    patrol: () => patrol,
    async memories() {
      const [at, texts] = [patrol, names().map((name) => [name, ''] as [string, string])];
      for (const row of texts) {
        row[1] = JSON.stringify(at.save(row[0]) ?? null);
        await new Promise((done) => setImmediate(done));
      }
      return Object.fromEntries(texts);
    },
    async load(all, memories = {}) {
      members = all;
      stopped = await patrols.stopped();
      arrange(memories);
    },
    async put(patterns, isOn) {
      const all = members.map(({ detector }) => detector.name);
      await patrols.put(patterns.length > 0 ? patterns : all, isOn);
      obey(await patrols.stopped());
    },
    async hearOthers() {
      if (isAlone || clock.nowMs() - lookedAtMs < lookEveryMs) return;
      lookedAtMs = clock.nowMs();
      const now = await patrols.stopped();
      if ([...now].sort().join() !== [...stopped].sort().join()) obey(now);
    },
  };
}
