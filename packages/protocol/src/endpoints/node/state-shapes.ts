/** JSON forms of entries of the state, and of what a node knows of others. */
import { z } from 'zod';
import { zAddress, zAmount, zCount, zHash, zKey } from '../../scalars.ts';

/** Kinds of entries, see docs/spec/chain.md, "State". */
export const zStateKind = z.enum([
  'account',
  'channel',
  'agent',
  'provider',
  'validator',
  'valset',
  'roster',
  'burned',
  'proposal',
  'overrides',
  'upgrade',
  'lane',
  'expiring',
  'mandate',
  'task',
  'audit',
  'jury',
  'docket',
  'conviction',
  'formerKey',
  'standstill',
  'multisig',
  'multisigProposal',
]);

/** `pendingNonce` counts waiting transactions; only lane 0 knows them. */
export const zLaneNonce = z.object({
  address: zAddress,
  lane: zCount,
  nonce: zCount,
  pendingNonce: zCount.nullable(),
});

/** No receivers means anyone, no models means any; a `jobMaxNait` of 0 is no bound of its own. */
export const zMandate = z.object({
  owner: zAddress,
  subKey: zAddress,
  channelMaxNait: zAmount,
  windowMaxNait: zAmount,
  windowMs: zCount,
  totalMaxNait: zAmount,
  jobMaxNait: zAmount,
  receivers: z.array(zAddress),
  models: z.array(z.string()),
  allowsChannels: z.boolean(),
  allowsTransfers: z.boolean(),
  expiresAtHeight: zCount,
  revoked: z.boolean(),
  spentNait: zAmount,
  windowStartMs: zCount,
  windowSpentNait: zAmount,
});

/** `worker` is null while anyone may accept, `arbiter` where nobody decides a dispute; dates in chain time. */
export const zTask = z.object({
  taskId: zHash,
  poster: zAddress,
  worker: zAddress.nullable(),
  arbiter: zAddress.nullable(),
  reward: zAmount,
  deadlineMs: zCount,
  reviewMs: zCount,
  specHash: zHash,
  state: z.enum(['open', 'accepted', 'submitted', 'disputed', 'ended']),
  dueMs: zCount,
  resultHash: zHash.nullable(),
  reasonHash: zHash.nullable(),
  workerShareNait: zAmount,
});

/** Dates in chain time, 0 for none. `slashed` is for ever. */
export const zValidator = z.object({
  validator: zKey,
  owner: zAddress,
  stake: zAmount,
  leaving: zAmount,
  leavingDueMs: zCount,
  jailedUntilMs: zCount,
  missedViews: zCount,
  slashed: z.boolean(),
});

/** A validator that was convicted of contradicting votes, by whom and where. */
export const zConviction = z.object({
  height: zCount,
  txId: zHash,
  validator: zKey,
  epoch: zCount,
  view: zCount,
  reporter: zAddress,
});

export const zParamChange = z.object({ name: z.string(), value: z.string() });

/** A vote that is open: `name` is a parameter, or `upgrade` with the version as value. */
export const zProposal = zParamChange.extend({
  proposalId: zHash,
  untilHeight: zCount,
  voters: z.array(zKey),
  votedStake: zAmount,
  totalStake: zAmount,
});

/** Version of the rules: `present` below the height, `next` from it on. */
export const zUpgrade = z.object({ present: zCount, next: zCount, height: zCount });

/** Rules that a node follows, and the newest upgrade that validators decided on, past or to come. */
export const zRules = z.object({
  version: zCount.meta({ description: 'version of the rules of the next block' }),
  known: zCount.meta({ description: 'newest version that the program of this node knows' }),
  upgrade: zUpgrade.nullable(),
});

/** A connected node; `height` and `view` are what it says of itself. */
export const zPeer = z.object({
  publicKey: zKey,
  isValidator: z.boolean(),
  direction: z.enum(['in', 'out']),
  remote: z.string(),
  listens: z.string().nullable(),
  sinceMs: zCount,
  rttMs: z.number().nullable(),
  bytesIn: zCount,
  bytesOut: zCount,
  queuedBytes: zCount,
  height: zCount.nullable(),
  view: zCount.nullable(),
});

/** A node that is dialled until it is there. */
export const zTarget = z.object({
  address: z.string(),
  publicKey: zKey.nullable(),
  isConnected: z.boolean(),
  failedTries: zCount,
  fault: z.string().nullable().meta({ description: 'code of why the last try ended' }),
});
