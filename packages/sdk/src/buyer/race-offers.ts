/**
 * One offer after the other until one answers. With `hedgeMs` the next is asked beside the first when nothing
 * came by then: the first answer wins, the other is left at once, before it gave a token, so nothing is due for
 * it. At most two are asked at a time, each at most once.
 */
import { AppError, asAppError } from '@aitbc/protocol';
import type { Candidate } from '../offers/discover-offers.ts';

/** What a race needs. */
export interface Race<T> {
  readonly signal: AbortSignal;
  /** Patience before the next offer is asked beside this one, ms; undefined: none is. */
  readonly hedgeMs: number | undefined;
  attempt(candidate: Candidate, signal: AbortSignal): Promise<T>;
  /** An offer failed; throws when no other would do better. */
  onFailure(failure: AppError, candidate: Candidate): void;
  /** Somebody else won; resolves when the loser has ended. */
  onLost(loser: Promise<T | undefined>): void;
}

interface Runner<T> {
  readonly candidate: Candidate;
  /** Ends it when another one wins; undefined for one that runs alone. */
  readonly leaving: AbortController | undefined;
  readonly result: Promise<{ value: T } | { error: AppError }>;
}

/** The first answer; `candidates` are in their order. Throws the last failure. */
export async function raceOffers<T>(
  candidates: readonly [Candidate, ...Candidate[]],
  race: Race<T>,
): Promise<T> {
  const waiting = [...candidates];
  const running = new Set<Runner<T>>();
  startNext(race, waiting, running);
  for (;;) {
    const first = await firstDone(race, waiting, running);
    if (!first) {
      startNext(race, waiting, running);
      continue;
    }
    const { runner, result } = first;
    running.delete(runner);
    if ('value' in result) {
      for (const loser of running) leave(race, loser);
      return result.value;
    }
    if (running.size > 0) continue;
    race.onFailure(result.error, runner.candidate);
    if (waiting.length === 0) throw result.error;
    startNext(race, waiting, running);
  }
}

function startNext<T>(race: Race<T>, waiting: Candidate[], running: Set<Runner<T>>): void {
  const candidate = waiting.shift();
  if (!candidate) return;
  const leaving = race.hedgeMs === undefined ? undefined : new AbortController();
  const signal = leaving ? AbortSignal.any([race.signal, leaving.signal]) : race.signal;
  const result = race.attempt(candidate, signal).then(
    (value) => ({ value }),
    (error: unknown) => ({ error: asAppError(error) }),
  );
  running.add({ candidate, leaving, result });
}

/** The runner that is done first; undefined when it is time to ask another one. */
async function firstDone<T>(
  { hedgeMs }: Race<T>,
  waiting: readonly Candidate[],
  running: ReadonlySet<Runner<T>>,
) {
  const all = [...running].map(async (runner) => ({ runner, result: await runner.result }));
  if (hedgeMs === undefined || waiting.length === 0 || running.size > 1) return Promise.race(all);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), hedgeMs);
  });
  try {
    return await Promise.race([...all, late]);
  } finally {
    clearTimeout(timer);
  }
}

function leave<T>({ onLost }: Race<T>, { leaving, result }: Runner<T>): void {
  leaving?.abort(new AppError('CANCELLED'));
  onLost(result.then((ended) => ('value' in ended ? ended.value : undefined)));
}
