/**
 * Paying the fee of somebody else's transaction: the second signature of a sponsored one. The account gives its fee and
 * nothing else, whatever the transaction does, so only the fee counts against the limit of a token. What the sender has
 * signed is checked first: a line in the log stands for a transaction that a chain would take. See docs/spec/wallet.md, "Signing".
 */
import { describeTx } from '@aitbc/chain';
import { bytesFromBase64, bytesFromHex } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  addressOf,
  decodeUnsignedTx,
  sponsorTx,
  txToJson,
  unwrap,
  verifyTx,
} from '@aitbc/protocol';
import { assertCovers, assertMayPayFor, type Caller } from './access/scopes.ts';
import { keptAccount } from './accounts.ts';
import { type Signed, type SigningDeps, signAndLog } from './sign-transaction.ts';

/** What is to be sponsored, by whom, for whom. */
export interface SponsoringRequest {
  readonly address: string;
  /** Unsigned bytes, base64. */
  readonly tx: string;
  /** The sender's signature, hex. */
  readonly signature: string;
  readonly caller: Caller;
}

/**
 * Completes a sponsored transaction. Throws BAD_REQUEST, the codes of `decodeTx`, TX_SIGNATURE_INVALID, WALLET_SCOPE,
 * WALLET_ACCOUNT_UNKNOWN, WALLET_WATCH_ONLY, WALLET_LOCKED, WALLET_SIMULATION_FAILED, UNAVAILABLE, TIMEOUT.
 */
export async function sponsorTransaction(
  deps: SigningDeps,
  { address, tx: text, signature: signatureText, caller }: SponsoringRequest,
): Promise<Signed> {
  const network = await deps.chain.network();
  const unsigned = bytesFromBase64(text);
  const signature = bytesFromHex(signatureText, 64);
  if (!unsigned || !signature) throw new AppError('BAD_REQUEST', { reason: 'tx is not base64' });
  const tx = unwrap(decodeUnsignedTx(network, unsigned));
  const payer = unwrap(accountIdOf(address));
  if (!tx.sponsored || tx.from === payer) {
    const reason = `it is no transaction of another that ${address} could sponsor`;
    throw new AppError('BAD_REQUEST', { reason });
  }
  assertCovers(caller, address);
  assertMayPayFor(caller, tx.kind);
  keptAccount(deps.store, address);
  const sign = (secretKey: Uint8Array) => sponsorTx(network, { tx, signature }, secretKey);
  if (!verifyTx(network, sign(deps.keys.secretKeyOf(address)))) {
    throw new AppError('TX_SIGNATURE_INVALID', { from: addressOf(tx.from) });
  }
  const { ok, code, message, effects } = await deps.chain.simulate(unsigned);
  if (!ok) {
    const reason = message ?? 'the node gives no reason';
    throw new AppError('WALLET_SIMULATION_FAILED', { code: code ?? 'INTERNAL', reason });
  }
  const description = `Pay the fee of ${addressOf(tx.from)} for this: ${describeTx({ ...tx, payer })}`;
  const signed = signAndLog(deps, { address, caller, description, spentNait: tx.fee, sign });
  return { ...signed, description, decoded: txToJson({ ...tx, payer }), effects };
}
