/**
 * Sends transactions of one account: fills in chain, nonce and fee, signs, and waits for finality.
 *
 * Nonces are counted here so that several sends may be under way at once; the counter is read anew from
 * the node after any trouble. A transaction that may have been taken is never replaced by another with
 * a new nonce: only a refusal that names the nonce proves that it was not, and before that refusal is
 * believed after a lost answer, the node is asked for the transaction itself. A node that is away for a moment gets the same
 * transaction again: it is one however often it is handed in.
 */
import { base64 } from '@aitbc/primitives';
import {
  AppError,
  asAppError,
  type ChainParams,
  type ErrorCode,
  feeOf as flatFeeOf,
  type nodeRpc,
  type OutputOf,
  type SignedTx,
  type TxBody,
  type TxKind,
  type UnsignedTx,
} from '@aitbc/protocol';
import { askAgain } from './ask-again.ts';
import type { NodeClient } from './node-client.ts';
import { pause } from './pause.ts';
import type { Signer } from './signer.ts';

const attempts = 8;
const retryMs = 25;
const waitMsDefault = 10_000;
const nonceCodes: readonly ErrorCode[] = [
  'TX_NONCE_TOO_LOW',
  'TX_NONCE_TOO_HIGH',
  'TX_NONCE_PENDING',
];
const lostCodes: readonly ErrorCode[] = ['UNAVAILABLE', 'TIMEOUT', 'ANSWER_INVALID'];

/** How a transaction stands. */
export type TxStatus = OutputOf<typeof nodeRpc.tx_get>;

/** Options of one send. */
export interface SendOptions {
  readonly signal?: AbortSignal | undefined;
  /** Longest wait for finality, default 10 000 ms. */
  readonly waitMs?: number | undefined;
}

/** Sends transactions of one account. */
export interface TxSender {
  readonly signer: Signer;
  /** Throws the node's refusal, or UNAVAILABLE, TIMEOUT, CANCELLED. */
  send<K extends TxKind>(kind: K, body: TxBody<K>, options?: SendOptions): Promise<TxStatus>;
}

/** Fee of a transaction, nait. */
export function feeOf(params: ChainParams, kind: TxKind, body: unknown): bigint {
  const flat = BigInt(flatFeeOf(params, kind));
  if (kind === 'channel_claim') {
    return flat + BigInt(params.feePerRow) * BigInt((body as TxBody<'channel_claim'>).rows.length);
  }
  if (kind !== 'batch' && kind !== 'multisig_propose') return flat;
  const { operations } = body as TxBody<'batch' | 'multisig_propose'>;
  return flat + BigInt(params.feePerOperation) * BigInt(operations.length);
}

/** A sender for the account of `signer`. */
export function createTxSender(deps: {
  readonly node: NodeClient;
  readonly signer: Signer;
}): TxSender {
  const { node, signer } = deps;
  const nonces = createNonces(node, signer.address);
  const send = async <K extends TxKind>(kind: K, body: TxBody<K>, options: SendOptions = {}) => {
    const { network, params } = await node.network();
    for (let attempt = 1; ; attempt += 1) {
      const nonce = await nonces.take();
      const unsigned = {
        kind,
        chain: network.chain,
        nonce,
        validUntil: 0,
        from: signer.accountId,
        fee: feeOf(params, kind, body),
        body,
      } as UnsignedTx;
      try {
        return await submit(node, await signer.signTx(unsigned, options.signal), options);
      } catch (error) {
        nonces.forget();
        const { code } = asAppError(error);
        if (!nonceCodes.includes(code) || attempt >= attempts) throw error;
        await pause(retryMs * attempt, options.signal);
      }
    }
  };
  return { signer, send };
}

async function submit(node: NodeClient, signed: SignedTx, options: SendOptions): Promise<TxStatus> {
  const { signal, waitMs = waitMsDefault } = options;
  const tx = base64(signed.bytes);
  let mayBeTaken = false;
  const handIn = async () => {
    try {
      return await node.rpc.tx_sendAndWait({ tx, timeoutMs: waitMs }, { signal });
    } catch (error) {
      const { code } = asAppError(error);
      mayBeTaken ||= code === 'TX_DUPLICATE' || lostCodes.includes(code);
      throw error;
    }
  };
  try {
    return await askAgain(handIn, signal);
  } catch (error) {
    const known = mayBeTaken ? await findTx(node, signed.txId, signal) : undefined;
    if (known) return known;
    throw error;
  }
}

async function findTx(
  node: NodeClient,
  txId: string,
  signal: AbortSignal | undefined,
): Promise<TxStatus | undefined> {
  try {
    return await node.rpc.tx_get({ txId }, { signal });
  } catch (error) {
    const known = asAppError(error);
    if (known.code === 'NOT_FOUND' || lostCodes.includes(known.code)) return undefined;
    throw error;
  }
}

/** Next nonces of an account, handed out one by one. */
function createNonces(node: NodeClient, address: string) {
  let next: Promise<number> | undefined;
  return {
    take(): Promise<number> {
      const taken =
        next ??
        askAgain(() => node.rpc.state_getAccount({ address })).then(
          ({ pendingNonce }) => pendingNonce,
        );
      next = taken.then((nonce) => nonce + 1);
      next.catch(() => {
        next = undefined;
      });
      return taken;
    },
    forget(): void {
      next = undefined;
    },
  };
}

/** Throws when a status is not final: for callers that need finality. */
export function assertFinal(status: TxStatus, waitMs: number): TxStatus {
  if (status.status === 'final') return status;
  throw new AppError('TIMEOUT', { what: 'The finality of the transaction', timeoutMs: waitMs });
}
