/**
 * Acknowledgements: a buyer says that it received output tokens which no receipt covers, because the
 * provider died before it could sign for them. The provider may then charge them.
 *
 * Only the buyer knows what arrived, so its word is taken, within what the job would have allowed:
 * the job ended as `provider_error`, the range begins where its last receipt ended, is at most a
 * window long, is covered by the vouchers of the job, and fits under what is signed on the channel.
 * The charge is that of the tokens alone: the fault rule of that outcome leaves prompt and request fee out.
 *
 * Rejected: to keep the reservation of a dead job for an acknowledgement. It would lock a buyer's money
 * for as long as the buyer says nothing; whoever spent the headroom meanwhile is told so.
 *
 * See docs/spec/payments.md, "When a provider fails".
 */
import {
  type Acknowledgement,
  accept,
  chargeFor,
  type Hex,
  refuse,
  type Verdict,
  verifyAcknowledgement,
} from '@aitbc/protocol';
import type { Seller } from './admit-job.ts';
import { assertRecord, type ChannelRecord, type JobRecord } from './channel-record.ts';
import type { Metered } from './meter-job.ts';

/** A signed acknowledgement and the ended job that it is for. */
export interface AcknowledgeRequest {
  readonly ack: Acknowledgement;
  readonly signature: Hex;
  /** The job as its last receipt left it: `delivered` is where that receipt ended. */
  readonly job: JobRecord;
  /** Window of the job's offer. */
  readonly windowTokens: number;
}

/**
 * Charges acknowledged tokens of a job that ended in a failure. Refusals: VOUCHER_CHANNEL_WRONG,
 * VOUCHER_SIGNATURE_INVALID, JOB_STATE_WRONG.
 */
export function acknowledgeTokens(
  seller: Pick<Seller, 'network'>,
  record: ChannelRecord,
  request: AcknowledgeRequest,
): Verdict<Metered> {
  const { ack, signature, job } = request;
  const { channelId, payerAuthorizer } = record.channel;
  if (ack.channelId !== channelId) {
    return refuse('VOUCHER_CHANNEL_WRONG', { channelId: ack.channelId });
  }
  if (!verifyAcknowledgement(seller.network, { ack, signature }, payerAuthorizer)) {
    return refuse('VOUCHER_SIGNATURE_INVALID', { channelId });
  }
  const usage = { promptTokens: 0, outputTokens: ack.to - job.from };
  const due = chargeFor(job.price, usage, 'provider_error');
  const more = due > job.charged ? due - job.charged : 0n;
  const state = faultOf(request, record.charged + record.reserved + more <= record.signedMax);
  if (state) return refuse('JOB_STATE_WRONG', { jobId: job.jobId, state });
  const paid = { ...job, delivered: ack.to, charged: job.charged + more };
  const books = assertRecord({ ...record, charged: record.charged + more });
  return accept({ record: books, job: paid });
}

/** What stands against an acknowledgement, as the state of its job. */
function faultOf(
  { ack, job, windowTokens }: AcknowledgeRequest,
  hasRoom: boolean,
): string | undefined {
  const { from, to } = ack;
  if (job.outcome !== 'provider_error') return job.outcome;
  if (from !== job.delivered) return `receipted up to token ${job.delivered}, not ${from}`;
  if (to <= from) return 'acknowledged for no token';
  if (to - from > windowTokens) return `acknowledged for more than a window (${windowTokens})`;
  if (to > job.tokensCovered) return `covered up to token ${job.tokensCovered} only`;
  if (!hasRoom) return 'on a channel where too little is signed';
  return undefined;
}
