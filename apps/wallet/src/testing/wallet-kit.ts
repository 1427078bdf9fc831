/** A wallet daemon for tests: real HTTP and a real database, a clock that is moved by hand, a chain that says what it is told. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64, createManualClock } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  addressOf,
  decodeUnsignedTx,
  encodeUnsignedTx,
  type MultisigOperation,
  type MultisigProposalJson,
  multisigProposalIdOf,
  networkFromHash,
  recordToJson,
  type TxBody,
  txKinds,
  type UnsignedTx,
  unwrap,
  walletEndpoints,
} from '@aitbc/protocol';
import { createClient } from '@aitbc/sdk';
import { createLog, loadConfig } from '@aitbc/service';
import { createWallet } from '../app.ts';
import type { Simulation, WalletChain } from '../chain.ts';
import { walletConfig } from '../config.ts';

export const network = networkFromHash('test', 'ab'.repeat(32));
export const dayMs = 86_400_000;
export const password = 'correct horse';
/** A shared account that the chain of the kit knows. */
export const sharedId = '5a'.repeat(32);
export const otherMember = 'c0'.repeat(32);

const log = createLog({ name: 'wallet', level: 'silent' });

export const newFolder = () => mkdtempSync(join(tmpdir(), 'aitbc-wallet-'));
export const passes: Simulation = { ok: true, code: null, message: null, effects: [] };

/** What the chain of a kit says; tests change it. */
export interface ChainAnswers {
  simulation: Simulation | AppError;
  meanwhile?: () => Promise<unknown>;
  members: string[];
  proposals: MultisigProposalJson[];
}

/** A chain that says what it is told, and remembers what it simulated. */
export function createToldChain() {
  const simulated: UnsignedTx[] = [];
  const answers: ChainAnswers = { simulation: passes, members: [], proposals: [] };
  const chain: WalletChain = {
    network: async () => network,
    async simulate(unsigned) {
      await answers.meanwhile?.();
      if (answers.simulation instanceof AppError) throw answers.simulation;
      simulated.push(unwrap(decodeUnsignedTx(network, unsigned)));
      return answers.simulation;
    },
    nonceOf: async () => 0,
    async sharedAccount(account) {
      if (account !== addressOf(sharedId)) throw new AppError('MULTISIG_UNKNOWN', { account });
      return { threshold: 2, members: answers.members };
    },
    proposalsOf: async () => answers.proposals,
    close: async () => {},
  };
  return { chain, answers, simulated };
}

/** Makes wallets, and stops them. */
export function createWalletKit() {
  const stops: (() => Promise<void>)[] = [];
  async function wallet(dataDir = newFolder()) {
    const clock = createManualClock(10 * dayMs);
    const { chain, answers, simulated } = createToldChain();
    const config = loadConfig(walletConfig, {
      argv: ['--port=0', `--data-dir=${dataDir}`, '--kdf-memory-kib=8192', '--kdf-passes=1'],
      env: {},
    });
    const daemon = await createWallet(config, { log, clock, chain });
    await daemon.start();
    stops.push(() => daemon.stop());
    const baseUrl = daemon.url ?? '';
    const adminToken = readFileSync(join(dataDir, 'admin.token'), 'utf8').trim();
    const client = (token: string | undefined) => createClient(walletEndpoints, { baseUrl, token });
    const admin = client(adminToken);
    return { admin, answers, baseUrl, client, clock, daemon, dataDir, simulated, adminToken };
  }
  return {
    stops,
    wallet,
    /** A wallet with one account, unlocked. */
    async withAccount(dataDir?: string) {
      const parts = await wallet(dataDir);
      const { address } = await parts.admin.createAccount({ label: 'main', password });
      await parts.admin.unlock({ address, password });
      return { ...parts, address };
    },
    async stopAll() {
      await Promise.all(stops.splice(0).map((stop) => stop()));
    },
  };
}

/** Unsigned bytes of a transaction, base64. */
export function unsignedOf(address: string, overrides: Partial<UnsignedTx>): string {
  const tx = {
    chain: network.chain,
    nonce: 0,
    validUntil: 0,
    from: unwrap(accountIdOf(address)),
    fee: 10n,
    ...overrides,
  } as UnsignedTx;
  return base64(encodeUnsignedTx(tx));
}

/** Unsigned bytes of a transfer, base64. */
export function transfer(address: string, overrides: Partial<UnsignedTx> = {}, amount = 5n) {
  const body = { to: 'cd'.repeat(32), amount, memo: '' };
  return unsignedOf(address, { kind: 'transfer', body, ...overrides } as Partial<UnsignedTx>);
}

/** A proposal of the shared account by its other member, as a node shows it, and the body that approves it. */
export function proposalOf(
  operations: readonly MultisigOperation[],
  number = 0,
): { shown: MultisigProposalJson; body: TxBody<'multisig_approve'> } {
  const place = { multisig: sharedId, proposer: otherMember, slot: 1 };
  const expiresAtMs = 1_800_000_000_000;
  const proposalId = multisigProposalIdOf(network, { ...place, number, expiresAtMs, operations });
  const shown: MultisigProposalJson = {
    ...{ proposalId, multisig: addressOf(sharedId), proposer: addressOf(otherMember) },
    ...{ slot: 1, number, state: 'open', over: null, expiresAtMs },
    approvals: [addressOf(otherMember)],
    operations: operations.map(({ kind, body }) => {
      return { kind, body: recordToJson(txKinds[kind].fields as never, body as never) };
    }),
  };
  return { shown, body: { ...place, proposalId } };
}
