/** Several validators in one process, over real sockets and disks, with short epochs and snapshots. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ChainParams, devnetParams, type Network, networkFromGenesis } from '@aitbc/protocol';
import { createLog } from '@aitbc/service';
import { type ChainNode, createNode, type NodeOptions } from '../app.ts';
import { readGenesisFile } from '../setup/genesis-file.ts';
import { initDevnet } from '../setup/init-devnet.ts';
import { writeKeyFile } from '../setup/key-file.ts';
import { createJournal } from '../storage/journal/journal.ts';
import { resultOf, seedOf, sendParams, type signed, type transfer } from './test-node.ts';

const snapshotEntry = new URL('../../dist/storage/snapshots/snapshot-worker.js', import.meta.url);
const count = 4;

/** A network that runs. */
export interface ValidatorNet {
  readonly folder: string;
  readonly network: Network;
  readonly genesisFile: string;
  readonly nodes: ChainNode[];
  /** Starts a node in a folder of its own; it dials all that run. */
  start(options: NetNode): Promise<ChainNode>;
  stop(): Promise<void>;
}

/** A node of the network. */
export interface NetNode extends Partial<NodeOptions> {
  readonly name: string;
  /** Index of a validator, or byte of the key of a follower. */
  readonly validator?: number;
  readonly follower?: number;
  /** More nodes to dial. */
  readonly dial?: string;
  /** Not a fresh journal but what is in the folder. */
  readonly isOld?: boolean;
}

/** Options of `startNet`. */
export interface NetOptions {
  readonly timeMs: number;
  readonly params: Partial<ChainParams>;
  readonly snapshotBlocks: number;
}

/** Starts four validators. */
export async function startNet({
  timeMs,
  params,
  snapshotBlocks,
}: NetOptions): Promise<ValidatorNet> {
  if (!existsSync(fileURLToPath(snapshotEntry))) throw new Error('run npm run build first');
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-net-'));
  const { genesisFile, keyFiles, faucetKeyFile } = initDevnet({
    ...{ folder, timeMs, validators: count, params: { ...devnetParams, ...params } },
    seeds: {
      ...{ validator: seedOf(101), faucet: seedOf(251) },
      moreValidators: [102, 103, 104].map(seedOf),
    },
  });
  const nodes: ChainNode[] = [];
  const keyFileOf = ({ validator, follower = 0 }: NetNode): string => {
    if (validator !== undefined) return keyFiles[validator] as string;
    const path = join(folder, `follower-${follower}.key`);
    if (!existsSync(path)) writeKeyFile(path, seedOf(follower));
    return path;
  };
  const net: ValidatorNet = {
    ...{ folder, genesisFile, nodes, network: networkFromGenesis(readGenesisFile(genesisFile)) },
    async start(options) {
      const { name, dial, isOld, validator, follower: _follower, ...rest } = options;
      const dataDir = join(folder, name);
      if (!isOld) await createJournal({ folder: dataDir });
      const addresses = nodes.map(({ meshPort }) => `127.0.0.1:${meshPort}`);
      const node = createNode(
        {
          ...{ dataDir, genesisFile, host: '127.0.0.1', port: 0, minBlockIntervalMs: 2 },
          ...{ keyFile: keyFileOf(options), snapshotBlocks, meshPort: 0 },
          faucetKeyFile: validator === 0 ? faucetKeyFile : undefined,
          peers: [...addresses, ...(dial ? [dial] : [])].join(','),
          ...rest,
        },
        { log: createLog({ name, level: process.env.LOG_LEVEL ?? 'silent' }), snapshotEntry },
      );
      await node.start();
      nodes.push(node);
      return node;
    },
    async stop() {
      for (const node of nodes.splice(0)) await node.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  for (let at = 0; at < count; at += 1) await net.start({ name: `node-${at}`, validator: at });
  return net;
}

/** Sends a signed transaction and waits until it is final. */
export async function finalised(
  url: string,
  tx: ReturnType<typeof signed> | ReturnType<typeof transfer>,
): Promise<number> {
  const { status, receipt } = await resultOf(url, 'tx_sendAndWait', sendParams(tx));
  if (status !== 'final') throw new Error(`it is ${status}`);
  return receipt.height;
}
