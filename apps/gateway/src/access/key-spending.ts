/**
 * What API keys may still promise.
 *
 * A key's day holds the calls that began on that UTC day. Each counts with what it has promised and owes at all its
 * providers: a reservation while it runs, its charge when it has ended. A call of which a provider still keeps
 * us in the dark goes on counting with its reservation until its end is known, however long ago its client left.
 *
 *   most of one call = min(jobMax, dayMax − Σ all other calls of its day)        asked before every promise
 *
 * The buyer's books ask in the same step in which they enter a promise, so parallel calls cannot promise the same
 * nait twice, and a key never passes its limit, not by a window and not by a crash: the request is noted before
 * its first promise, and what the books say of it is read again after a restart.
 *
 * Nothing is set aside that was not promised: many calls run beside one another under a small limit, as long as
 * each finds a window's worth when it needs it. Rejected: setting the dearest possible bill of every call aside,
 * which lets a key with a small limit run one call at a time; and counting receipts, which come after the money was
 * promised.
 */
import type { Clock } from '@aitbc/primitives';
import { AppError, type Hex } from '@aitbc/protocol';
import type { Commitment, MaxNait } from '@aitbc/sdk';
import type { AccessStore, ApiKey, RequestRow } from './access-store.ts';

const dayMs = 86_400_000;

/** What spending is counted from. */
export interface SpendingDeps {
  readonly store: Pick<AccessStore, 'begin' | 'end' | 'request' | 'requestsOf'>;
  readonly clock: Clock;
  /** What the buyer's books say of a job; undefined for one that they do not know. */
  readonly commitmentOf: (jobId: Hex) => Commitment | undefined;
}

/** One request of somebody while it is bought. */
export interface Account {
  /** Undefined for callers without limits of their own. */
  readonly maxNait: MaxNait | undefined;
  /** The job exists; told again without effect. */
  begun(jobId: Hex): void;
  /** The request is over. `charged` counts where the books know nothing of the job. */
  ended(charged: bigint): void;
}

/** Counts for all keys. */
export interface KeySpending {
  /** nait that calls of this UTC day owe, or have promised and may still owe. */
  today(key: Pick<ApiKey, 'name'>): bigint;
  /** An account for one request. Throws BUDGET_EXCEEDED for a day without rest. */
  open(key: ApiKey | undefined, dialect: string): Account;
}

/** The calls of a key that began on one day. */
interface Day {
  readonly day: number;
  /** nait of calls whose books are closed. */
  settled: bigint;
  /** Other calls, with the number of requests that are served from each. */
  readonly open: Map<Hex, number>;
}

/** Counts over the request log and the buyer's books. */
export function createKeySpending(deps: SpendingDeps): KeySpending {
  const { store, clock, commitmentOf } = deps;
  const days = new Map<string, Day>();
  const todayNumber = () => Math.floor(clock.nowMs() / dayMs);
  const dayOf = (name: string, day: number): Day => {
    const id = `${name} ${day}`;
    const known = days.get(id);
    if (known) return known;
    for (const [old, { day: number, open }] of days) {
      if (number !== todayNumber() && open.size === 0) days.delete(old);
    }
    const loaded = loadDay(store.requestsOf(name, day * dayMs), day);
    days.set(id, loaded);
    return loaded;
  };
  const close = (day: Day, jobId: Hex, charged: bigint): void => {
    const owed = commitmentOf(jobId)?.nait ?? charged;
    day.open.delete(jobId);
    day.settled += owed;
    store.end(jobId, owed);
  };
  const sumOf = (day: Day, except?: Hex): bigint => {
    let openNait = 0n;
    for (const [jobId, requests] of [...day.open]) {
      const { nait, isOpen } = commitmentOf(jobId) ?? { nait: 0n, isOpen: false };
      if (requests === 0 && !isOpen) close(day, jobId, 0n);
      else if (jobId !== except) openNait += nait;
    }
    return day.settled + openNait;
  };
  const counting = { dayOf, sumOf, close, todayNumber };
  return {
    today: ({ name }) => sumOf(dayOf(name, todayNumber())),
    open(key, dialect) {
      if (!key) return openUnlimited(deps, dialect);
      const { name, dayMax } = key;
      const spent = sumOf(dayOf(name, todayNumber()));
      if (dayMax !== null && spent >= dayMax) {
        const scope = `the day of key ${name}`;
        throw new AppError('BUDGET_EXCEEDED', { needed: spent, scope, available: dayMax });
      }
      return openLimited(deps, counting, { key, dialect });
    },
  };
}

/** Requests whose end was not noted may still owe. */
function loadDay(rows: readonly RequestRow[], day: number): Day {
  const loaded: Day = { day, settled: 0n, open: new Map() };
  for (const { jobId, startedAtMs, charged } of rows) {
    if (Math.floor(startedAtMs / dayMs) !== day) continue;
    if (charged === null) loaded.open.set(jobId, 0);
    else loaded.settled += charged;
  }
  return loaded;
}

interface Counting {
  dayOf(name: string, day: number): Day;
  /** All of a day but one call. */
  sumOf(day: Day, except?: Hex): bigint;
  close(day: Day, jobId: Hex, charged: bigint): void;
  todayNumber(): number;
}

function openLimited(
  { store, clock, commitmentOf }: SpendingDeps,
  { dayOf, sumOf, close, todayNumber }: Counting,
  { key, dialect }: { readonly key: ApiKey; readonly dialect: string },
): Account {
  const { name, dayMax, jobMax } = key;
  let mine: { readonly jobId: Hex; readonly day: Day } | undefined;
  /** The same call again is the same job: it stays in the day in which it began, counted once. */
  const begun = (jobId: Hex): Day => {
    if (mine) return mine.day;
    const known = store.request(jobId);
    const dayNumber = known ? Math.floor(known.startedAtMs / dayMs) : todayNumber();
    const day = dayOf(name, dayNumber);
    const requests = day.open.get(jobId);
    if (requests === undefined) day.settled -= known?.charged ?? 0n;
    day.open.set(jobId, (requests ?? 0) + 1);
    store.begin({ jobId, key: name, dialect, startedAtMs: clock.nowMs() });
    mine = { jobId, day };
    return day;
  };
  const maxNait = (jobId: Hex): bigint => {
    const day = begun(jobId);
    const left = dayMax === null ? jobMax : dayMax - sumOf(day, jobId);
    return jobMax !== null && (left === null || jobMax < left) ? jobMax : (left ?? 0n);
  };
  return {
    maxNait: dayMax === null && jobMax === null ? undefined : maxNait,
    begun: (jobId) => void begun(jobId),
    ended(charged) {
      if (!mine) return;
      const { jobId, day } = mine;
      const requests = (day.open.get(jobId) ?? 1) - 1;
      day.open.set(jobId, requests);
      if (requests === 0 && !commitmentOf(jobId)?.isOpen) close(day, jobId, charged);
      mine = undefined;
    },
  };
}

function openUnlimited({ store, clock }: SpendingDeps, dialect: string): Account {
  let known: Hex | undefined;
  return {
    maxNait: undefined,
    begun(jobId) {
      known = jobId;
      store.begin({ jobId, key: null, dialect, startedAtMs: clock.nowMs() });
    },
    ended(charged) {
      if (known !== undefined) store.end(known, charged);
    },
  };
}
