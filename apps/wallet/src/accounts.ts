/** Accounts: make, import, unlock, lock, export. */
import { bytesFromHex, type Clock, keyPairFromSeed, seedBytes, wipe } from '@aitbc/primitives';
import { AppError, type OutputOf, type walletEndpoints } from '@aitbc/protocol';
import { freshMnemonic, seedFromMnemonic } from './keys/derive-seed.ts';
import {
  addressOfKey,
  type KdfCost,
  keystoreFromJson,
  openSeed,
  sealSeed,
} from './keys/keystore.ts';
import type { PasswordGate } from './keys/password-gate.ts';
import type { UnlockedKeys } from './keys/unlocked-keys.ts';
import type { AccountRow, WalletStore } from './store.ts';

/** What accounts need. */
export interface AccountsDeps {
  readonly clock: Clock;
  readonly gate: PasswordGate;
  readonly keys: UnlockedKeys;
  readonly store: WalletStore;
  readonly kdfCost: KdfCost;
}

/** An account as the API shows it. */
export type AccountView = OutputOf<typeof walletEndpoints.unlock>;

/** Use cases of accounts. Errors are those of the wallet block of the table. */
export interface Accounts {
  create(input: NewAccount): Promise<{ address: string; mnemonic: string | null }>;
  importFile(input: KeystoreFile): Promise<{ address: string }>;
  exportKeystore(address: string): { keystore: Record<string, unknown> };
  list(): AccountView[];
  unlock(input: { address: string; password: string; timeoutMs: number }): Promise<AccountView>;
  lock(address: string): AccountView;
}

/** A new account, or one from its words or its seed in hex. */
export interface NewAccount {
  readonly label: string;
  readonly password: string;
  readonly mnemonic?: string | undefined;
  readonly seed?: string | undefined;
}

/** An exported keystore and the password that opens it. */
export interface KeystoreFile {
  readonly label: string;
  readonly password: string;
  readonly keystore: unknown;
}

/** Accounts of one wallet. */
export function createAccounts(deps: AccountsDeps): Accounts {
  const { gate, keys, store } = deps;
  const view = ({ address, label, createdAtMs }: AccountRow): AccountView => {
    return { address, label, createdAtMs, unlockedUntilMs: keys.unlockedUntilMs(address) };
  };
  return {
    create: (input) => createAccount(deps, input),
    importFile: (input) => importFile(deps, input),
    exportKeystore: (address) => ({ keystore: { ...store.accounts.get(address).keystore } }),
    list: () => store.accounts.list().map(view),
    async unlock({ address, password, timeoutMs }) {
      const row = store.accounts.get(address);
      const seed = await gate.pass(address, () => openSeed(row.keystore, password));
      try {
        keys.unlock(address, seed, timeoutMs);
      } finally {
        wipe(seed);
      }
      return view(row);
    },
    lock(address) {
      const row = store.accounts.get(address);
      keys.lock(address);
      return view(row);
    },
  };
}

async function createAccount(
  deps: AccountsDeps,
  { label, password, mnemonic, seed: seedHex }: NewAccount,
): Promise<{ address: string; mnemonic: string | null }> {
  if (mnemonic !== undefined && seedHex !== undefined) {
    throw new AppError('BAD_REQUEST', { reason: 'give words or a seed, not both' });
  }
  const fresh = mnemonic === undefined && seedHex === undefined ? freshMnemonic() : null;
  const seed = seedHex ? seedFromHex(seedHex) : await seedFromMnemonic(fresh ?? mnemonic ?? '');
  try {
    return { address: await keep(deps, { label, password, seed }), mnemonic: fresh };
  } finally {
    wipe(seed);
  }
}

async function importFile(
  deps: AccountsDeps,
  { label, password, keystore: json }: KeystoreFile,
): Promise<{ address: string }> {
  const keystore = keystoreFromJson(json);
  const seed = await deps.gate.pass(keystore.address, () => openSeed(keystore, password));
  try {
    return { address: await keep(deps, { label, password, seed }) };
  } finally {
    wipe(seed);
  }
}

interface Kept {
  readonly label: string;
  readonly password: string;
  readonly seed: Uint8Array;
}

/** Encrypts and stores a seed; returns its address. */
async function keep(deps: AccountsDeps, { label, password, seed }: Kept): Promise<string> {
  const { clock, gate, store, kdfCost } = deps;
  const pair = keyPairFromSeed(seed);
  wipe(pair.secretKey);
  const address = addressOfKey(pair);
  const keystore = await gate.pass(address, () => sealSeed(seed, password, kdfCost));
  store.accounts.add({ address, label, keystore, createdAtMs: clock.nowMs() });
  return address;
}

function seedFromHex(text: string): Uint8Array {
  const seed = bytesFromHex(text, seedBytes);
  if (!seed) throw new AppError('WALLET_SECRET_INVALID', { reason: 'a seed is 64 hex digits' });
  return seed;
}
