/** What a buyer must not forget, and where it keeps it. */
import type { Hex, Outcome, SignedOffer, SignedReceipt } from '@aitbc/protocol';

/**
 * How a channel stands with its buyer. `opening`: the funding transaction may or may not be on chain.
 * `distrusted`: the provider broke a rule; nothing more is signed on it.
 */
export type ChannelStatus = 'opening' | 'open' | 'closed' | 'distrusted';

/** The buyer's book of one channel; amounts in nait. */
export interface ChannelRow {
  readonly channelId: Hex;
  /** Address of the provider. */
  readonly provider: string;
  readonly receiverAuthorizer: Hex;
  readonly withdrawDelayMs: number;
  readonly salt: Hex;
  readonly status: ChannelStatus;
  /** What vouchers may promise: the balance on chain less a pending withdrawal. */
  readonly balance: bigint;
  /** Due for jobs that have ended. */
  readonly settled: bigint;
  /** Largest cap that was ever signed. */
  readonly signedMax: bigint;
}

/**
 * How a paid call stands. `running` holds a reservation; so does `unsettled`, whose end is not known yet,
 * and `submitted`, which the coordinator keeps until a provider runs it.
 * `settled` was charged as its final receipt says; `refused` never ran and is forgotten.
 */
export type CallStatus = 'running' | 'unsettled' | 'submitted' | 'settled' | 'refused';

/** Output tokens that arrived and that no receipt covers; positions count from the job's first token. */
export interface CallTail {
  readonly from: number;
  readonly to: number;
  /** SHA-256 of their text, hex. */
  readonly textHash: Hex;
}

/**
 * One paid call at one provider; amounts in nait. A job that moved has one at each of its providers. Positions
 * of tokens count from the job's first token, whoever gave it.
 */
export interface CallRow {
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly provider: string;
  readonly model: string;
  readonly offer: SignedOffer;
  readonly bodyDigest: Hex;
  /** Names the job together with payer and body; null in rows from before it was kept. */
  readonly idempotencyKey: string | null;
  readonly promptBound: number;
  /** Position at which this call begins: 0 unless it goes on with what another provider began. */
  readonly from: number;
  /** Chains all text before `from`; null when there is none. */
  readonly prefixHash: Hex | null;
  /** Position up to which signed vouchers cover output tokens. */
  readonly tokens: number;
  /** Most that this call can cost by what was signed for it; 0 once it is settled. */
  readonly reserved: bigint;
  readonly status: CallStatus;
  readonly outcome: Outcome;
  readonly promptTokens: number;
  /** Output tokens of this call alone. */
  readonly outputTokens: number;
  readonly charged: bigint;
  readonly startedAtMs: number;
  readonly firstTokenMs: number | null;
  readonly durationMs: number;
  /** What this buyer will acknowledge once the provider that failed is back. */
  readonly tail: CallTail | null;
}

/** What was charged on one day, nait; days are counted in UTC since 1970. */
export interface DaySpend {
  readonly day: number;
  readonly charged: bigint;
}

/** All that a buyer starts from: open books, calls without an end, newest settled calls. */
export interface BuyerState {
  readonly channels: readonly ChannelRow[];
  readonly calls: readonly CallRow[];
  readonly spend: DaySpend | undefined;
}

/** One step to keep: all of it or nothing. */
export interface BuyerChange {
  readonly channel?: ChannelRow;
  readonly call?: CallRow;
  readonly spend?: DaySpend;
  /** All receipts of `call` that are known, in order; they replace those it has unless there are none. */
  readonly receipts?: readonly SignedReceipt[];
}

/**
 * When a change is written. `now`: a voucher waits for it. `soon`: with the next one that is written now, or a few
 * milliseconds later; a crash may lose it, and the provider is asked again.
 */
export type SaveTime = 'now' | 'soon';

/**
 * Keeps the books of a buyer. `save` returns (or resolves) only when the change will survive a crash of the
 * process: a voucher leaves after that. Changes are written in the order in which they came, and `find` knows of
 * all of them. Calls are identified by job and channel together.
 */
export interface BuyerStore {
  /**
   * Calls that hold a reservation, the settled ones of the same jobs, which count against their limits, and those settled
   * after `settledAfterMs`.
   */
  load(settledAfterMs: number): BuyerState | Promise<BuyerState>;
  /** All calls of a job, also those that were settled long ago. */
  find(jobId: Hex): readonly CallRow[] | Promise<readonly CallRow[]>;
  /** Default `now`. */
  save(change: BuyerChange, time?: SaveTime): void | Promise<void>;
}

/** A store that forgets with the process: for programs that live shorter than their channels' claims. */
export function createMemoryStore(): BuyerStore {
  const channels = new Map<Hex, ChannelRow>();
  const calls = new Map<string, CallRow>();
  let spend: DaySpend | undefined;
  return {
    load(settledAfterMs) {
      const all = [...calls.values()];
      const open = all.filter(({ status }) => status !== 'settled');
      const openJobs = new Set(open.map(({ jobId }) => jobId));
      const isWanted = ({ jobId, startedAtMs }: CallRow) =>
        startedAtMs > settledAfterMs || openJobs.has(jobId);
      const settled = all.filter((call) => call.status === 'settled' && isWanted(call));
      return { channels: [...channels.values()], calls: [...open, ...settled], spend };
    },
    find: (jobId) =>
      [...channels.keys()].flatMap((channelId) => calls.get(callKey({ jobId, channelId })) ?? []),
    save(change) {
      const { channel, call } = change;
      if (channel) channels.set(channel.channelId, channel);
      if (call) keepCall(calls, call);
      if (change.spend) spend = change.spend;
    },
  };
}

const memoryCallsMax = 10_000;

function keepCall(calls: Map<string, CallRow>, call: CallRow): void {
  const key = callKey(call);
  calls.delete(key);
  if (call.status === 'refused') return;
  calls.set(key, call);
  if (calls.size <= memoryCallsMax) return;
  for (const [oldKey, { status }] of calls) {
    if (status === 'settled') {
      calls.delete(oldKey);
      return;
    }
  }
}

/** Key of a call: the same job may be tried at several providers. */
export function callKey({ jobId, channelId }: Pick<CallRow, 'jobId' | 'channelId'>): string {
  return `${jobId}${channelId}`;
}
