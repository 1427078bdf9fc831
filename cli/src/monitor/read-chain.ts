/** The chain for the monitor: one status, the newest headers, and the finality that the node measured. */
import type { NodeClient, Transport } from '@aitbc/sdk';
import { type MetricSums, readMetrics } from '../coordinator/read-metrics.ts';
import type { ChainPart } from './types.ts';

const headersMax = 100;
const spanMs = 10_000;
const quietBeats = 20;

/** What reading needs. */
export interface ReadChainOptions {
  readonly node: NodeClient;
  readonly transport: Transport;
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** A reader that remembers the finality it saw last. Its calls throw what the node does. */
export function createChainReader(options: ReadChainOptions): () => Promise<ChainPart> {
  const { node, transport, url, timeoutMs, signal } = options;
  const finality = createFinality();
  return async () => {
    const [status, { blocks }, metrics] = await Promise.all([
      node.rpc.chain_status({}, { signal }),
      node.rpc.chain_listBlocks({ limit: headersMax }, { signal }),
      readMetrics(transport, { url, timeoutMs, signal }).catch(() => undefined), // hidden, or cut off
    ]);
    const { network, height, headAgeMs, waitingTxs, params } = status;
    return {
      ...{ network, height, waitingTxs, ageMs: headAgeMs },
      ...ratesOf(blocks.map(({ header, txCount }) => ({ timeMs: header.timeMs, txCount }))),
      finalityMs: finality(metrics),
      isQuiet: headAgeMs > params.heartbeatMs * quietBeats,
    };
  };
}

/** Blocks and transactions a second in the last ten seconds of chain time; headers newest first. */
export function ratesOf(
  headers: readonly { readonly timeMs: number; readonly txCount: number }[],
): Pick<ChainPart, 'blocksPerSecond' | 'txPerSecond'> {
  const [newest] = headers;
  if (!newest) return { blocksPerSecond: 0, txPerSecond: 0 };
  const recent = headers.filter(({ timeMs }) => newest.timeMs - timeMs < spanMs);
  const oldest = recent.length === headers.length ? recent.at(-1) : undefined;
  const seconds = Math.max(1, (oldest ? newest.timeMs - oldest.timeMs : spanMs) / 1_000);
  const txs = recent.reduce((sum, { txCount }) => sum + txCount, 0);
  return { blocksPerSecond: recent.length / seconds, txPerSecond: txs / seconds };
}

/** Mean of what became final since the last look; the one before that while nothing did. */
function createFinality(): (metrics: MetricSums | undefined) => number | null {
  let before = { sum: 0, count: 0 };
  let shown: number | null = null;
  return (metrics) => {
    if (!metrics) return null;
    const sum = metrics.get('aitbc_finality_seconds_sum') ?? 0;
    const count = metrics.get('aitbc_finality_seconds_count') ?? 0;
    if (count < before.count) before = { sum: 0, count: 0 }; // the node was restarted
    if (count > before.count) shown = ((sum - before.sum) / (count - before.count)) * 1_000;
    before = { sum, count };
    return shown;
  };
}
