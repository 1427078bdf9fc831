import { asAppError } from '@aitbc/protocol';
import type { ChainInfo } from '@aitbc/sdk';
import type { Log } from '@aitbc/service';
import { pause } from '../pause.ts';
import type { ChainClient } from './chain-client.ts';

const nodeRetryMs = 1_000;

/** Asks the node until it answers. */
export async function networkOf(
  chain: ChainClient,
  log: Log,
  signal: AbortSignal,
): Promise<ChainInfo> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await chain.network();
    } catch (error) {
      if (!asAppError(error).row.retryable) throw error;
      if (attempt === 0) log.warn({ err: error }, 'waiting for the chain node');
    }
    await pause(nodeRetryMs, signal);
  }
}
