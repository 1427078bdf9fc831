/**
 * The one way to a signature: decode → is it this account's, may this token → read all that it causes → simulate at
 * the node → describe → in one database transaction: is the token still there, is the key unlocked, is it within
 * the daily cap, sign, write the log → answer. The signature exists outside this process only after its
 * log line is on disk. Nothing is signed that was not decoded: a call that takes bytes or hashes does
 * not exist. See docs/spec/wallet.md, "Signing".
 *
 * A nonce that is ahead of the chain is the one refusal of a simulation that does not stop a signature:
 * a program may have several transactions under way, and the chain runs them in order or not at all. That
 * holds for the ordinary lane, whose nonce the wallet asks for.
 */

import { base64, bytesFromBase64, type Clock } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  decodeUnsignedTx,
  laneOf,
  limits,
  type OutputOf,
  type SignedTx,
  signTx,
  txToJson,
  type UnsignedTx,
  unwrap,
  type walletEndpoints,
} from '@aitbc/protocol';
import {
  assertMayCause,
  assertMaySign,
  type Caller,
  dayOf,
  spendOf,
  spentAfter,
} from './access/scopes.ts';
import { keptAccount } from './accounts.ts';
import type { Simulation, WalletChain } from './chain.ts';
import type { UnlockedKeys } from './keys/unlocked-keys.ts';
import { readTransaction } from './read-transaction.ts';
import type { WalletStore } from './store.ts';

/** What signing needs. */
export interface SigningDeps {
  readonly chain: WalletChain;
  readonly clock: Clock;
  readonly keys: UnlockedKeys;
  readonly store: WalletStore;
}

/** What is to be signed, by whom, for whom. */
export interface SigningRequest {
  readonly address: string;
  /** Unsigned bytes, base64. */
  readonly tx: string;
  readonly caller: Caller;
}

/** A signed transaction and what was shown about it. */
export type Signed = OutputOf<typeof walletEndpoints.sign>;

/**
 * Signs a transaction. Throws BAD_REQUEST, the codes of `decodeTx`, WALLET_SCOPE, WALLET_ACCOUNT_UNKNOWN,
 * WALLET_WATCH_ONLY, WALLET_LOCKED, WALLET_PROPOSAL_UNREAD, WALLET_SIMULATION_FAILED, UNAVAILABLE, TIMEOUT.
 */
export async function signTransaction(
  deps: SigningDeps,
  { address, tx: text, caller }: SigningRequest,
): Promise<Signed> {
  const network = await deps.chain.network();
  const unsigned = bytesFromBase64(text);
  if (!unsigned) throw new AppError('BAD_REQUEST', { reason: 'tx is not base64' });
  const tx = unwrap(decodeUnsignedTx(network, unsigned));
  if (tx.from !== unwrap(accountIdOf(address))) {
    throw new AppError('BAD_REQUEST', { reason: `the transaction is not from ${address}` });
  }
  if (tx.sponsored) {
    const reason =
      'the fee of a sponsored transaction is paid by another, whose wallet sponsors it';
    throw new AppError('BAD_REQUEST', { reason });
  }
  assertMaySign(caller, tx);
  keptAccount(deps.store, address);
  deps.keys.secretKeyOf(address);
  const read = await readTransaction(deps.chain, network, tx);
  assertMayCause(caller, read);
  const effects = await simulate(deps.chain, { address, unsigned, tx });
  const { description } = read;
  const sign = (secretKey: Uint8Array) => signTx(network, tx, secretKey);
  const signed = signAndLog(deps, { address, caller, description, spentNait: spendOf(read), sign });
  return { ...signed, description, decoded: txToJson(tx), effects };
}

async function simulate(
  chain: WalletChain,
  request: { readonly address: string; readonly unsigned: Uint8Array; readonly tx: UnsignedTx },
): Promise<Simulation['effects']> {
  const { ok, code, message, effects } = await chain.simulate(request.unsigned);
  if (ok) return effects;
  if (code === 'TX_NONCE_TOO_HIGH' && laneOf(request.tx) === 0) {
    const ahead = request.tx.nonce - (await chain.nonceOf(request.address));
    if (ahead <= limits.mempoolPerAccount) return [];
  }
  throw new AppError('WALLET_SIMULATION_FAILED', {
    code: code ?? 'INTERNAL',
    reason: message ?? 'the node gives no reason',
  });
}

/** What is signed now, and what it costs the caller's limit. */
interface Approved {
  readonly address: string;
  readonly caller: Caller;
  readonly description: string;
  readonly spentNait: bigint;
  readonly sign: (secretKey: Uint8Array) => SignedTx;
}

/** Signs and writes the line of the log in one commit. Throws UNAUTHORIZED, WALLET_SCOPE, WALLET_LOCKED. */
export function signAndLog(
  { store, keys, clock }: SigningDeps,
  { address, caller, description, spentNait, sign }: Approved,
): { tx: string; txId: string } {
  return store.transaction(() => {
    const { tokenId, label: tokenLabel } = caller;
    if (!store.tokens.byId(tokenId)) {
      throw new AppError('UNAUTHORIZED', { reason: 'the token was revoked' });
    }
    const atMs = clock.nowMs();
    const signed = sign(keys.secretKeyOf(address));
    // The same bytes give the same signature, so asking again after a lost answer is not a second spend.
    if (!store.log.hasTx(signed.txId)) {
      const day = dayOf(atMs);
      const total = spentAfter(caller, store.spending.of(tokenId, day), spentNait);
      store.spending.set(tokenId, day, total);
    }
    store.log.add({ atMs, address, tokenId, tokenLabel, txId: signed.txId, description });
    return { tx: base64(signed.bytes), txId: signed.txId };
  });
}
