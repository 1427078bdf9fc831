/** Outputs of chain and node commands. */
import {
  nodeRpc,
  zAccount,
  zAddress,
  zAmount,
  zChannel,
  zCount,
  zHash,
  zKey,
} from '@aitbc/protocol';
import { z } from 'zod';
import { type Outputs, zLogLine, zPath, zSentTx } from './shapes.ts';

const zPlace = z.object({ height: zCount, epoch: zCount, blockHash: zHash, timeMs: zCount });

const zNodeFolder = z.object({
  settingsFile: zPath,
  dataDir: zPath,
  keyFile: zPath,
  url: z.string(),
});

export const chainOutputs: Outputs = {
  'chain status': nodeRpc.chain_status.output,
  'chain block': nodeRpc.chain_getBlock.output,
  'chain tx': nodeRpc.tx_get.output,
  'chain account': nodeRpc.state_getAccount.output.extend({
    channels: z.array(zChannel),
    hasMoreChannels: z.boolean(),
  }),
  'chain audit': nodeRpc.state_audit.output,
  'chain bundle': nodeRpc.chain_getLightBundle.output,
  'chain verify': z.union([
    zAccount
      .pick({ balance: true, nonce: true, vault: true })
      .extend({ proven: z.literal(true), address: zAddress, exists: z.boolean() })
      .extend(zPlace.shape),
    zPlace.extend({ proven: z.literal(true), txId: zHash, index: zCount }),
  ]),
  'chain validators': nodeRpc.validators_get.output,
  'chain evidence': nodeRpc.evidence_list.output,
  'chain peers': nodeRpc.net_peers.output,
  'chain stake bond': zSentTx,
  'chain stake unbond': zSentTx,
  'chain stake withdraw': zSentTx,
  'chain stake unjail': zSentTx,
  'chain vote param': zSentTx,
  'chain vote upgrade': zSentTx,
  'chain vote list': nodeRpc.governance_list.output,
  'node init': z.object({
    genesisFile: zPath,
    genesisHash: zHash,
    faucetAddress: zAddress,
    nodes: z.array(zNodeFolder),
  }),
  'node join': zNodeFolder.extend({
    network: z.object({
      name: z.string(),
      genesisHash: zHash,
      chain: zCount,
      caip2: z.string(),
    }),
    publicKey: zKey,
    address: zAddress,
  }),
  'node run': zLogLine,
  'node status': z.object({
    status: nodeRpc.chain_status.output,
    state: nodeRpc.consensus_state.output,
    peers: zCount,
    diskBytes: zCount.nullable(),
  }),
  'node snapshot': nodeRpc.admin_snapshot.output,
  'node reset': z.object({ dataDir: zPath, deleted: z.array(z.string()) }),
};

/** What a devnet prints when it is up, and the story when it has been played. */
export const devnetOutputs: Outputs = {
  up: z.union([
    z.object({ urls: z.record(z.string(), z.url()), account: zAddress }),
    z.object({
      jobId: zHash,
      provider: zAddress,
      model: z.string(),
      promptTokens: zCount,
      outputTokens: zCount,
      firstTokenMs: z.number(),
      verifyMicros: z.number(),
      receipts: zCount,
      charged: zAmount,
      settledHeight: zCount,
      settleMs: z.number(),
      failover: z
        .object({ killed: z.string(), tokensBefore: zCount, gapMs: z.number() })
        .nullable(),
      outage: z
        .object({
          killed: z.string(),
          validators: zCount,
          signers: zCount,
          rejoinMs: z.number(),
        })
        .nullable(),
      receiptFile: zPath,
      receiptVerified: z.boolean(),
      supply: zAmount,
    }),
  ]),
  down: z.object({ stopped: z.boolean(), pid: zCount, ms: zCount }),
};
