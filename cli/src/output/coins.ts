/** Outputs of wallet, mandate and channel commands. */
import {
  nodeRpc,
  walletEndpoints,
  zAddress,
  zAmount,
  zCount,
  zHash,
  zMandate,
  zWalletAccount,
} from '@aitbc/protocol';
import { z } from 'zod';
import { type Outputs, zSentTx } from './shapes.ts';

const zChannelView = z.object({
  channelId: zHash,
  role: z.enum(['payer', 'receiver']),
  payer: zAddress,
  receiver: zAddress,
  state: z.enum(['open', 'closing', 'closed']),
  balance: zAmount,
  totalClaimed: zAmount,
  free: zAmount,
  claimable: zAmount.nullable().meta({ description: 'null where the vouchers are not known' }),
  signedMax: zAmount.nullable(),
  charged: zAmount.nullable(),
  withdrawDelayMs: zCount,
  withdrawAmount: zAmount,
  withdrawDueMs: zCount.nullable(),
});

export const coinOutputs: Outputs = {
  'wallet create': walletEndpoints.createAccount.output.extend({ label: z.string() }),
  'wallet list': walletEndpoints.listAccounts.output,
  'wallet balance': nodeRpc.state_getAccount.output,
  'wallet unlock': zWalletAccount,
  'wallet lock': zWalletAccount,
  'wallet password': zWalletAccount,
  'wallet send': zSentTx,
  'wallet faucet': nodeRpc.dev_faucet.output.extend({
    address: zAddress,
    height: zCount.nullable(),
  }),
  'mandate grant': zSentTx,
  'mandate revoke': zSentTx,
  'mandate show': zMandate,
  'mandate list': z.object({ mandates: z.array(zMandate) }),
  'channel fund': zSentTx.extend({ channelId: zHash }),
  'channel list': z.object({ address: zAddress, channels: z.array(zChannelView) }),
  'channel show': zChannelView,
  'channel withdraw start': zSentTx.extend({
    channelId: zHash,
    withdrawAmount: zAmount,
    withdrawDueMs: zCount.nullable(),
  }),
  'channel withdraw finish': zSentTx.extend({ channelId: zHash }),
};
