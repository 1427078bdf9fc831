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
 * `dayMax`, what one job promises and owes at all its providers may not pass `jobMax`. What is signed can be claimed, so only a check
 * before the signature is a limit.
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
  checkBudget(jobId: Hex, need: bigint): Verdict<true>;
  /**
   * Enters a promise of output tokens up to position `tokens` for a call, new or running; a settled one is never
   * opened again. Refusals: JOB_STATE_WRONG, BUDGET_EXCEEDED, VOUCHER_BEYOND_BALANCE.
   */
  promise(call: CallRow, tokens: number): Verdict<Promised>;
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

interface State {
  readonly channels: Map<Hex, ChannelRow>;
  readonly calls: Map<string, CallRow>;
  readonly done: Map<string, CallRow>;
  readonly reserved: Map<Hex, bigint>;
  /** What each job has promised and owes, at all its providers; of jobs that are remembered. */
  readonly jobs: Map<Hex, bigint>;
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
    call: (key) => state.calls.get(key) ?? state.done.get(key),
    isOpen: (key) => state.calls.has(key),
    checkBudget: (jobId, need) => budgetFault(state, jobId, need) ?? accept(true),
    openCalls: () => [...state.calls.values()],
    room: (channelId) => roomOf(state, channelId),
    putChannel(channel) {
      state.channels.set(channel.channelId, channel);
      return { channel };
    },
    promise: (call, tokens) => promise(state, call, tokens),
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
    jobs: new Map(),
    budget,
    nowMs,
    day: stored.spend?.day ?? 0,
    spent: stored.spend?.charged ?? 0n,
    open: 0n,
  };
  for (const call of stored.calls) {
    if (call.status === 'settled') {
      state.done.set(callKey(call), call);
      addToJob(state, call.jobId, call.charged);
    } else {
      const status = call.status === 'submitted' ? 'submitted' : 'unsettled';
      state.calls.set(callKey(call), { ...call, status });
      addReserved(state, call, call.reserved);
    }
  }
  return state;
}

function addReserved(state: State, { jobId, channelId }: CallRow, amountNait: bigint): void {
  state.reserved.set(channelId, reservedOf(state, channelId) + amountNait);
  state.open += amountNait;
  addToJob(state, jobId, amountNait);
}

function addToJob({ jobs }: State, jobId: Hex, amountNait: bigint): void {
  const sum = (jobs.get(jobId) ?? 0n) + amountNait;
  if (sum === 0n) jobs.delete(jobId);
  else jobs.set(jobId, sum);
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

function promise(state: State, draft: CallRow, tokens: number): Verdict<Promised> {
  const key = callKey(draft);
  const { jobId } = draft;
  const isSettled = state.done.has(key) && !state.calls.has(key);
  if (isSettled) return refuse('JOB_STATE_WRONG', { jobId, state: 'settled' });
  const known = state.calls.get(key) ?? draft;
  if (tokens <= known.tokens && state.calls.has(key)) return entered(state, known);
  const usage = { promptTokens: draft.promptBound, outputTokens: tokens - draft.from };
  const reserved = fullCharge(priceOf(draft.offer.payload), usage);
  const more = reserved - (state.calls.has(key) ? known.reserved : 0n);
  const fault = budgetFault(state, jobId, more);
  if (fault) return fault;
  const { channelId } = draft;
  if (more > roomOf(state, channelId)) {
    const { balance, settled } = channelOf(state, channelId);
    const cap = settled + reservedOf(state, channelId) + more;
    return refuse('VOUCHER_BEYOND_BALANCE', { cap, balance });
  }
  const call: CallRow = { ...known, tokens, reserved, status: 'running' };
  state.calls.set(key, call);
  addReserved(state, call, more);
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

function budgetFault(state: State, jobId: Hex, more: bigint): Refusal | undefined {
  const { jobMax, dayMax } = state.budget;
  const needed = (state.jobs.get(jobId) ?? 0n) + more;
  if (needed > jobMax) {
    return refuse('BUDGET_EXCEEDED', { needed, scope: 'one job', available: jobMax });
  }
  const available = dayMax - spentToday(state) - state.open;
  if (more > available) {
    const left = available > 0n ? available : 0n;
    return refuse('BUDGET_EXCEEDED', { needed: more, scope: 'this day', available: left });
  }
  return undefined;
}

function replaceCall(state: State, call: CallRow): BuyerChange {
  state.calls.set(callKey(call), call);
  return { call };
}

function closeCall(state: State, call: CallRow): BuyerChange {
  const key = callKey(call);
  const { reserved } = openCall(state, key);
  state.calls.delete(key);
  addReserved(state, call, -reserved);
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
  addToJob(state, call.jobId, end.charged);
  rememberDone(state, { ...ended, reserved: 0n });
  const old = channelOf(state, call.channelId);
  const channel = { ...old, settled: old.settled + end.charged };
  state.channels.set(channel.channelId, channel);
  const charged = spentToday(state) + end.charged;
  state.spent = charged;
  return { ...closed, channel, spend: { day: state.day, charged } };
}

function rememberDone(state: State, call: CallRow): void {
  state.done.set(callKey(call), call);
  const oldestMs = state.nowMs() - settledMemoryMs;
  for (const [key, { startedAtMs, jobId, charged }] of state.done) {
    if (startedAtMs > oldestMs && state.done.size <= settledMemoryMax) return;
    state.done.delete(key);
    addToJob(state, jobId, -charged);
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
