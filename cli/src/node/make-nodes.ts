/** Folders for the validators of a fresh network, and for a node that joins one. */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { hex, keyPairFromSeed, randomBytes, seedBytes } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  type Hex,
  type Network,
  networkFromGenesis,
  ports,
} from '@aitbc/protocol';
import { readGenesisFile } from '../chain/genesis-file.ts';
import { runDaemonOnce } from '../devnet/daemon-process.ts';
import { type NodeFolder, writeNodeFolder } from './node-folder.ts';

/** Nodes on one machine have the ports of the one before and this many more. */
const portStep = 10;

/** A fresh network. */
export interface MadeNetwork {
  readonly genesisFile: string;
  readonly genesisHash: Hex;
  readonly faucetAddress: string;
  readonly nodes: readonly NodeFolder[];
}

/** Genesis document, keys and one folder for each validator. Throws DAEMON_FAILED, CLI_USAGE. */
export async function makeNetwork(folder: string, validators: number): Promise<MadeNetwork> {
  const dir = resolve(folder);
  const isOne = validators === 1;
  const homes = Array.from({ length: validators }, (_, at) =>
    isOne ? dir : join(dir, `node-${at + 1}`),
  );
  const dataDirs = homes.map((home) => join(home, 'data'));
  const said = await runDaemonOnce('node', [
    ...['--init', dir, '--validators', String(validators)],
    ...dataDirs,
  ]);
  const made = JSON.parse(said) as {
    genesisFile: string;
    genesisHash: Hex;
    faucetAddress: string;
    faucetKeyFile: string;
    keyFiles: string[];
  };
  const meshPortOf = (at: number) => ports.mesh + portStep * at;
  const nodes = homes.map((home, at) => {
    const others = homes.map((_, other) => `127.0.0.1:${meshPortOf(other)}`);
    return writeNodeFolder(home, {
      dataDir: dataDirs[at] as string,
      genesisFile: made.genesisFile,
      keyFile: made.keyFiles[at] as string,
      ...(at === 0 ? { faucetKeyFile: made.faucetKeyFile } : {}),
      port: ports.node + portStep * at,
      meshHost: '127.0.0.1',
      meshPort: meshPortOf(at),
      peers: others.filter((_, other) => other !== at),
    });
  });
  const { genesisFile, genesisHash, faucetAddress } = made;
  return { genesisFile, genesisHash, faucetAddress, nodes };
}

/** What a node that joins needs. */
export interface JoinWish {
  readonly genesisFile: string;
  readonly peers: readonly string[];
  readonly port: number;
  readonly meshPort: number;
  readonly meshHost: string;
}

/** A node that follows. */
export interface JoinedNode extends NodeFolder {
  readonly network: Network;
  readonly publicKey: Hex;
  /** Account of the same key. */
  readonly address: string;
}

/** A folder with a key of its own for a network that runs. Throws CLI_USAGE, CONFIG_INVALID. */
export function makeFollower(folder: string, wish: JoinWish): JoinedNode {
  const dir = resolve(folder);
  const bad = wish.peers.find((peer) => !peerForm.test(peer));
  if (bad !== undefined || wish.peers.length === 0) {
    const reason = `--peer ${bad ?? ''}: host:port of a node of the network is needed.`;
    throw new AppError('CLI_USAGE', { reason });
  }
  const genesis = readGenesisFile(wish.genesisFile);
  const { port, meshPort, meshHost, peers } = wish;
  const genesisFile = join(dir, 'genesis.json');
  const keyFile = join(dir, 'validator.key');
  const node = writeNodeFolder(dir, {
    ...{ dataDir: join(dir, 'data'), genesisFile, keyFile, port, meshPort, meshHost, peers },
  });
  mkdirSync(dir, { recursive: true });
  copyFileSync(resolve(wish.genesisFile), genesisFile);
  const seed = randomBytes(seedBytes);
  writeFileSync(keyFile, `${hex(seed)}\n`, { mode: 0o600, flag: 'wx' });
  const publicKey = hex(keyPairFromSeed(seed).publicKey);
  return {
    ...node,
    network: networkFromGenesis(genesis),
    publicKey,
    address: addressOf(publicKey),
  };
}

const peerForm = /^(?:[0-9a-f]{64}@)?(?:\[[0-9a-f:]+\]|[^\s:@,[\]]+):\d{1,5}$/;
