/** Outputs of the wallet's commands beyond payments: keystores, tokens, the log, shared accounts. */
import {
  walletEndpoints,
  zAddress,
  zAmount,
  zCount,
  zHash,
  zReadProposal,
  zWalletAccount,
  zWalletScopes,
} from '@aitbc/protocol';
import { z } from 'zod';
import { type Outputs, zPath, zSentTx } from './shapes.ts';

const zTransaction = z.object({
  txId: zHash,
  atMs: zCount,
  description: z.string(),
  state: z.enum(['final', 'waiting', 'unknown']),
  height: zCount.nullable(),
});
const zSentAsMember = zSentTx.extend({ shared: zAddress, proposalId: zHash });
const zSharedRow = z.object({
  label: z.string(),
  address: zAddress,
  threshold: zCount,
  members: zCount,
  open: zCount,
});
const { threshold, members } = walletEndpoints.proposals.output.shape;

export const walletOutputs: Outputs = {
  'wallet export': z.object({ address: zAddress, file: zPath }),
  'wallet import': z.object({ label: z.string(), address: zAddress }),
  'wallet watch': zWalletAccount,
  'wallet forget': z.object({ address: zAddress }),
  'wallet log': z.object({ entries: walletEndpoints.log.output.shape.entries }),
  'wallet history': z.object({ address: zAddress, transactions: z.array(zTransaction) }),
  'wallet token create': walletEndpoints.createToken.output.extend({
    label: z.string(),
    scopes: zWalletScopes.partial(),
  }),
  'wallet token list': walletEndpoints.listTokens.output,
  'wallet token revoke': z.object({ tokenId: z.string() }),
  'wallet multisig create': zSentTx.extend({ label: z.string(), address: zAddress }),
  'wallet multisig list': z.object({ accounts: z.array(zSharedRow) }),
  'wallet multisig show': z.object({
    ...{ label: z.string(), address: zAddress, balance: zAmount, threshold, members },
    proposals: z.array(zReadProposal),
  }),
  'wallet multisig propose-send': zSentAsMember,
  'wallet multisig approve': zSentAsMember.extend({ missing: z.int() }),
  'wallet multisig cancel': zSentAsMember.extend({ whole: z.boolean() }),
};
