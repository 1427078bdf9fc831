/**
 * The provider's side of an acknowledgement: one more receipt for a job that died, over the tokens that its
 * buyer says it received. What makes it acceptable is decided in packages/market (acknowledge-tokens.ts).
 *
 * An acknowledgement of no tokens for a job that is not known here gives the job up: its buyer got no answer and
 * holds money for it no longer, so a request that the network held back must not run it. It is written down before
 * the buyer hears JOB_UNKNOWN, and the job is refused from then on. A buyer that asks for it anew after that is told
 * which giving up its call has to name (`again`); a call that was held back cannot know.
 *
 * Idempotent: who acknowledges a range again that a receipt covers by now gets the receipts, and nothing is
 * charged. See docs/spec/payments.md, "When a provider fails".
 */
import {
  type Acknowledgement,
  AppError,
  accept,
  type Hex,
  type Network,
  type Refusal,
  refuse,
  type SignedReceipt,
  type Verdict,
  verifyAcknowledgement,
} from '@aitbc/protocol';
import type { OfferBook } from '../offers/offer-book.ts';
import type { JournalRow, ProviderStore } from '../store.ts';
import type { ChannelBooks } from './channel-books.ts';
import { createReceiptChain, type ReceiptSigner } from './receipt-chain.ts';
import { jobOfRow } from './recover-jobs.ts';

/** An acknowledgement as it was sent. */
export interface SignedAcknowledgement extends Acknowledgement {
  readonly signature: Hex;
}

export interface AcknowledgeDeps extends ReceiptSigner {
  readonly network: Network;
  readonly store: Pick<ProviderStore, 'job' | 'offer' | 'receipts'>;
  readonly books: Pick<ChannelBooks, 'acknowledge' | 'get'>;
  readonly givenUp: Pick<GivenUpJobs, 'add'>;
  readonly offers: Pick<OfferBook, 'standing'>;
  /** More is due than before. */
  readonly onEnded: () => void;
}

/**
 * Signs for acknowledged tokens and charges them. Refusals: JOB_UNKNOWN, VOUCHER_CHANNEL_WRONG,
 * VOUCHER_SIGNATURE_INVALID, JOB_STATE_WRONG.
 */
export function acknowledgeJob(
  signed: SignedAcknowledgement,
  deps: AcknowledgeDeps,
): Verdict<SignedReceipt> {
  const { signature, ...ack } = signed;
  const row = deps.store.job(ack.jobId);
  if (!row) return giveUp(signed, deps);
  if (row.channelId !== ack.channelId || !deps.books.get(ack.channelId)) {
    return refuse('VOUCHER_CHANNEL_WRONG', { channelId: ack.channelId });
  }
  const receipts = deps.store.receipts(ack.jobId);
  const earlier = receipts.find(({ payload }) => isFor(payload, ack));
  if (earlier) return accept(earlier);
  if (row.outcome !== 'running' && receipts.length === 0) {
    return refuse('JOB_STATE_WRONG', { jobId: ack.jobId, state: 'forgotten' });
  }
  return signFor({ row, ack, signature, receipts }, deps);
}

/** The refusal that says that the job has not run and, when the buyer asked for that, will not. */
function giveUp(
  { signature, ...ack }: SignedAcknowledgement,
  { network, books, givenUp }: AcknowledgeDeps,
): Refusal {
  const unknown = refuse('JOB_UNKNOWN', { jobId: ack.jobId });
  if (ack.from !== ack.to) return unknown;
  const { channelId } = ack;
  const channel = books.get(channelId)?.channel;
  if (!channel) return refuse('VOUCHER_CHANNEL_WRONG', { channelId });
  if (!verifyAcknowledgement(network, { ack, signature }, channel.payerAuthorizer)) {
    return refuse('VOUCHER_SIGNATURE_INVALID', { channelId });
  }
  givenUp.add(ack);
  return unknown;
}

/** Longer than any line holds a request back. */
const givenUpKeptMs = 24 * 3_600_000;
const givenUpPerChannel = 64;

type JobOnChannel = Pick<Acknowledgement, 'jobId' | 'channelId'>;

/** Jobs that their buyers gave up before they were heard of here. */
export interface GivenUpJobs {
  /** Refuses the job from now on; of the newest 64 of a channel, for a day. */
  add(job: JobOnChannel): void;
  /** Refusal JOB_EXPIRED of a job that was given up and is not asked for again; undefined for others. */
  refusal(job: JobOnChannel, again: number | undefined): Refusal | undefined;
  /** The job starts: it is given up no longer. */
  drop(job: JobOnChannel): void;
}

/** Given-up jobs, in memory and in the store. */
export function createGivenUpJobs(
  store: Pick<ProviderStore, 'givenUp' | 'saveGivenUp' | 'dropGivenUp'>,
  nowMs: () => number,
): GivenUpJobs {
  const channels = new Map<Hex, Map<Hex, number>>();
  const remember = ({ jobId, channelId }: JobOnChannel, atMs: number): void => {
    const jobs = channels.get(channelId) ?? new Map<Hex, number>();
    channels.set(channelId, jobs.set(jobId, atMs));
  };
  const drop: GivenUpJobs['drop'] = ({ jobId, channelId }) => {
    const jobs = channels.get(channelId);
    if (!jobs?.delete(jobId)) return;
    if (jobs.size === 0) channels.delete(channelId);
    store.dropGivenUp({ jobId, channelId });
  };
  for (const { jobId, channelId, atMs } of store.givenUp()) {
    remember({ jobId, channelId }, atMs);
    if (atMs < nowMs() - givenUpKeptMs) drop({ jobId, channelId });
  }
  return {
    add({ jobId, channelId }) {
      drop({ jobId, channelId });
      const atMs = nowMs();
      for (const [old, oldAtMs] of channels.get(channelId) ?? []) {
        const isFull = (channels.get(channelId)?.size ?? 0) >= givenUpPerChannel;
        if (!isFull && oldAtMs >= atMs - givenUpKeptMs) break;
        drop({ jobId: old, channelId });
      }
      remember({ jobId, channelId }, atMs);
      store.saveGivenUp({ jobId, channelId, atMs });
    },
    refusal({ jobId, channelId }, again) {
      const atMs = channels.get(channelId)?.get(jobId);
      if (atMs === undefined || atMs === again) return undefined;
      return refuse('JOB_EXPIRED', { jobId, again: atMs });
    },
    drop,
  };
}

interface Asked {
  readonly row: JournalRow;
  readonly ack: Acknowledgement;
  readonly signature: Hex;
  readonly receipts: readonly SignedReceipt[];
}

function signFor(
  { row, ack, signature, receipts }: Asked,
  deps: AcknowledgeDeps,
): Verdict<SignedReceipt> {
  const signedOffer = deps.store.offer(row.offerId);
  if (!signedOffer) throw new AppError('INTERNAL', { reason: 'a job without its offer' });
  const offer = deps.offers.standing(signedOffer);
  const job = jobOfRow(row, signedOffer);
  const { windowTokens } = offer.payload;
  const verdict = deps.books.acknowledge({ ack, signature, job, windowTokens }, (step) =>
    createReceiptChain({ ...row, offer }, deps, receipts).next(step, ack.textHash),
  );
  if (verdict.ok) deps.onEnded();
  return verdict;
}

function isFor(payload: SignedReceipt['payload'], { from, to, textHash }: Acknowledgement) {
  return payload.from === from && payload.to === to && payload.textHash === textHash;
}
