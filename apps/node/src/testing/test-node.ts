/** A real node in a temporary folder, and clients that speak to it as strangers do. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64, type Clock } from '@aitbc/primitives';
import {
  addressOf,
  type ChainParams,
  devnetParams,
  type FeeTable,
  type Genesis,
  type Hex,
  type Network,
  networkFromGenesis,
  type SignedTx,
  signTx,
  type TxBody,
  type TxKind,
  txKinds,
  type UnsignedTx,
} from '@aitbc/protocol';
import { createLog } from '@aitbc/service';
import { type ChainNode, createNode } from '../app.ts';
import { readGenesisFile } from '../setup/genesis-file.ts';
import { initDevnet } from '../setup/init-devnet.ts';
import { type Identity, identityFromSeed } from '../setup/key-file.ts';

/** An answer of JSON-RPC as a test reads it. */
export interface TestAnswer {
  readonly id: string | number | null;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every method
  readonly result?: any;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data: { readonly code: string; readonly facts: Record<string, unknown> };
  };
}

/** Seed made of one byte. */
export const seedOf = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

/** Key pair of a seed made of one byte. */
export const actor = (byte: number): Identity => identityFromSeed(seedOf(byte));

/** The fixed keys of every test network. */
export const validatorActor = actor(250);
export const faucetActor = actor(251);

/** Files of a fresh test network. */
export interface TestFolder {
  readonly folder: string;
  readonly dataDir: string;
  readonly genesis: Genesis;
  readonly network: Network;
  remove(): void;
}

/** Prices of its own, so that a change of the devnet's prices changes no test. */
const testParams: ChainParams = {
  ...devnetParams,
  fees: Object.fromEntries(Object.keys(txKinds).map((kind) => [kind, '10000'])) as FeeTable,
  feePerRow: '1000',
};

/** Writes genesis and keys into a temporary folder. */
export function makeFolder(params: Partial<ChainParams> = {}): TestFolder {
  const folder = mkdtempSync(join(tmpdir(), 'aitbc-node-'));
  initDevnet({
    folder,
    timeMs: 1_760_000_000_000,
    params: { ...testParams, ...params },
    seeds: { validator: seedOf(250), faucet: seedOf(251) },
  });
  const genesis = readGenesisFile(join(folder, 'genesis.json'));
  const network = networkFromGenesis(genesis);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  return { folder, dataDir: join(folder, 'data'), genesis, network, remove };
}

/** Options of `startNode`. */
export interface StartOptions {
  readonly clock?: Clock;
  readonly minBlockIntervalMs?: number;
  readonly withoutFaucet?: boolean;
  readonly port?: number;
  readonly allowedOrigins?: readonly string[];
}

/** A node over a test folder, not started. */
export function nodeIn({ folder, dataDir }: TestFolder, options: StartOptions = {}): ChainNode {
  return createNode(
    {
      dataDir,
      host: '127.0.0.1',
      port: options.port ?? 0,
      allowedOrigins: options.allowedOrigins ?? [],
      minBlockIntervalMs: options.minBlockIntervalMs ?? 2,
      genesisFile: join(folder, 'genesis.json'),
      keyFile: join(folder, 'validator.key'),
      faucetKeyFile: options.withoutFaucet ? undefined : join(folder, 'faucet.key'),
    },
    {
      log: createLog({ name: 'node', level: 'silent' }),
      checkOutputs: true,
      ...(options.clock ? { clock: options.clock } : {}),
    },
  );
}

/** Posts any text; status and parsed body. */
export async function post(url: string, text: string): Promise<{ status: number; body: unknown }> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(url, { method: 'POST', headers, body: text });
  const body = await response.text();
  return { status: response.status, body: body === '' ? undefined : JSON.parse(body) };
}

/** Calls a method over HTTP. */
export async function call(url: string, method: string, params: unknown = {}): Promise<TestAnswer> {
  const request = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  return (await post(url, request)).body as TestAnswer;
}

/** Result of a call that must succeed. */
export async function resultOf(url: string, method: string, params: unknown = {}) {
  const { result, error } = await call(url, method, params);
  if (error) throw new Error(`${method}: ${error.data.code} ${error.message}`);
  return result;
}

/** Code of a call that must be refused. */
export async function codeOf(url: string, method: string, params: unknown = {}): Promise<string> {
  return (await call(url, method, params)).error?.data.code ?? 'no error';
}

/** Envelope fields a test may change. */
export type TxOverrides = Partial<Pick<UnsignedTx, 'nonce' | 'fee' | 'validUntil' | 'chain'>>;

/** Signs a transaction of an actor with the devnet's fee. */
export function signed<K extends TxKind>(
  network: Network,
  from: Identity,
  { kind, body, ...rest }: { kind: K; body: TxBody<K> } & TxOverrides,
): SignedTx {
  const tx = {
    kind,
    chain: network.chain,
    nonce: 0,
    validUntil: 0,
    from: from.publicKey,
    fee: 10_000n,
    body,
    ...rest,
  } as unknown as UnsignedTx;
  return signTx(network, tx, from.keys.secretKey);
}

/** A signed transfer. */
export function transfer(
  network: Network,
  from: Identity,
  { to, amount = 1n, ...rest }: { to: Hex; amount?: bigint } & TxOverrides,
): SignedTx {
  return signed(network, from, { kind: 'transfer', body: { to, amount, memo: '' }, ...rest });
}

/** Params of `tx_send`. */
export const sendParams = (tx: { readonly bytes: Uint8Array }) => ({ tx: base64(tx.bytes) });

/** Gives coins and waits until they are there. */
export async function fund(url: string, to: Identity, amountNait: bigint): Promise<void> {
  const address = addressOf(to.publicKey);
  const { txId } = await resultOf(url, 'dev_faucet', { address, amount: amountNait.toString() });
  for (let tries = 0; tries < 500; tries += 1) {
    if ((await resultOf(url, 'tx_get', { txId })).status === 'final') return;
    await new Promise((done) => setTimeout(done, 5));
  }
  throw new Error('the coins did not arrive');
}
