/** Waits until a transaction that was sent is final. */
import { AppError, asAppError } from '@aitbc/protocol/errors';
import type { NodeClient, TxStatus } from '@aitbc/sdk';

const pollMs = 10; // a block takes a few of these
const timeoutMs = 30_000;

/** The final status. Throws TIMEOUT after 30 s, or CANCELLED. */
export async function awaitFinal(
  node: NodeClient,
  txId: string,
  signal: AbortSignal,
): Promise<TxStatus> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const status = await statusOf(node, txId, signal);
    if (status?.status === 'final') return status;
    await pause(pollMs, signal);
  }
  throw new AppError('TIMEOUT', { what: `The finality of transaction ${txId}`, timeoutMs });
}

async function statusOf(
  node: NodeClient,
  txId: string,
  signal: AbortSignal,
): Promise<TxStatus | undefined> {
  try {
    return await node.rpc.tx_get({ txId }, { signal });
  } catch (error) {
    if (asAppError(error).code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

/** Waits; throws CANCELLED when the signal aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      reject(new AppError('CANCELLED'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, ms);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
