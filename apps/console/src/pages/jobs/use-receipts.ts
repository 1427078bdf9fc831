/** Receipts that buyers reported in the last day, grouped by job. */
import type { EventFacts, MarketEvent } from '@aitbc/protocol';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { CallError } from '../../data/call-json.ts';
import { useLive } from '../../data/hooks.ts';
import { market } from '../../data/sources.ts';

const spanMs = 24 * 3_600_000;
/** Numbers of events rise by so many in a millisecond (docs/spec/market.md, "Events"). */
const seqsPerMs = 1_024;
const pagesMax = 30;

/** One receipt as an event. */
export interface JobReceipt extends Extract<EventFacts, { kind: 'receipt' }> {
  readonly provider: string;
  readonly atMs: number;
}

/** A job as its receipts tell it. */
export interface JobSum {
  readonly jobId: string;
  readonly model: string;
  readonly atMs: number;
  readonly outputTokens: number;
  readonly charged: bigint;
  readonly firstTokenMs: number;
  readonly durationMs: number;
  readonly outcome: string;
  readonly providers: readonly string[];
}

/** Receipts of one provider, or of all, newest last. */
export function useReceipts(provider?: string) {
  const { events } = useLive();
  const asked = useQuery<MarketEvent[], CallError>({
    queryKey: ['market', 'receipts', provider ?? ''],
    staleTime: 60_000,
    queryFn: ({ signal }) => pastReceipts(provider, signal),
  });
  const receipts = useMemo(() => {
    const past = asked.data ?? [];
    const last = past.at(-1)?.seq ?? 0;
    const fresh = events.filter(
      (event) => event.seq > last && (provider === undefined || event.provider === provider),
    );
    return [...past, ...fresh].flatMap(receiptOf);
  }, [asked.data, events, provider]);
  return { asked, receipts };
}

async function pastReceipts(
  provider: string | undefined,
  signal: AbortSignal,
): Promise<MarketEvent[]> {
  const found: MarketEvent[] = [];
  let after = (Date.now() - spanMs) * seqsPerMs;
  for (let page = 0; page < pagesMax; page += 1) {
    const { events, next } = await market<'events'>(
      '/v1/events',
      { kind: 'receipt', provider, after },
      { signal },
    );
    found.push(...events);
    if (events.length === 0 || next === after) break;
    after = next;
  }
  return found;
}

function receiptOf({ facts, provider, atMs }: MarketEvent): JobReceipt[] {
  return facts.kind === 'receipt' ? [{ ...facts, provider, atMs }] : [];
}

/** Receipts by job, newest job first. */
export function jobsOf(receipts: readonly JobReceipt[]): JobSum[] {
  const byJob = new Map<string, JobReceipt[]>();
  for (const receipt of receipts) {
    const known = byJob.get(receipt.jobId);
    if (known) known.push(receipt);
    else byJob.set(receipt.jobId, [receipt]);
  }
  return [...byJob.values()].map(sumOf).sort((a, b) => b.atMs - a.atMs);
}

function sumOf(receipts: readonly JobReceipt[]): JobSum {
  const first = receipts[0] as JobReceipt;
  const last = receipts.at(-1) as JobReceipt;
  return {
    ...{ jobId: first.jobId, model: first.model, atMs: last.atMs, outcome: last.outcome },
    ...{ firstTokenMs: first.firstTokenMs, durationMs: last.durationMs },
    outputTokens: receipts.reduce((sum, { outputTokens }) => sum + outputTokens, 0),
    charged: receipts.reduce((sum, { charged }) => sum + BigInt(charged), 0n),
    providers: [...new Set(receipts.map(({ provider }) => provider))],
  };
}
