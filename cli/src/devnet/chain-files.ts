/**
 * The files of the devnet's chain: genesis, the keys of validators and faucet, and the journals in which
 * validators keep their votes. They are made once, all of them or none; a home that has them keeps them.
 */
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, asAppError, type Genesis, type Hex } from '@aitbc/protocol';
import { type NodeName, nodeNames } from './daemon-name.ts';
import { runDaemonOnce } from './daemon-process.ts';

/** Four validators: the smallest number that goes on when one fails. */
const usualValidators = 4;

/** Where the files are. */
export interface ChainFiles {
  readonly genesisFile: string;
  /** One for each validator of the genesis document. */
  readonly nodes: readonly NodeName[];
  keyFileOf(name: NodeName): string;
  /** Key that the node of a validator signs with. */
  publicKeyOf(name: NodeName): Hex;
  readonly faucetKeyFile: string;
  /** Accounts that hold coins from the beginning, the faucet among them. */
  readonly firstHolders: readonly string[];
}

/** What is asked for. */
export interface ChainWish {
  readonly home: string;
  /** Those of the chain that is there, or the usual number, when left out. */
  readonly validators?: number | undefined;
}

/** The files of a home, made when it has none. Throws CLI_USAGE when its chain has other validators. */
export async function openChainFiles({ home, validators }: ChainWish): Promise<ChainFiles> {
  const folder = join(home, 'chain');
  const genesisFile = join(folder, 'genesis.json');
  const known = readGenesis(genesisFile);
  const count = known?.validators.length ?? validators ?? usualValidators;
  if (validators !== undefined && validators !== count) {
    const reason = `The chain of ${home} has ${count} validators, not ${validators}. Choose another --home`;
    throw new AppError('CLI_USAGE', { reason });
  }
  const nodes = nodeNames(count);
  if (!known) await makeFiles(home, nodes);
  const { validators: keys, accounts } = known ?? (readGenesis(genesisFile) as Genesis);
  return {
    genesisFile,
    nodes,
    keyFileOf(name) {
      const number = nodes.indexOf(name) + 1;
      return join(folder, count === 1 ? 'validator.key' : `validator-${number}.key`);
    },
    publicKeyOf: (name) => keys[nodes.indexOf(name)]?.publicKey ?? '',
    faucetKeyFile: join(folder, 'faucet.key'),
    firstHolders: accounts.map(({ address }) => address),
  };
}

function readGenesis(genesisFile: string): Genesis | undefined {
  let text: string;
  try {
    text = readFileSync(genesisFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const genesis = JSON.parse(text) as Genesis;
    if (Array.isArray(genesis.validators)) return genesis;
    throw new SyntaxError('it names no validators');
  } catch (error) {
    const reason = `${genesisFile} is no genesis document: ${(error as Error).message}`;
    throw new AppError('CONFIG_INVALID', { reason }, { cause: error });
  }
}

/**
 * The genesis document gets its name last: without its journals a chain of several validators would never
 * begin. Whoever is stopped on the way leaves journals of a chain that never was, so folders with nothing
 * but a journal are no reason to refuse.
 */
async function makeFiles(home: string, nodes: readonly NodeName[]): Promise<void> {
  const folder = mkdtempSync(join(home, 'chain-'));
  const dataDirs = nodes.map((name) => join(home, name));
  try {
    for (const dataDir of dataDirs) dropBareJournal(dataDir);
    await runDaemonOnce('node', [
      ...['--init', folder],
      ...['--validators', String(nodes.length)],
      ...dataDirs,
    ]);
    renameSync(folder, join(home, 'chain'));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw asAppError(error);
  }
}

const journalFile = /^journal-[01]$/;

function dropBareJournal(dataDir: string): void {
  let names: string[];
  try {
    names = readdirSync(dataDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (names.every((name) => journalFile.test(name))) rmSync(dataDir, { recursive: true });
}
