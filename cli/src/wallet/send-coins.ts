/** A payment: a transfer through the wallet, with a memo that fits. */
import { hex, utf8 } from '@aitbc/primitives';
import { AppError, accountIdOf, limits, unwrap } from '@aitbc/protocol';
import type { Clients } from '../context/clients.ts';
import type { Context } from '../context/context.ts';
import { type SentTx, sendTx } from './send-tx.ts';

/** A payment. */
export interface Payment {
  readonly from: string;
  readonly to: string;
  readonly amountNait: bigint;
  readonly memo: string;
  /** Send without asking. */
  readonly isConfirmed: boolean;
}

/** Signs, shows, sends and waits for finality. Throws what wallet and chain refuse, or CANCELLED. */
export function sendCoins(context: Context, clients: Clients, payment: Payment): Promise<SentTx> {
  const { from, isConfirmed } = payment;
  return sendTx(context, clients, { kind: 'transfer', body: bodyOf(payment), from, isConfirmed });
}

function bodyOf({ to, amountNait, memo }: Payment) {
  const memoBytes = utf8(memo);
  if (memoBytes.length > limits.memoBytes) {
    const reason = `The memo is ${memoBytes.length} bytes; the limit is ${limits.memoBytes}.`;
    throw new AppError('CLI_USAGE', { reason });
  }
  return { to: unwrap(accountIdOf(to)), amount: amountNait, memo: hex(memoBytes) };
}
