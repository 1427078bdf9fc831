/** Numbers of a daemon from its `/metrics`, in the text format of Prometheus. */
import type { Transport } from '@aitbc/sdk';

const answerBytesMax = 1_048_576; // what our daemons tell is below 50 kB

/** Sums of all samples by the name of their metric; labels do not matter. */
export type MetricSums = ReadonlyMap<string, number>;

/** Where to ask, and how long. */
export interface MetricsCall {
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The numbers; undefined where they are hidden, which a daemon may do. Throws UNAVAILABLE, TIMEOUT, CANCELLED. */
export async function readMetrics(
  transport: Transport,
  { url, timeoutMs, signal }: MetricsCall,
): Promise<MetricSums | undefined> {
  const answer = await transport.request({
    method: 'GET',
    url: `${url.replace(/\/$/, '')}/metrics`,
    headers: { accept: 'text/plain' },
    timeoutMs,
    signal,
  });
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of answer.body) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > answerBytesMax) break;
  }
  return answer.status === 200 ? metricSums(text) : undefined;
}

/** Sums of a text: `name{labels} value`, comments left out. */
export function metricSums(text: string): MetricSums {
  const sums = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^([a-z_:][a-z0-9_:]*)(?:\{[^}]*\})? ([^ ]+)/i.exec(line) ?? [];
    const number = Number(value);
    if (name === undefined || !Number.isFinite(number)) continue;
    sums.set(name, (sums.get(name) ?? 0) + number);
  }
  return sums;
}
