/** Transactions about a channel, and how they ended. */
import type { TxBody, TxKind } from '@aitbc/protocol';
import type { Context } from '../context/context.ts';
import { sendTx } from '../wallet/send-tx.ts';

/** A transaction to send. */
export interface ChannelWish<K extends TxKind> {
  readonly from: string;
  readonly kind: K;
  readonly body: TxBody<K>;
  /** Send without asking. */
  readonly isConfirmed: boolean;
}

/** Shows, signs, sends and waits until it is final. Throws what wallet and chain refuse, or CANCELLED. */
export async function sendForChannel<K extends TxKind>(context: Context, wish: ChannelWish<K>) {
  const sent = await sendTx(context, await context.clients(), wish);
  const { receipt, blockHash, tx } = sent.status;
  const { description, effects } = sent;
  const txId = receipt?.txId ?? null;
  return { txId, height: receipt?.height ?? null, blockHash, fee: tx.fee, description, effects };
}
