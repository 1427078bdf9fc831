/**
 * Who waits for a transaction: each waiter is told once, by the block that makes it final or by the
 * refusal that drops it. Waiting has an end of its own; then the transaction is simply still waiting. The
 * newest refusals are kept, so that somebody who asks later hears why instead of "not found".
 */
import { AppError, type Hex, type Refusal } from '@aitbc/protocol';

const keptRefusals = 1_000;

/** A refusal without its place in a verdict. */
export type Dropped = Pick<Refusal, 'code' | 'facts'>;

/** Waiters by transaction. */
export interface Finality {
  /** True when the transaction became final, false when time ran out first. Rejects with the refusal that dropped it. */
  wait(
    txId: Hex,
    options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<boolean>;
  isFinal(txIds: readonly Hex[]): void;
  isDropped(txId: Hex, refusal: Dropped): void;
  /** It came in (again): an older refusal is over. */
  isAdmitted(txId: Hex): void;
  refusalOf(txId: Hex): Dropped | undefined;
}

interface Waiter {
  resolve(final: boolean): void;
  reject(error: AppError): void;
}

/** Waiters of one node. */
export function createFinality(): Finality {
  const waiters = new Map<Hex, Set<Waiter>>();
  const refusals = new Map<Hex, Dropped>();
  const settle = (txId: Hex, tell: (waiter: Waiter) => void): void => {
    const set = waiters.get(txId);
    if (!set) return;
    waiters.delete(txId);
    for (const waiter of set) tell(waiter);
  };
  return {
    wait: (txId, { timeoutMs, signal }) =>
      new Promise((resolve, reject) => {
        const leave = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', stop);
          const set = waiters.get(txId);
          set?.delete(waiter);
          if (set?.size === 0) waiters.delete(txId);
        };
        const end = (finish: () => void): void => {
          leave();
          finish();
        };
        const stop = (): void => end(() => reject(reasonOf(signal)));
        const timer = setTimeout(() => end(() => resolve(false)), timeoutMs);
        const waiter: Waiter = {
          resolve: (final) => end(() => resolve(final)),
          reject: (error) => end(() => reject(error)),
        };
        signal.addEventListener('abort', stop);
        const set = waiters.get(txId) ?? new Set();
        waiters.set(txId, set.add(waiter));
      }),
    isFinal(txIds) {
      if (waiters.size === 0) return;
      for (const txId of txIds) settle(txId, (waiter) => waiter.resolve(true));
    },
    isDropped(txId, refusal) {
      refusals.set(txId, refusal);
      if (refusals.size > keptRefusals) refusals.delete(refusals.keys().next().value as Hex);
      const error = new AppError(refusal.code, refusal.facts);
      settle(txId, (waiter) => waiter.reject(error));
    },
    isAdmitted: (txId) => void refusals.delete(txId),
    refusalOf: (txId) => refusals.get(txId),
  };
}

/** Why nobody waits any more: the node says why it stops; a caller that hangs up says nothing. */
function reasonOf({ reason }: AbortSignal): AppError {
  return reason instanceof AppError ? reason : new AppError('CANCELLED');
}
