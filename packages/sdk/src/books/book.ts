/**
 * The buyer's books: what it has promised on each channel, and for what.
 *
 * A voucher's cap is cumulative: everything due for ended calls, plus the full price of what is covered for
 * each call that has not ended, the new promise included:
 *
 *   cap = settled + Σ reserved        signedMax = largest cap so far        cap ≤ balance
 *
 * A reservation leaves the book in two ways only: the call's final receipt turns it into its charge, or the
 * provider's definite refusal turns it into nothing. A call whose end is not known keeps it, across
 * restarts. So the seller's own sum (charged + reserved) never passes ours while both are honest, and
 * vouchers of parallel calls may arrive in any order, because each cap includes those before it.
 *
 * Budgets are checked on promises, not on bills: today's charges plus all open reservations may not pass
 * `dayMax`, what one job promises and owes at all its providers may not pass `jobMax`, nor what its caller allows
 * it. What is signed can be claimed, so only a check before the signature is a limit.
 *
 * Every change is written to the store before the voucher that needs it is signed. Rejected: a cap from
 * the receipts' `chargedCumulative` (it trusts the seller's sum), and releasing a reservation after a time
 * (the seller may still claim it). See docs/spec/payments.md, "Buyer".
 */
import {
  accept,
  fullCharge,
  type Hex,
  limits,
  priceOf,
  type Refusal,
  refuse,
  type Verdict,
} from '@aitbc/protocol';
import { type Commitment, createJobSums, type JobChange, type JobSums } from './job-sums.ts';
import {
  type BuyerChange,
  type BuyerState,
  type CallRow,
  type ChannelRow,
  callKey,
} from './store.ts';

const dayMs = 86_400_000;

/** Window in which the same call is recognised as done. */
export const settledMemoryMs = 600_000;
const settledMemoryMax = 10_000;

/** Local limits on spending, nait. */
export interface Budget {
  /** Most that one job may promise, at all its providers together. */
  readonly jobMax: bigint;
  /** Most that may be charged or promised on one UTC day. */
  readonly dayMax: bigint;
}

/**
 * Most nait that a call may promise and owe, at all its providers together. Asked before every promise, so that
 * calls may share one limit.
 */
export type MaxNait = (jobId: Hex) => bigint;

/** A promise that was entered into the books: what the voucher says. */
export interface Promised {
  readonly call: CallRow;
  /** Cap of the voucher. */
  readonly maxClaimable: bigint;
  readonly change: BuyerChange;
}

/** How a call ended, from its final receipt. */
export type CallEnd = Pick<
  CallRow,
  'outcome' | 'promptTokens' | 'outputTokens' | 'charged' | 'firstTokenMs' | 'durationMs'
>;

/** What is kept of a call whose end is not known. */
export type Suspended = Partial<Pick<CallRow, 'tail' | 'firstTokenMs' | 'durationMs'>> & {
  readonly status?: 'unsettled' | 'submitted';
};

/** A refusal by the seller that shows its own books. */
export interface Corrective {
  readonly charged: bigint;
  readonly reserved: bigint;
  /** What it needs with the refused promise. */
  readonly needed: bigint;
  /** Cap of the best voucher it holds; the caller has checked our signature on it. */
  readonly bestMaxClaimable: bigint;
}

/** The books of one buyer, in memory; every change is handed out to be stored. */
export interface Book {
  channel(channelId: Hex): ChannelRow | undefined;
  channels(): readonly ChannelRow[];
  call(key: string): CallRow | undefined;
  /** True while the call holds a reservation. */
  isOpen(key: string): boolean;
  /** Calls that hold a reservation. */
  openCalls(): readonly CallRow[];
  /** What a fresh voucher could still promise on a channel, nait. */
  room(channelId: Hex): bigint;
  putChannel(channel: ChannelRow): BuyerChange;
  /** Whether a job that may cost `need` nait more fits the budget. Refusal: BUDGET_EXCEEDED. */
  checkBudget(jobId: Hex, need: bigint, maxNait?: MaxNait): Verdict<true>;
  /**
   * Enters a promise of output tokens up to position `tokens` for a call, new or running; a settled one is never
   * opened again. Refusals: JOB_STATE_WRONG, BUDGET_EXCEEDED, VOUCHER_BEYOND_BALANCE.
   */
  promise(call: CallRow, tokens: number, maxNait?: MaxNait): Verdict<Promised>;
  /** Takes a settled call back into memory, so that it counts against the limits of its job again. */
  recall(call: CallRow): void;
  /** Of a job that is open, or ended not long ago; nothing for others. */
  commitment(jobId: Hex): Commitment;
  /** Marks a call whose end is not known yet. */
  suspend(key: string, how?: Suspended): BuyerChange;
  /** The call never ran. */
  release(key: string): BuyerChange;
  /** The call ended as its receipt says; entered once, however often it is told. */
  settle(key: string, end: CallEnd): BuyerChange;
  /** Takes over the seller's books of a call's channel when it holds a voucher that these books forgot. Refusal: RECEIPT_INVALID. */
  adopt(key: string, corrective: Corrective): Verdict<BuyerChange>;
  spentToday(): bigint;
}

/** A settled call, and since when it is remembered. */
interface Done {
  readonly call: CallRow;
  readonly atMs: number;
}

interface State {
  readonly channels: Map<Hex, ChannelRow>;
  readonly calls: Map<string, CallRow>;
  /** In the order of their times. */
  readonly done: Map<string, Done>;
  readonly reserved: Map<Hex, bigint>;
  readonly jobs: JobSums;
  readonly budget: Budget;
  readonly nowMs: () => number;
  day: number;
  spent: bigint;
  open: bigint;
}

/** Books that go on from a stored state. */
export function createBook(stored: BuyerState, budget: Budget, nowMs: () => number): Book {
  const state = restore(stored, budget, nowMs);
  return {
    channel: (channelId) => state.channels.get(channelId),
    channels: () => [...state.channels.values()],
    call: (key) => state.calls.get(key) ?? state.done.get(key)?.call,
    isOpen: (key) => state.calls.has(key),
    checkBudget: (jobId, more, maxNait) =>
      budgetFault(state, { jobId, more, maxNait }) ?? accept(true),
    openCalls: () => [...state.calls.values()],
    room: (channelId) => roomOf(state, channelId),
    putChannel(channel) {
      state.channels.set(channel.channelId, channel);
      return { channel };
    },
    promise: (call, tokens, maxNait) => promise(state, call, { tokens, maxNait }),
    commitment: state.jobs.of,
    recall: (call) => recall(state, call),
    suspend: (key, how = {}) =>
      replaceCall(state, { ...openCall(state, key), status: 'unsettled', ...how }),
    release: (key) => release(state, key),
    settle: (key, end) => settle(state, key, end),
    adopt: (key, corrective) => adopt(state, key, corrective),
    spentToday: () => spentToday(state),
  };
}

function restore(stored: BuyerState, budget: Budget, nowMs: () => number): State {
  const state: State = {
    channels: new Map(stored.channels.map((channel) => [channel.channelId, channel])),
    calls: new Map(),
    done: new Map(),
    reserved: new Map(),
    jobs: createJobSums(),
    budget,
    nowMs,
    day: stored.spend?.day ?? 0,
    spent: stored.spend?.charged ?? 0n,
    open: 0n,
  };
  for (const call of stored.calls) {
    if (call.status === 'settled') {
      keepDone(state, call, call.startedAtMs);
    } else {
      const status = call.status === 'submitted' ? 'submitted' : 'unsettled';
      state.calls.set(callKey(call), { ...call, status });
      addReserved(state, call, { nait: call.reserved, open: 1 });
    }
  }
  return state;
}

function addReserved(state: State, { jobId, channelId }: CallRow, more: JobChange): void {
  const { nait = 0n } = more;
  state.reserved.set(channelId, reservedOf(state, channelId) + nait);
  state.open += nait;
  state.jobs.add(jobId, more);
}

function reservedOf(state: State, channelId: Hex): bigint {
  return state.reserved.get(channelId) ?? 0n;
}

function openCall(state: State, key: string): CallRow {
  const call = state.calls.get(key);
  if (!call) throw new Error('the call holds no reservation');
  return call;
}

function channelOf(state: State, channelId: Hex): ChannelRow {
  const channel = state.channels.get(channelId);
  if (!channel) throw new Error('the channel is not in the book');
  return channel;
}

function roomOf(state: State, channelId: Hex): bigint {
  const channel = state.channels.get(channelId);
  if (channel?.status !== 'open') return 0n;
  const room = channel.balance - channel.settled - reservedOf(state, channelId);
  return room > 0n ? room : 0n;
}

function spentToday(state: State): bigint {
  const day = Math.floor(state.nowMs() / dayMs);
  if (day !== state.day) {
    state.day = day;
    state.spent = 0n;
  }
  return state.spent;
}

interface Wish {
  /** Position up to which output tokens are to be covered. */
  readonly tokens: number;
  readonly maxNait: MaxNait | undefined;
}

function promise(state: State, draft: CallRow, { tokens, maxNait }: Wish): Verdict<Promised> {
  const key = callKey(draft);
  const { jobId } = draft;
  const isNew = !state.calls.has(key);
  if (isNew && state.done.has(key)) return refuse('JOB_STATE_WRONG', { jobId, state: 'settled' });
  const known = state.calls.get(key) ?? draft;
  if (tokens <= known.tokens && !isNew) return entered(state, known);
  const usage = { promptTokens: draft.promptBound, outputTokens: tokens - draft.from };
  const reserved = fullCharge(priceOf(draft.offer.payload), usage);
  const more = reserved - (isNew ? 0n : known.reserved);
  const fault = budgetFault(state, { jobId, more, maxNait });
  if (fault) return fault;
  const { channelId } = draft;
  if (more > roomOf(state, channelId)) {
    const { balance, settled } = channelOf(state, channelId);
    const cap = settled + reservedOf(state, channelId) + more;
    return refuse('VOUCHER_BEYOND_BALANCE', { cap, balance });
  }
  const call: CallRow = { ...known, tokens, reserved, status: 'running' };
  state.calls.set(key, call);
  addReserved(state, call, { nait: more, open: isNew ? 1 : 0 });
  return entered(state, call);
}

/** The voucher's cap for the books as they are now. */
function entered(state: State, call: CallRow): Verdict<Promised> {
  const { channelId } = call;
  const old = channelOf(state, channelId);
  const maxClaimable = old.settled + reservedOf(state, channelId);
  if (maxClaimable <= old.signedMax) return accept({ call, maxClaimable, change: { call } });
  if (maxClaimable > old.balance) {
    return refuse('VOUCHER_BEYOND_BALANCE', { cap: maxClaimable, balance: old.balance });
  }
  const channel = { ...old, signedMax: maxClaimable };
  state.channels.set(channelId, channel);
  return accept({ call, maxClaimable, change: { call, channel } });
}

interface More {
  readonly jobId: Hex;
  /** nait */
  readonly more: bigint;
  readonly maxNait: MaxNait | undefined;
}

function budgetFault(state: State, { jobId, more, maxNait }: More): Refusal | undefined {
  const { jobMax, dayMax } = state.budget;
  const needed = state.jobs.of(jobId).nait + more;
  if (needed > jobMax) {
    return refuse('BUDGET_EXCEEDED', { needed, scope: 'one job', available: jobMax });
  }
  const allowed = maxNait?.(jobId) ?? needed;
  if (needed > allowed) {
    return refuse('BUDGET_EXCEEDED', {
      needed,
      scope: 'this call',
      available: atLeastZero(allowed),
    });
  }
  const available = dayMax - spentToday(state) - state.open;
  if (more > available) {
    const left = atLeastZero(available);
    return refuse('BUDGET_EXCEEDED', { needed: more, scope: 'this day', available: left });
  }
  return undefined;
}

const atLeastZero = (nait: bigint): bigint => (nait > 0n ? nait : 0n);

function replaceCall(state: State, call: CallRow): BuyerChange {
  state.calls.set(callKey(call), call);
  return { call };
}

function closeCall(state: State, call: CallRow): BuyerChange {
  const key = callKey(call);
  const { reserved } = openCall(state, key);
  state.calls.delete(key);
  addReserved(state, call, { nait: -reserved, open: -1 });
  return { call: { ...call, reserved: 0n } };
}

function release(state: State, key: string): BuyerChange {
  return closeCall(state, { ...openCall(state, key), status: 'refused', charged: 0n });
}

function settle(state: State, key: string, end: CallEnd): BuyerChange {
  const call = state.calls.get(key);
  if (!call) return {};
  if (end.charged > call.reserved) throw new Error('a charge is above its reservation');
  const ended: CallRow = { ...call, ...end, status: 'settled' };
  const closed = closeCall(state, ended);
  rememberDone(state, { ...ended, reserved: 0n });
  const old = channelOf(state, call.channelId);
  const channel = { ...old, settled: old.settled + end.charged };
  state.channels.set(channel.channelId, channel);
  const charged = spentToday(state) + end.charged;
  state.spent = charged;
  return { channel, spend: { day: state.day, charged }, ...closed };
}

function recall(state: State, call: CallRow): void {
  const key = callKey(call);
  if (state.done.has(key) || state.calls.has(key)) return;
  keepDone(state, call, state.nowMs());
}

function keepDone(state: State, call: CallRow, atMs: number): void {
  state.done.set(callKey(call), { call, atMs });
  state.jobs.add(call.jobId, { nait: call.charged });
}

/** What a job owes is not forgotten while one of its calls is open: it counts against its limits. */
function rememberDone(state: State, call: CallRow): void {
  const nowMs = state.nowMs();
  keepDone(state, call, nowMs);
  for (const [key, { call: old, atMs }] of state.done) {
    if (atMs > nowMs - settledMemoryMs && state.done.size <= settledMemoryMax) return;
    if (state.jobs.of(old.jobId).isOpen) continue;
    state.done.delete(key);
    state.jobs.add(old.jobId, { nait: -old.charged });
  }
}

/**
 * The seller counts `charged + reserved` and needs `needed` with the new promise, which is in our sum already.
 * Its count is believed up to the cap it can prove, and `needed` up to that count and the new promise.
 */
function adopt(state: State, key: string, corrective: Corrective): Verdict<BuyerChange> {
  const call = openCall(state, key);
  const { channelId } = call;
  const old = channelOf(state, channelId);
  const { bestMaxClaimable, needed } = corrective;
  const theirs = corrective.charged + corrective.reserved;
  const ours = old.settled + reservedOf(state, channelId);
  const isProven = bestMaxClaimable > old.signedMax && theirs <= bestMaxClaimable;
  if (!isProven || needed > theirs + call.reserved) {
    const reason = `the provider counts ${theirs} nait on ${channelId}, the receipts ${ours}`;
    return refuse('RECEIPT_INVALID', { reason });
  }
  const settled = needed > ours ? old.settled + needed - ours : old.settled;
  const channel = { ...old, settled, signedMax: bestMaxClaimable };
  state.channels.set(channelId, channel);
  return accept({ channel });
}

/** Most output tokens a call may cover under an offer. */
export function outputTokensMax(offer: CallRow['offer'], asked: number | undefined): number {
  const { outputMax } = offer.payload;
  return Math.min(asked ?? outputMax, outputMax, limits.outputTokensMax);
}
