/**
 * Runs the detectors over the stored stream.
 *
 * Alerts are stored before the place in the stream, so a crash makes the detectors read some events again and find the
 * same alerts, whose ids are known. What they remember is stored every five minutes and at the end, together with the
 * number of the event after which it was true: memory and place never part. Without a state, or with one of an older
 * form, they begin with the oldest event there is.
 *
 * A round takes some thousand events at most, so that catching up leaves time for buyers. A detector that is stopped sees
 * nothing; started again it begins anew, because half a memory would find half of what there is.
 *
 * Coordinators on one database each run all detectors: they read the same stream, find the same alerts, and one is stored.
 */
import type { Clock } from '@aitbc/primitives';
import { type Alert, asAppError } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { AlertRows } from '../store/surveillance/alert-rows.ts';
import type { PatrolRows } from '../store/surveillance/patrol-rows.ts';
import { readStream, type StreamRows, settledMs } from './read-stream.ts';
import { createRoster, type Member, type Roster } from './roster.ts';

/** What a run is made with. */
export interface DetectorRunDeps {
  readonly stream: StreamRows;
  readonly alerts: Pick<AlertRows, 'insert'>;
  readonly patrols: PatrolRows;
  /** True when no other process can switch detectors on and off. */
  readonly isAlone: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Processor time, ms; for the figure of the status. */
  elapsedMs(): number;
  /** Alerts were stored. */
  onAlerts(): void;
}

/** How far a run has come. */
export interface RunState {
  readonly seq: number;
  readonly lagMs: number;
  readonly events: number;
  readonly microsPerEvent: number;
  /** Patterns of the detectors at work. */
  readonly running: readonly string[];
}

/** The detectors at work. */
export interface DetectorRun extends Pick<Roster, 'members' | 'put'> {
  /** Reads what was remembered. */
  load(members: readonly Member[]): Promise<void>;
  /** Takes what is new, up to a round's share. Never throws. */
  round(): Promise<void>;
  state(): RunState;
  /** Stores what is remembered. */
  stop(): Promise<void>;
}

const pageEvents = 500;
const pagesOfRound = 8;
const saveEveryMs = 5 * 60_000;

/** Detectors that have not read anything yet. */
export function createDetectorRun(deps: DetectorRunDeps): DetectorRun {
  const { alerts, patrols, clock, log } = deps;
  const roster = createRoster(deps);
  const figures = { count: 0, spentMs: 0 };
  let seq = 0;
  let savedSeq = 0;
  let savedAtMs = clock.nowMs();
  let isBehind = false;
  let found: Alert[] = [];

  /** What cannot be stored waits: the detectors have seen its events and do not see them again. */
  const storeFound = async (): Promise<void> => {
    const stored = await alerts.insert(found);
    found = [];
    if (stored === 0) return;
    log.info({ alerts: stored }, 'detectors found something');
    deps.onAlerts();
  };
  const take = async (): Promise<boolean> => {
    if (found.length > 0) await storeFound();
    const beforeMs = clock.nowMs() - settledMs;
    const page = await readStream(deps.stream, { after: seq, beforeMs, limit: pageEvents });
    const patrol = roster.patrol();
    const beganMs = deps.elapsedMs();
    for (const event of page.events) found.push(...patrol.take(event));
    figures.spentMs += deps.elapsedMs() - beganMs;
    figures.count += page.events.length;
    seq = page.events.at(-1)?.seq ?? seq;
    if (found.length > 0) await storeFound();
    return !page.isEnd;
  };
  const save = async (): Promise<void> => {
    if (seq === savedSeq || found.length > 0) return;
    // Rounds come one after the other: no event is taken while memories are written.
    await patrols.save(seq, await roster.memories());
    savedSeq = seq;
    savedAtMs = clock.nowMs();
  };
  const roundNow = async (): Promise<void> => {
    await roster.hearOthers();
    isBehind = true;
    for (let pages = 0; pages < pagesOfRound && isBehind; pages += 1) isBehind = await take();
    if (clock.nowMs() - savedAtMs >= saveEveryMs) await save();
  };

  return {
    get members() {
      return roster.members;
    },
    put: roster.put,
    async load(members) {
      const state = await patrols.load();
      seq = state?.seq ?? 0;
      savedSeq = seq;
      await roster.load(members, state?.states);
    },
    async round() {
      await roundNow().catch((error: unknown) => {
        log.warn({ code: asAppError(error).code }, 'the detectors could not read on');
      });
    },
    state: () => ({
      seq,
      lagMs: isBehind ? Math.max(0, clock.nowMs() - Math.floor(seq / 1_024)) : 0,
      events: figures.count,
      microsPerEvent:
        figures.count === 0 ? 0 : Math.round((figures.spentMs * 10_000) / figures.count) / 10,
      running: roster.running(),
    }),
    stop: save,
  };
}
