/**
 * HTTP of the wallet daemon (port 8015, loopback). Every call but `about` needs a token: the admin token
 * of the first start, or a scoped one. Nothing is signed blindly: the one signing call takes a
 * transaction, which is decoded, simulated, described and logged first.
 */
import { z } from 'zod';
import { limits } from '../limits.ts';
import { zAddress, zAmount, zBase64, zCount, zHash, zSignature } from '../scalars.ts';
import { type TxKind, txKinds } from '../tx-kinds.ts';
import { type EndpointTable, endpoint } from './endpoint.ts';
import { zMultisigProposal, zTxJson } from './node-rpc.ts';

const none = z.strictObject({});
const kinds = Object.keys(txKinds) as [TxKind, ...TxKind[]];
const zLabel = z.string().min(1).max(64);
const zPassword = z.string().min(8).max(256);
const zEffect = z.object({
  address: zAddress,
  what: z.enum(['balance', 'vault', 'bond', 'channel', 'stake', 'task', 'audit']),
  id: z.string(),
  before: zAmount,
  after: zAmount,
});

/** What the wallet has of an account: its key, nothing but its address, or keys of those who share it. */
export const walletAccountKinds = ['key', 'watch', 'shared'] as const;

/** An account the wallet knows. */
export const zWalletAccount = z.object({
  address: zAddress,
  label: z.string(),
  kind: z.enum(walletAccountKinds),
  createdAtMs: zCount,
  unlockedUntilMs: zCount.nullable().meta({ description: 'null while locked, or without a key' }),
});

/** A proposal of a shared account in words. `heldMembers` are members of this wallet that have not approved it. */
export const zReadProposal = zMultisigProposal.omit({ operations: true }).extend({
  description: z.string(),
  heldMembers: z.array(zAddress),
});

/** What a token may do. `admin` may do everything; the others only what they name. */
export const zWalletScopes = z.strictObject({
  admin: z.boolean().default(false),
  read: z.boolean().default(true),
  accounts: z.array(zAddress).max(64).default([]),
  kinds: z.array(z.enum(kinds)).default([]),
  amountPerDay: zAmount.default('0').meta({
    description: 'most that may leave the accounts per UTC day, fees included, nait',
  }),
});

export const zWalletToken = z.object({
  tokenId: z.string(),
  label: z.string(),
  scopes: zWalletScopes,
  createdAtMs: zCount,
  spentToday: zAmount,
});

export const walletEndpoints = {
  about: endpoint({
    method: 'GET',
    path: '/v1/about',
    summary: 'What this is and which node it asks.',
    access: 'open',
    input: none,
    output: z.object({ name: z.literal('aitbc-wallet'), nodeUrl: z.string() }),
  }),
  createAccount: endpoint({
    method: 'POST',
    path: '/v1/accounts',
    summary: 'Makes an account, or imports one from its words or its 32-byte seed.',
    access: 'token',
    input: z.strictObject({
      label: zLabel,
      password: zPassword,
      mnemonic: z.string().max(400).optional(),
      seed: zHash.optional(),
    }),
    output: z.object({
      address: zAddress,
      mnemonic: z
        .string()
        .nullable()
        .meta({ description: '24 words, only for a new account, only this once' }),
    }),
  }),
  listAccounts: endpoint({
    method: 'GET',
    path: '/v1/accounts',
    summary: 'Accounts and whether they are unlocked.',
    access: 'token',
    input: none,
    output: z.object({ accounts: z.array(zWalletAccount) }),
  }),
  watchAccount: endpoint({
    method: 'POST',
    path: '/v1/accounts/watch',
    summary: 'Knows an account by its address, without a key; a shared one with its members.',
    access: 'token',
    input: z.strictObject({
      address: zAddress,
      label: zLabel,
      kind: z.enum(['watch', 'shared']).default('watch'),
    }),
    output: zWalletAccount,
  }),
  forgetAccount: endpoint({
    method: 'DELETE',
    path: '/v1/accounts/:address',
    summary: 'Forgets an account that the wallet has no key for.',
    access: 'token',
    input: z.strictObject({ address: zAddress }),
    output: z.object({ address: zAddress }),
  }),
  proposals: endpoint({
    method: 'GET',
    path: '/v1/accounts/:address/proposals',
    summary: 'What members of a shared account have proposed, in words.',
    access: 'token',
    input: z.strictObject({ address: zAddress }),
    output: z.object({
      address: zAddress,
      threshold: zCount,
      members: z.array(
        z.object({
          address: zAddress,
          label: z.string().nullable().meta({ description: 'null for a member of others' }),
        }),
      ),
      proposals: z.array(zReadProposal),
    }),
  }),
  unlock: endpoint({
    method: 'POST',
    path: '/v1/accounts/:address/unlock',
    summary: 'Opens an account for signing until the time-out.',
    access: 'token',
    input: z.strictObject({
      address: zAddress,
      password: z.string().max(256),
      timeoutMs: z
        .int()
        .positive()
        .max(30 * 24 * 3_600_000)
        .default(900_000),
    }),
    output: zWalletAccount,
  }),
  lock: endpoint({
    method: 'POST',
    path: '/v1/accounts/:address/lock',
    summary: 'Closes an account and wipes its key from memory.',
    access: 'token',
    input: z.strictObject({ address: zAddress }),
    output: zWalletAccount,
  }),
  changePassword: endpoint({
    method: 'POST',
    path: '/v1/accounts/:address/password',
    summary:
      'Encrypts the key of an account anew. Keystores exported before still open with the old password.',
    access: 'token',
    input: z.strictObject({
      address: zAddress,
      password: z.string().max(256),
      newPassword: zPassword,
    }),
    output: zWalletAccount,
  }),
  sign: endpoint({
    method: 'POST',
    path: '/v1/accounts/:address/sign',
    summary: 'Decodes, simulates, describes, logs and signs a transaction.',
    access: 'token',
    input: z.strictObject({
      address: zAddress,
      tx: zBase64.max(limits.txSizeBytes * 2).meta({ description: 'unsigned bytes, base64' }),
    }),
    output: z.object({
      tx: zBase64.meta({ description: 'signed bytes, base64' }),
      txId: zHash,
      description: z.string(),
      decoded: zTxJson,
      effects: z.array(zEffect),
    }),
  }),
  sponsor: endpoint({
    method: 'POST',
    path: '/v1/accounts/:address/sponsor',
    summary:
      'Pays the fee of a transaction that another has signed: checks, describes, logs and signs it.',
    access: 'token',
    input: z.strictObject({
      address: zAddress,
      tx: zBase64.max(limits.txSizeBytes * 2).meta({ description: 'unsigned bytes, base64' }),
      signature: zSignature.meta({ description: 'of the sender' }),
    }),
    output: z.object({
      tx: zBase64.meta({ description: 'signed bytes of both, base64' }),
      txId: zHash,
      description: z.string(),
      decoded: zTxJson,
      effects: z.array(zEffect),
    }),
  }),
  exportAccount: endpoint({
    method: 'POST',
    path: '/v1/accounts/:address/export',
    summary: 'The encrypted keystore as a file.',
    access: 'token',
    input: z.strictObject({ address: zAddress }),
    output: z.object({ keystore: z.record(z.string(), z.unknown()) }),
  }),
  importFile: endpoint({
    method: 'POST',
    path: '/v1/accounts/import-file',
    summary: 'Takes in an exported keystore; the password proves that it opens.',
    access: 'token',
    input: z.strictObject({
      label: zLabel,
      password: z.string().max(256),
      keystore: z.record(z.string(), z.unknown()),
    }),
    output: z.object({ address: zAddress }),
  }),
  createToken: endpoint({
    method: 'POST',
    path: '/v1/tokens',
    summary: 'Makes a scoped token. It is shown only this once; the wallet keeps its hash.',
    access: 'token',
    input: z.strictObject({ label: zLabel, scopes: zWalletScopes }),
    output: z.object({ tokenId: z.string(), token: z.string() }),
  }),
  listTokens: endpoint({
    method: 'GET',
    path: '/v1/tokens',
    summary: 'Tokens with their scopes and what they spent today.',
    access: 'token',
    input: none,
    output: z.object({ tokens: z.array(zWalletToken) }),
  }),
  deleteToken: endpoint({
    method: 'DELETE',
    path: '/v1/tokens/:tokenId',
    summary: 'Revokes a token at once.',
    access: 'token',
    input: z.strictObject({ tokenId: z.string().max(64) }),
    output: z.object({}),
  }),
  log: endpoint({
    method: 'GET',
    path: '/v1/log',
    summary: 'Every signature ever made, newest first. Append-only.',
    access: 'token',
    input: z.strictObject({ before: zCount.optional(), address: zAddress.optional() }),
    output: z.object({
      entries: z.array(
        z.object({
          number: zCount,
          atMs: zCount,
          address: zAddress,
          token: z.string(),
          txId: zHash,
          description: z.string(),
        }),
      ),
      next: zCount.nullable(),
    }),
  }),
} as const satisfies EndpointTable;
