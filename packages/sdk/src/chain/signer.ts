/** Who signs transactions: a key in this process, or the wallet daemon. */
import { base64, bytesFromBase64, equalBytes, hex } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  addressOf,
  decodeTx,
  encodeUnsignedTx,
  type Hex,
  type Network,
  type SignedTx,
  senderSignatureOf,
  signTx,
  sponsorTx,
  type UnsignedTx,
  unwrap,
  verifyTx,
} from '@aitbc/protocol';

const publicKeyOffset = 32;

/** Signs for one account. */
export interface Signer {
  readonly accountId: Hex;
  readonly address: string;
  signTx(tx: UnsignedTx, signal?: AbortSignal): Promise<SignedTx>;
}

/** A signer with the 64-byte secret key in memory. The account id is the public key. */
export function createLocalSigner(network: Network, secretKey: Uint8Array): Signer {
  const accountId = hex(secretKey.subarray(publicKeyOffset));
  return {
    accountId,
    address: addressOf(accountId),
    signTx: async (tx) => signTx(network, tx, secretKey),
  };
}

/**
 * A signer whose fees another key of this process pays: its account needs no balance of its own. Both keys are 64-byte
 * secret keys.
 */
export function createSponsoredSigner(
  network: Network,
  { secretKey, payerKey }: { readonly secretKey: Uint8Array; readonly payerKey: Uint8Array },
): Signer {
  return {
    ...createLocalSigner(network, secretKey),
    async signTx(tx) {
      const sponsored: UnsignedTx = { ...tx, sponsored: true };
      const signature = senderSignatureOf(network, sponsored, secretKey);
      return sponsorTx(network, { tx: sponsored, signature }, payerKey);
    },
  };
}

/** The one call of the wallet that a signer needs; `tx` is base64. */
export interface WalletSigning {
  sign(
    input: { readonly address: string; readonly tx: string },
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<{ readonly tx: string }>;
}

/** Options of a wallet signer. */
export interface WalletSignerOptions {
  readonly wallet: WalletSigning;
  readonly address: string;
  readonly network: Network;
}

/**
 * A signer behind the wallet daemon. What comes back is checked: the same transaction, really signed by
 * the account. Throws the wallet's refusal, or ANSWER_INVALID.
 */
export function createWalletSigner({ wallet, address, network }: WalletSignerOptions): Signer {
  const accountId = unwrap(accountIdOf(address));
  return {
    accountId,
    address,
    async signTx(tx, signal) {
      const unsigned = encodeUnsignedTx(tx);
      const answer = await wallet.sign({ address, tx: base64(unsigned) }, { signal });
      const signed = decodeTx(network, bytesFromBase64(answer.tx) ?? new Uint8Array(0));
      const isSame =
        signed.ok && equalBytes(signed.value.bytes.subarray(0, unsigned.length), unsigned);
      if (isSame && verifyTx(network, signed.value)) return signed.value;
      throw new AppError('ANSWER_INVALID', {
        what: 'The wallet',
        reason: 'it did not sign the transaction it was given',
      });
    },
  };
}
