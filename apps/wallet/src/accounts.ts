/** Accounts: make, import, unlock, lock, export, change of password. */
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
import { keepSecret } from './keys/secret-bytes.ts';
import type { UnlockedKeys } from './keys/unlocked-keys.ts';
import type { AccountRow, WalletStore, WatchedRow } from './store.ts';

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
  /** Knows an account without a key. */
  watch(input: Omit<WatchedRow, 'createdAtMs'>): AccountView;
  /** Forgets an account without a key. Throws FORBIDDEN for one with it, WALLET_ACCOUNT_UNKNOWN. */
  forget(address: string): void;
  unlock(input: { address: string; password: string; timeoutMs: number }): Promise<AccountView>;
  lock(address: string): AccountView;
  /** Only the daemon's own copy: an exported one keeps its password. An open account stays open. */
  changePassword(input: PasswordChange): Promise<AccountView>;
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

/** Which account, and its passwords from and to. */
export interface PasswordChange {
  readonly address: string;
  readonly password: string;
  readonly newPassword: string;
}

/** Accounts of one wallet. */
export function createAccounts(deps: AccountsDeps): Accounts {
  const { gate, keys, store } = deps;
  const view = ({ address, label, createdAtMs }: AccountRow): AccountView => {
    const unlockedUntilMs = keys.unlockedUntilMs(address);
    return { address, label, kind: 'key', createdAtMs, unlockedUntilMs };
  };
  const keyless = (row: WatchedRow): AccountView => ({ ...row, unlockedUntilMs: null });
  return {
    create: (input) => createAccount(deps, input),
    importFile: (input) => importFile(deps, input),
    exportKeystore: (address) => ({ keystore: { ...keptAccount(store, address).keystore } }),
    list: () => [...store.accounts.list().map(view), ...store.watched.list().map(keyless)],
    watch(input) {
      const { address } = input;
      const row = { ...input, createdAtMs: deps.clock.nowMs() };
      store.transaction(() => {
        if (store.accounts.has(address)) {
          throw new AppError('WALLET_ACCOUNT_EXISTS', { account: address });
        }
        store.watched.add(row);
      });
      return keyless(row);
    },
    forget(address) {
      if (store.accounts.has(address)) {
        const reason = `the key of ${address} is here, and forgetting it could lose coins`;
        throw new AppError('FORBIDDEN', { reason });
      }
      if (!store.watched.get(address)) {
        throw new AppError('WALLET_ACCOUNT_UNKNOWN', { account: address });
      }
      store.watched.remove(address);
    },
    async unlock({ address, password, timeoutMs }) {
      const row = keptAccount(store, address);
      const seed = await gate.pass(address, () => openSeed(row.keystore, password));
      try {
        keys.unlock(address, seed, timeoutMs);
      } finally {
        wipe(seed);
      }
      return view(row);
    },
    lock(address) {
      const row = keptAccount(store, address);
      keys.lock(address);
      return view(row);
    },
    changePassword: async (input) => view(await changePassword(deps, input)),
  };
}

/** The account with its key. Throws WALLET_WATCH_ONLY, WALLET_ACCOUNT_UNKNOWN. */
export function keptAccount(store: WalletStore, address: string): AccountRow {
  const watched = store.watched.get(address);
  if (!watched) return store.accounts.get(address);
  const fix =
    watched.kind === 'shared'
      ? 'its members sign for it, see aitbc wallet multisig'
      : 'import its words or its keystore: aitbc wallet import';
  throw new AppError('WALLET_WATCH_ONLY', { account: address, fix });
}

/** Opens and seals in one turn at the gate: of two changes at once the second needs the password of the first. */
function changePassword(
  { gate, store, kdfCost }: AccountsDeps,
  { address, password, newPassword }: PasswordChange,
): Promise<AccountRow> {
  keptAccount(store, address);
  return gate.pass(address, async () => {
    const row = store.accounts.get(address);
    const seed = await openSeed(row.keystore, password);
    try {
      const keystore = await sealSeed(seed, newPassword, kdfCost);
      store.accounts.replaceKeystore(address, keystore);
      return { ...row, keystore };
    } finally {
      wipe(seed);
    }
  });
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
  store.transaction(() => {
    store.watched.remove(address); // its key has come
    store.accounts.add({ address, label, keystore, createdAtMs: clock.nowMs() });
  });
  return address;
}

function seedFromHex(text: string): Uint8Array {
  const seed = bytesFromHex(text, seedBytes);
  if (!seed) throw new AppError('WALLET_SECRET_INVALID', { reason: 'a seed is 64 hex digits' });
  return keepSecret(seed);
}
