/**
 * Hands the vouchers of running jobs to their providers. The books are written once in a turn of the event loop, so streams
 * beside one another extend in the same turn: what that turn has for one provider leaves in one call. The call
 * costs both sides more than the voucher in it.
 *
 * A provider that does not know that call gets its vouchers one by one. Rejected: to collect for some milliseconds
 * (a stream would stand still for them).
 */
import { AppError, asAppError, errorFromBody, limits } from '@aitbc/protocol';
import type { ProviderClient } from '../../http/clients.ts';
import type { SignedTopUp } from './extend-job.ts';

/** Hands vouchers in. */
export interface VoucherSender {
  /**
   * Resolves when the provider has taken the voucher. Throws its refusal. The signal ends a call of its own; one that
   * carries vouchers of other jobs goes on.
   */
  send(endpoint: string, topUp: SignedTopUp, signal: AbortSignal): Promise<unknown>;
}

interface Waiting {
  readonly topUp: SignedTopUp;
  readonly signal: AbortSignal;
  resolve(state: unknown): void;
  reject(error: unknown): void;
}

type VoucherClient = Pick<ProviderClient, 'extend' | 'extendMany'>;

/** A sender over clients of providers by endpoint. */
export function createVoucherSender(clientOf: (endpoint: string) => VoucherClient): VoucherSender {
  const turns = new Map<string, Waiting[]>();
  const singly = new WeakSet<VoucherClient>();

  const leave = (endpoint: string): void => {
    const all = turns.get(endpoint) ?? [];
    turns.delete(endpoint);
    const client = clientOf(endpoint);
    for (let at = 0; at < all.length; at += limits.vouchersPerCall) {
      const some = all.slice(at, at + limits.vouchersPerCall);
      if (some.length === 1 || singly.has(client))
        for (const one of some) void sendOne(client, one);
      else void sendMany(client, some, () => singly.add(client));
    }
  };
  return {
    send: (endpoint, topUp, signal) =>
      new Promise((resolve, reject) => {
        const waiting = { topUp, signal, resolve, reject };
        const known = turns.get(endpoint);
        if (known) return known.push(waiting);
        turns.set(endpoint, [waiting]);
        queueMicrotask(() => leave(endpoint));
      }),
  };
}

async function sendOne(client: VoucherClient, one: Waiting): Promise<void> {
  const { topUp, signal, resolve, reject } = one;
  await client.extend(topUp, { signal }).then(resolve, reject);
}

async function sendMany(
  client: VoucherClient,
  some: readonly Waiting[],
  onUnknown: () => void,
): Promise<void> {
  try {
    const { answers } = await client.extendMany({ vouchers: some.map(({ topUp }) => topUp) });
    some.forEach(({ resolve, reject }, at) => {
      const answer = answers[at];
      if (answer && 'error' in answer) reject(errorFromBody(answer.error));
      else if (answer) resolve(answer);
      else
        reject(
          new AppError('UNAVAILABLE', { what: 'The provider', reason: 'it left out a voucher' }),
        );
    });
  } catch (error) {
    if (asAppError(error).code === 'NOT_FOUND') {
      onUnknown();
      for (const one of some) void sendOne(client, one);
    } else for (const { reject } of some) reject(error);
  }
}
