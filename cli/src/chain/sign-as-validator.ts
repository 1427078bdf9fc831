/** What the commands of validators share: options, the key in hex or in a file, sending, and the last line. */
import { readFileSync } from 'node:fs';
import { bytesFromHex, hex, keyPairFromSeed, seedBytes } from '@aitbc/primitives';
import { AppError, type Hex, type TxBody, type TxKind } from '@aitbc/protocol';
import type { Context } from '../context/context.ts';
import { fileFault } from '../context/read-text-file.ts';
import { accountOption, chooseAccount } from '../wallet/choose-account.ts';
import { sendTx } from '../wallet/send-tx.ts';

/** Options of every command that a validator's owner signs. */
export const ownerOptions = {
  account: accountOption,
  yes: { flags: '-y, --yes', help: 'do not ask' },
} as const;

/** Key of a validator, for argument tables. */
export const validatorArgument = {
  name: 'validator',
  help: 'public key of the validator, 64 hex digits (aitbc node status)',
} as const;

/** A public key as typed. Throws CLI_USAGE. */
export function publicKeyOf(text: string): Hex {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new AppError('CLI_USAGE', {
    reason: `"${text.slice(0, 80)}" is no public key of 64 hex digits.`,
  });
}

/** A key pair from a key file of a node. Throws CLI_USAGE. */
export function readKeyPair(file: string): { publicKey: Hex; secretKey: Uint8Array } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const reason = `The key file ${file} cannot be read: ${fileFault(error)}.`;
    throw new AppError('CLI_USAGE', { reason }, { cause: error });
  }
  const seed = bytesFromHex(text.trim(), seedBytes);
  if (!seed) {
    throw new AppError('CLI_USAGE', {
      reason: `The key file ${file} does not hold 64 hex digits.`,
    });
  }
  const { publicKey, secretKey } = keyPairFromSeed(seed);
  return { publicKey: hex(publicKey), secretKey };
}

/** How a command signs. */
export interface OwnerChoice {
  readonly account: string | undefined;
  readonly yes: boolean;
}

/** Sends a transaction of the owner and says when it is final, and what follows. */
export async function sendAsOwner<K extends TxKind>(
  context: Context,
  choice: OwnerChoice,
  wish: {
    readonly kind: K;
    readonly bodyFor: (owner: string) => Promise<TxBody<K>> | TxBody<K>;
    readonly next: string;
  },
): Promise<void> {
  const clients = await context.clients();
  const { address: from } = await chooseAccount(context, clients.wallet, choice.account);
  const body = await wish.bodyFor(from);
  const sent = await sendTx(context, clients, {
    ...{ from, kind: wish.kind, body, isConfirmed: choice.yes },
  });
  const { receipt, blockHash, tx } = sent.status;
  const { description, effects } = sent;
  const height = receipt?.height ?? null;
  const txId = receipt?.txId ?? null;
  context.out.result(
    { txId, height, blockHash, fee: tx.fee, description, effects },
    () => `Final in block ${height}. Transaction ${txId}\n${wish.next}`,
  );
}
