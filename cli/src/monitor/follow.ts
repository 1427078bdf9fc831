/**
 * Keeps a view of the whole network true. Four sources are asked side by side in every round: node, coordinator, gateway,
 * provider. Each has a time limit, and one that fails leaves its part empty for this round and nothing else: daemons die and
 * come back while somebody watches. What was there and is gone is an alert; what never was is not (not everybody runs a
 * provider), except the node and the coordinator, without which there is nothing to see.
 */
import { asAppError } from '@aitbc/protocol';
import {
  createCoordinatorClient,
  createGatewayClient,
  createNodeClient,
  createProviderClient,
  type Transport,
} from '@aitbc/sdk';
import { findServed } from '../ai/owner/served.ts';
import { pause } from '../chain/await-final.ts';
import type { Context } from '../context/context.ts';
import type { Urls } from '../context/running-devnet.ts';
import { alertsOf } from './alerts.ts';
import { presentUrls } from './present-urls.ts';
import { createChainReader } from './read-chain.ts';
import { createMarketReader, type MarketLook } from './read-market.ts';
import type { ChainPart, History, MonitorView, ProviderPart, SpendPart } from './types.ts';

const callTimeoutMs = 3_000;
const historyMax = 240;
/** Newest alerts of the detectors that are shown. */
const warningsMax = 3;

/** How to follow. */
export interface FollowOptions {
  readonly everyMs: number;
  readonly signal: AbortSignal;
  readonly nowMs: () => number;
  /** Called after each round; false ends the following. */
  onView(view: MonitorView): boolean;
}

/** A part, or the code of why there is none. */
type Reading<T> = { readonly value: T; readonly code: null } | { value: null; code: string };

/** Follows until the signal aborts or `onView` has seen enough. Throws nothing that a daemon can cause. */
export async function followNetwork(context: Context, options: FollowOptions): Promise<void> {
  const { transport } = await context.clients();
  const { everyMs, signal, nowMs, onView } = options;
  const sourcesNow = createSourcesAt((urls) => {
    return createSources({ ...context, urls }, transport, { signal, nowMs });
  });
  const memory = createMemory();
  while (!signal.aborted) {
    const sources = sourcesNow(presentUrls(context));
    const [chain, market, spend, provider, watch] = await Promise.all([
      reading(sources.chain),
      reading(sources.market),
      reading(sources.spend),
      reading(sources.provider),
      reading(sources.watch),
    ]);
    if (signal.aborted) return;
    const warnings = watch.value ?? []; // a coordinator without detectors, or none: `market` tells
    if (!onView(memory({ chain, market, spend, provider, warnings }, nowMs()))) return;
    await pause(everyMs, signal).catch(() => {}); // only an abort ends it early
  }
}

interface Round {
  readonly chain: Reading<ChainPart>;
  readonly market: Reading<MarketLook>;
  readonly spend: Reading<SpendPart>;
  readonly provider: Reading<ProviderPart>;
  readonly warnings: readonly string[];
}

async function reading<T>(read: () => Promise<T>): Promise<Reading<T>> {
  try {
    return { value: await read(), code: null };
  } catch (error) {
    return { value: null, code: asAppError(error).code };
  }
}

type Sources = ReturnType<typeof createSources>;

/** Sources for addresses; they are kept while the addresses stay. */
function createSourcesAt(create: (urls: Urls) => Sources): (urls: Urls) => Sources {
  let kept: { readonly key: string; readonly sources: Sources } | undefined;
  return (urls) => {
    const key = JSON.stringify(urls);
    if (kept?.key !== key) kept = { key, sources: create(urls) };
    return kept.sources;
  };
}

function createSources(
  context: Context,
  transport: Transport,
  { signal, nowMs }: Pick<FollowOptions, 'signal' | 'nowMs'>,
) {
  const { urls } = context;
  const timeoutMs = callTimeoutMs;
  const node = createNodeClient({ url: urls.node, timeoutMs }, { transport });
  const coordinator = createCoordinatorClient({ baseUrl: urls.coordinator, timeoutMs }, transport);
  const speedOf = createSpeed(nowMs);
  return {
    chain: createChainReader({ node, transport, url: urls.node, timeoutMs, signal }),
    market: createMarketReader({ coordinator, signal, nowMs }),
    async watch(): Promise<readonly string[]> {
      const { alerts } = await coordinator.listAlerts(
        { status: 'open', level: 'high', limit: warningsMax },
        { signal },
      );
      return alerts.map(({ level, pattern, text }) => `${level}: ${pattern}: ${text}`);
    },
    async spend(): Promise<SpendPart> {
      const token = context.gatewayKey();
      const client = createGatewayClient({ baseUrl: urls.gateway, token, timeoutMs }, transport);
      const { payer, spentToday, dayLimit, charged } = await client.spend({ limit: 1 }, { signal });
      return { payer, spentToday, dayLimit, charged };
    },
    async provider(): Promise<ProviderPart> {
      const { url } = findServed(context, undefined);
      const client = createProviderClient({ baseUrl: url, timeoutMs }, transport);
      const status = await client.status({}, { signal });
      const { provider, running, waiting, slots, jobs, charged, claimed, audits } = status;
      return {
        ...{ provider, running, waiting, slots, jobs, charged, claimed },
        models: status.models.length,
        tokensPerSecond: speedOf(status.engineTokens),
        accused: audits?.accused ?? 0,
      };
    },
  };
}

/** Tokens a second out of a count that rises; null at first, and when the count began anew. */
function createSpeed(nowMs: () => number): (tokens: number) => number | null {
  let before: { tokens: number; atMs: number } | undefined;
  return (tokens) => {
    const last = before;
    const atMs = nowMs();
    before = { tokens, atMs };
    if (!last || tokens < last.tokens) return null;
    return ((tokens - last.tokens) * 1_000) / Math.max(1, atMs - last.atMs);
  };
}

/** Puts rounds together: history, and which daemons were there before. */
function createMemory(): (round: Round, atMs: number) => MonitorView {
  const seen = new Set<string>();
  let history: History = { finality: [], tx: [], busy: [], tokens: [], speed: [] };
  return ({ chain, market, spend, provider, warnings }, atMs) => {
    const parts = { chain, market, spend, provider };
    for (const [name, { value }] of Object.entries(parts)) if (value !== null) seen.add(name);
    const alerts = alertsOf({
      ...{ chain: chain.value, market: market.value?.part ?? null, spend: spend.value },
      ...{ provider: provider.value, seen, warnings },
      codes: { chain: chain.code, market: market.code, spend: spend.code, provider: provider.code },
    });
    history = {
      finality: longer(history.finality, chain.value?.finalityMs ?? 0),
      tx: longer(history.tx, chain.value?.txPerSecond ?? 0),
      busy: longer(history.busy, market.value?.part.running ?? 0),
      tokens: longer(history.tokens, market.value?.part.tokensPerSecond ?? 0),
      speed: longer(history.speed, provider.value?.tokensPerSecond ?? 0),
    };
    return {
      snapshot: {
        ...{ atMs, chain: chain.value, market: market.value?.part ?? null },
        ...{ spend: spend.value, provider: provider.value, alerts },
      },
      rows: market.value?.rows ?? [],
      sales: market.value?.sales ?? [],
      history,
    };
  };
}

function longer(numbers: readonly number[], next: number): readonly number[] {
  return [...numbers, next].slice(-historyMax);
}
