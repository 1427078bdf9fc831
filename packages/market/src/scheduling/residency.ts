/**
 * Which models an engine holds, and which may start a job now.
 *
 *   ABSENT ─a job of it starts, and there is room→ RESIDENT ─others wait, and it stayed long enough→ LEAVING
 *   LEAVING ─its last job ends, a job of another model starts→ ABSENT     LEAVING ─nobody else waits any more→ RESIDENT
 *
 * Loading a model takes seconds, in which the engine earns nothing. So while jobs of other models wait, a resident
 * model goes on with its own until it stayed `stayMs` or started `stayJobs` jobs, or has none left; never
 * less than three times as long as the next model takes to load. LEAVING starts nothing; the model of the job that is due first comes next.
 *
 * An engine that holds all its models has no limit here, and every model has its own slots.
 */
import type { WaitingJob } from './waiting-job.ts';

export interface ResidencyOptions {
  /** Models that the engine holds at once; 0 for all. */
  readonly residentMax: number;
  readonly stayMs: number;
  readonly stayJobs: number;
  /** Jobs of a model that run at once. */
  readonly slotsOf: (model: string) => number;
  readonly loadMs: (model: string) => number;
}

interface Resident {
  readonly sinceMs: number;
  started: number;
  running: number;
}

/** What the engine holds. */
export interface Residency {
  /** Which of the waiting jobs may start now, as a test. They are in the order in which they are due. */
  gate(waiting: readonly WaitingJob[], nowMs: number): (job: WaitingJob) => boolean;
  /** One of the waiting jobs starts that the gate lets through; true when its model has to be loaded for it. */
  start(job: WaitingJob, waiting: readonly WaitingJob[], nowMs: number): boolean;
  end(model: string): void;
  has(model: string): boolean;
}

const loadsPerStay = 3;

/** An engine that holds nothing yet. */
export function createResidency(options: ResidencyOptions): Residency {
  const { residentMax, slotsOf } = options;
  const residents = new Map<string, Resident>();
  const isFull = () => residentMax > 0 && residents.size >= residentMax;
  const leavingOf = (waiting: readonly WaitingJob[], nowMs: number): string | undefined => {
    const next = waiting.find(({ model }) => !residents.has(model));
    if (!next || !isFull()) return undefined;
    return leaving(residents, { waiting, next: next.model, nowMs, options });
  };
  return {
    gate(waiting, nowMs) {
      const out = leavingOf(waiting, nowMs);
      const isOutFree = out !== undefined && residents.get(out)?.running === 0;
      const next = waiting.find(({ model }) => !residents.has(model))?.model;
      return ({ model }) => {
        const resident = residents.get(model);
        if (resident) return model !== out && resident.running < slotsOf(model);
        return !isFull() || (isOutFree && model === next);
      };
    },
    start({ model }, waiting, nowMs) {
      const resident = residents.get(model);
      if (resident) {
        resident.started += 1;
        resident.running += 1;
        return false;
      }
      const out = leavingOf(waiting, nowMs);
      if (out !== undefined) residents.delete(out);
      residents.set(model, { sinceMs: nowMs, started: 1, running: 1 });
      // An engine that holds all its models loads each once; nothing is to be learnt from that.
      return residentMax > 0;
    },
    end(model) {
      const resident = residents.get(model);
      if (!resident) return;
      resident.running -= 1;
      // Without a limit there is nothing to remember of a model that rests.
      if (residentMax === 0 && resident.running === 0) residents.delete(model);
    },
    has: (model) => residentMax === 0 || residents.has(model),
  };
}

interface Change {
  readonly waiting: readonly WaitingJob[];
  readonly next: string;
  readonly nowMs: number;
  readonly options: ResidencyOptions;
}

/** The resident model that makes room: one without work, or the oldest of those that stayed long enough. */
function leaving(
  residents: ReadonlyMap<string, Resident>,
  { waiting, next, nowMs, options }: Change,
): string | undefined {
  const { stayMs, stayJobs, loadMs } = options;
  const leastMs = loadMs(next) * loadsPerStay;
  const wanted = new Set(waiting.map(({ model }) => model));
  const unwanted = [...residents].filter(([model]) => !wanted.has(model));
  const idle = unwanted.find(([, { running }]) => running === 0) ?? unwanted[0];
  if (idle) return idle[0];
  const hasStayed = ({ sinceMs, started }: Resident): boolean => {
    const stayed = nowMs - sinceMs;
    return stayed >= leastMs && (stayed >= stayMs || started >= stayJobs);
  };
  return [...residents].find(([, resident]) => hasStayed(resident))?.[0];
}
