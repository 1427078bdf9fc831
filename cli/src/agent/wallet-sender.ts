/** Sends through the wallet daemon, which shows each transaction before it leaves. */
import { AppError, accountIdOf, unwrap } from '@aitbc/protocol';
import type { TxSender } from '@aitbc/sdk';
import type { Clients } from '../context/clients.ts';
import type { Context } from '../context/context.ts';
import { sendTx } from '../wallet/send-tx.ts';

/** A sender for an account of the wallet; `isConfirmed` sends without asking. */
export function createWalletSender(
  context: Context,
  clients: Clients,
  { address, isConfirmed }: { readonly address: string; readonly isConfirmed: boolean },
): TxSender {
  return {
    signer: {
      address,
      accountId: unwrap(accountIdOf(address)),
      signTx: () => Promise.reject(new AppError('INTERNAL', { reason: 'the wallet signs' })),
    },
    async send(kind, body) {
      const wish = { from: address, kind, body, isConfirmed };
      return (await sendTx(context, clients, wish)).status;
    },
  };
}
