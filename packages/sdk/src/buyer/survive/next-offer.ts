/**
 * Who may go on with an answer that broke off: from the ranking that was fetched for the job, so that nobody has
 * to be asked while the client waits.
 *
 * Only offers for the same weights (model digest), that still hold, leave room for more tokens, and whose
 * provider had no part in the job. First those that continue exactly; among equals first those with money in
 * the channel, because the chain is slower than any provider; then the coordinator's rank.
 */
import type { Candidate } from '../../offers/discover-offers.ts';
import { firstPromise } from '../pay/pay-job.ts';
import type { Purchase } from '../purchase.ts';
import type { BuyerParts } from '../types.ts';

/** Where the answer is. */
export interface MovePoint {
  /** Digest of the model that began. */
  readonly digest: string;
  /** Position of the next output token. */
  readonly from: number;
}

/** The offers that may go on, best first. */
export function offersToMoveTo(
  { channels, nowMs }: Pick<BuyerParts, 'channels' | 'nowMs'>,
  purchase: Purchase,
  { digest, from }: MovePoint,
): readonly Candidate[] {
  const graded = (purchase.ranked ?? []).flatMap((candidate) => {
    const { payload } = candidate.offer;
    const room = channels.room(candidate);
    const { need, maxTokens } = firstPromise(purchase, candidate, from);
    const fits =
      payload.digest === digest &&
      payload.validUntilMs >= nowMs() &&
      maxTokens > from &&
      room !== undefined &&
      !purchase.tried.has(candidate.provider);
    if (!fits) return [];
    return [{ candidate, grade: (payload.canResume ? 0 : 2) + (room >= need ? 0 : 1) }];
  });
  return graded.sort((a, b) => a.grade - b.grade).map(({ candidate }) => candidate);
}
