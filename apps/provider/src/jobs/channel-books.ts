/**
 * The books of all channels, in memory and in the store, always in step: every change goes through the
 * pure rules of the market package and is written before anybody acts on it: `written` resolves when it is.
 *
 * Single writer: all methods are synchronous, so two requests for one channel cannot interleave between
 * check and change. Tokens are counted here as they go out and charged with a receipt, never without one:
 * what is charged is claimed, and whoever dies in between must find a receipt for every nait. So a live job
 * signs for what went out before a new state of the chain is looked at, which may take its reservation.
 */
import {
  type AcknowledgeRequest,
  type Admission,
  type AdmissionVerdict,
  acknowledgeTokens,
  admitJob,
  type ChannelRecord,
  claimRowOf,
  deliverTokens,
  type Extension,
  endJob,
  extendJob,
  type JobEnd,
  type JobRecord,
  type JobRequest,
  type Metered,
  observeChannel,
  recordOf,
  type Seller,
  type TopUp,
} from '@aitbc/market';
import {
  type ChannelState,
  type ClaimRow,
  type Hex,
  type Refusal,
  refuse,
  type SignedReceipt,
  type Verdict,
} from '@aitbc/protocol';
import type { MandateMirror } from '../chain/mandate-mirror.ts';
import type { PlacedReceipt, ProviderStore } from '../store.ts';

export interface BooksDeps {
  readonly seller: Seller;
  readonly store: Pick<
    ProviderStore,
    | 'channels'
    | 'saveChannel'
    | 'dropChannel'
    | 'startJob'
    | 'extendJob'
    | 'checkpoint'
    | 'endJob'
    | 'written'
  >;
  /** What mandates say of the hot keys of channels. */
  readonly mandates: Pick<MandateMirror, 'refusal'>;
  readonly nowMs: () => number;
  /** Money that a withdrawal took from under charges, nait: somebody must know. */
  readonly onLoss: (channelId: Hex, writtenOff: bigint) => void;
}

/** Makes the receipt of a step; called with the books after it, before they are written. */
export type ReceiptOf = (step: Metered) => PlacedReceipt;

/** The books. */
export interface ChannelBooks {
  get(channelId: Hex): ChannelRecord | undefined;
  all(): Iterable<ChannelRecord>;
  observe(channel: ChannelState): void;
  /**
   * Decides, and writes reservation and journal before it answers. JOB_CONFLICT also for a job that the
   * journal has and the request does not call known.
   */
  admit(channelId: Hex, request: MandatedRequest): AdmissionVerdict<Admission>;
  /** The same decision with nothing written: what `admit` would say now. */
  check(channelId: Hex, request: MandatedRequest): AdmissionVerdict<Admission>;
  extend(topUp: MandatedTopUp): AdmissionVerdict<JobRecord>;
  /** Position up to which vouchers cover output tokens; 0 for a job that is not live. */
  covered(channelId: Hex, jobId: Hex): number;
  /** Resolves true when so many tokens are covered, false after the time; rejects on abort. */
  whenCovered(wanted: CoverWish): Promise<boolean>;
  /**
   * Counts tokens that are going out now. `checkpoint` is called when they must be charged at once; it
   * calls the method of that name.
   */
  count(jobId: Hex, tokens: number, checkpoint: () => void): void;
  /** Charges what was counted, and writes it with its receipt. */
  checkpoint(job: LiveRef, promptTokens: number, receiptOf: ReceiptOf): PlacedReceipt;
  /** Settles a job and writes it with its last receipt. */
  end(
    job: LiveRef,
    end: Omit<JobEnd, 'outputTokens'>,
    receiptOf: ReceiptOf,
  ): { step: Metered; receipt: SignedReceipt };
  /**
   * Charges tokens of a dead job that its buyer says it received, and writes them with their receipt. The channel
   * must be known.
   */
  acknowledge(request: AcknowledgeRequest, receiptOf: ReceiptOf): Verdict<SignedReceipt>;
  /** Drops the books of a channel that is not on chain and has no live job. */
  forget(channelId: Hex): void;
  claimRows(): ClaimRow[];
  /** Resolves when every change so far is committed: engine, head, answer and receipt wait for it. */
  written(): Promise<void>;
}

/** What asks to run, with the model that its mandate must allow. */
export interface MandatedRequest extends JobRequest {
  readonly model: string;
}

/** A voucher for the next window, with the model of its job. */
export interface MandatedTopUp extends TopUp {
  readonly model: string;
}

/** A live job by its ids. */
export interface LiveRef {
  readonly jobId: Hex;
  readonly channelId: Hex;
}

/** A wait for a voucher. */
export interface CoverWish extends LiveRef {
  readonly tokens: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

export function createChannelBooks(deps: BooksDeps): ChannelBooks {
  const { store, nowMs, onLoss } = deps;
  const judge = createJudge(deps);
  const records = new Map<Hex, ChannelRecord>();
  const counts = createCounts();
  const waits = createWaits();
  for (const { channel, saved } of store.channels()) {
    records.set(channel.channelId, recordOf(channel, saved));
  }

  const mustGet = (channelId: Hex): ChannelRecord => {
    const record = records.get(channelId);
    if (!record) throw new Error(`no books of channel ${channelId}`);
    return record;
  };
  const keep = (record: ChannelRecord): void => void records.set(record.channel.channelId, record);
  const covered = (channelId: Hex, jobId: Hex): number =>
    records.get(channelId)?.jobs.get(jobId)?.tokensCovered ?? 0;

  return {
    get: (channelId) => records.get(channelId),
    all: () => records.values(),
    observe(channel) {
      const { channelId } = channel;
      for (const jobId of records.get(channelId)?.jobs.keys() ?? []) counts.charge(jobId);
      const known = records.get(channelId) ?? recordOf(channel);
      const { record, writtenOff } = observeChannel(known, channel);
      keep(record);
      store.saveChannel(record);
      if (writtenOff > 0n) onLoss(channelId, writtenOff);
    },
    admit(channelId, request) {
      const verdict = judge.admit(records.get(channelId), request);
      if (!verdict.ok || verdict.value.kind === 'attach') return verdict;
      const { record, job } = verdict.value;
      const { bodyDigest, resume } = request;
      const facts = { bodyDigest, resume, atMs: nowMs() };
      if (!store.startJob(record, job, facts)) return refuse('JOB_CONFLICT', { jobId: job.jobId });
      keep(record);
      return verdict;
    },
    check: (channelId, request) => judge.admit(records.get(channelId), request),
    extend(topUp) {
      const record = records.get(topUp.channelId);
      if (!record) return refuse('VOUCHER_CHANNEL_WRONG', { channelId: topUp.channelId });
      const verdict = judge.extend(record, topUp);
      if (!verdict.ok) return verdict;
      store.extendJob(verdict.value.record, verdict.value.job);
      keep(verdict.value.record);
      waits.wake(topUp.jobId);
      return { ok: true, value: verdict.value.job };
    },
    covered,
    whenCovered: (wish) =>
      waits.until(wish, () => covered(wish.channelId, wish.jobId) >= wish.tokens),
    count: counts.add,
    ...createSteps({ mustGet, keep, counts }, deps),
    forget(channelId) {
      if ((records.get(channelId)?.jobs.size ?? 0) > 0) return;
      records.delete(channelId);
      store.dropChannel(channelId);
    },
    claimRows: () => [...records.values()].flatMap((record) => claimRowOf(record) ?? []),
    written: () => store.written(),
  };
}

interface Books {
  mustGet(channelId: Hex): ChannelRecord;
  keep(record: ChannelRecord): void;
  readonly counts: ReturnType<typeof createCounts>;
}

/** What turns delivered tokens into charges, each with its receipt. */
function createSteps(
  { mustGet, keep, counts }: Books,
  { seller, store, nowMs }: BooksDeps,
): Pick<ChannelBooks, 'checkpoint' | 'end' | 'acknowledge'> {
  return {
    checkpoint(ref, promptTokens, receiptOf) {
      const delivery = { outputTokens: counts.take(ref.jobId), promptTokens };
      const step = deliverTokens(mustGet(ref.channelId), ref.jobId, delivery);
      const placed = receiptOf(step);
      store.checkpoint(step.record, step.job, placed);
      keep(step.record);
      return placed;
    },
    end(ref, end, receiptOf) {
      const outputTokens = counts.take(ref.jobId);
      const step = endJob(mustGet(ref.channelId), ref.jobId, { outputTokens, ...end });
      const placed = receiptOf(step);
      store.endJob(step.record, step.job, { receipt: placed, atMs: nowMs() });
      keep(step.record);
      return { step, receipt: placed.receipt };
    },
    acknowledge(request, receiptOf) {
      const verdict = acknowledgeTokens(seller, mustGet(request.ack.channelId), request);
      if (!verdict.ok) return verdict;
      const placed = receiptOf(verdict.value);
      store.checkpoint(verdict.value.record, verdict.value.job, placed);
      keep(verdict.value.record);
      return { ok: true, value: placed.receipt };
    },
  };
}

/** The rules of the market, and what mandates say of all that a job then promises. */
function createJudge({ seller, mandates }: Pick<BooksDeps, 'seller' | 'mandates'>) {
  const refusalOf = ({ record, job }: Extension, model: string): Refusal | undefined =>
    mandates.refusal(record.channel, { model, promised: job.charged + job.reserved });
  return {
    admit(
      record: ChannelRecord | undefined,
      request: MandatedRequest,
    ): AdmissionVerdict<Admission> {
      const verdict = admitJob(seller, record, request);
      if (!verdict.ok || verdict.value.kind === 'attach') return verdict;
      return refusalOf(verdict.value, request.model) ?? verdict;
    },
    extend(record: ChannelRecord, topUp: MandatedTopUp): AdmissionVerdict<Extension> {
      const verdict = extendJob(seller, record, topUp);
      return verdict.ok ? (refusalOf(verdict.value, topUp.model) ?? verdict) : verdict;
    },
  };
}

/** Tokens that went out since the last receipt of each job, and what signs for them. */
function createCounts() {
  const counted = new Map<Hex, { tokens: number; checkpoint: () => void }>();
  return {
    add(jobId: Hex, more: number, checkpoint: () => void): void {
      counted.set(jobId, { tokens: (counted.get(jobId)?.tokens ?? 0) + more, checkpoint });
    },
    charge: (jobId: Hex): void => counted.get(jobId)?.checkpoint(),
    take(jobId: Hex): number {
      const tokens = counted.get(jobId)?.tokens ?? 0;
      counted.delete(jobId);
      return tokens;
    },
  };
}

/** Waits of jobs for their next voucher. */
function createWaits() {
  const wakers = new Map<Hex, Set<() => void>>();
  return {
    wake(jobId: Hex): void {
      for (const wake of wakers.get(jobId) ?? []) wake();
    },
    until({ jobId, waitMs, signal }: CoverWish, isDone: () => boolean): Promise<boolean> {
      if (isDone()) return Promise.resolve(true);
      return new Promise((resolve, reject) => {
        const mine = wakers.get(jobId) ?? new Set();
        wakers.set(jobId, mine);
        const clear = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          mine.delete(wake);
          if (mine.size === 0) wakers.delete(jobId);
        };
        const wake = () => {
          if (!isDone()) return;
          clear();
          resolve(true);
        };
        const onAbort = () => {
          clear();
          reject(signal.reason);
        };
        const timer = setTimeout(() => {
          clear();
          resolve(false);
        }, waitMs);
        mine.add(wake);
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
      });
    },
  };
}
