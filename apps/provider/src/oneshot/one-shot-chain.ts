/** What one-shot payments ask of the chain. */
import { base64 } from '@aitbc/primitives';
import { AppError, accountIdOf, amountOf, asAppError, type Hex, limits } from '@aitbc/protocol';
import type { NodeRpc } from '@aitbc/sdk';

/** A transfer that the chain knows. */
export interface KnownTransfer {
  readonly isFinal: boolean;
  /** Account ids. */
  readonly from: Hex;
  readonly to: Hex;
  /** nait */
  readonly amount: bigint;
  readonly memo: Hex;
}

/** The chain. All but `height` throws UNAVAILABLE or TIMEOUT while the node is away. */
export interface OneShotChain {
  /** Height of the newest final block that was heard of. */
  height(): number;
  /** Undefined for a transaction that is not known, or no transfer. */
  transfer(txId: Hex): Promise<KnownTransfer | undefined>;
  isFinal(txId: Hex): Promise<boolean>;
  /** Sends a transaction and waits until it is final. Throws what the chain refuses, or TIMEOUT. */
  send(bytes: Uint8Array): Promise<void>;
}

/** The calls of a node that are needed. */
export type OneShotRpc = Pick<NodeRpc, 'tx_get' | 'tx_sendAndWait'>;

const waitMs = Math.min(10_000, limits.requestTimeoutMs);

/** The chain over the calls of a node. */
export function createOneShotChain(rpc: OneShotRpc, height: () => number): OneShotChain {
  const find = async (txId: Hex) => {
    try {
      return await rpc.tx_get({ txId });
    } catch (error) {
      if (asAppError(error).code === 'NOT_FOUND') return undefined;
      throw error;
    }
  };
  return {
    height,
    async transfer(txId) {
      const found = await find(txId);
      if (found?.tx.kind !== 'transfer') return undefined;
      const { to, amount, memo } = found.tx.body as { to: string; amount: string; memo: Hex };
      const from = accountIdOf(found.tx.from);
      const payee = accountIdOf(to);
      if (!from.ok || !payee.ok) return undefined;
      const parties = { from: from.value, to: payee.value };
      return { isFinal: found.status === 'final', ...parties, amount: amountOf(amount), memo };
    },
    isFinal: async (txId) => (await find(txId))?.status === 'final',
    async send(bytes) {
      const { status } = await rpc.tx_sendAndWait({ tx: base64(bytes), timeoutMs: waitMs });
      if (status !== 'final') {
        throw new AppError('TIMEOUT', { what: 'The finality of a transaction', timeoutMs: waitMs });
      }
    },
  };
}
