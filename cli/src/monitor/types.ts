/** What the monitor knows at one moment. Amounts are nait as decimal strings, times milliseconds. */
import type { MarketEvent } from '@aitbc/protocol';

/** The chain, as one node sees it. */
export interface ChainPart {
  readonly network: string;
  readonly height: number;
  readonly ageMs: number;
  readonly blocksPerSecond: number;
  readonly txPerSecond: number;
  readonly waitingTxs: number;
  /** From admission to the final block, of the newest transactions of this node; null where it is not told. */
  readonly finalityMs: number | null;
  /** True when no block came for twenty heartbeats. */
  readonly isQuiet: boolean;
}

/** A provider with its load. */
export interface ProviderRow {
  readonly provider: string;
  readonly models: readonly string[];
  readonly running: number;
  readonly waiting: number;
  readonly slots: number;
}

/** The market, as one coordinator sees it. */
export interface MarketPart {
  readonly providers: number;
  readonly offers: number;
  readonly running: number;
  readonly waiting: number;
  readonly slots: number;
  /** Asynchronous jobs that wait at the coordinator. */
  readonly queued: number;
  /** Jobs of which a buyer reported the end in the last minute, their output tokens, and what they cost. */
  readonly jobsLastMinute: number;
  readonly tokensPerSecond: number;
  readonly chargedLastMinute: string;
}

/** What the gateway of this user spends. */
export interface SpendPart {
  readonly payer: string;
  readonly spentToday: string;
  readonly dayLimit: string;
  readonly charged: string;
}

/** What the provider of this user does. */
export interface ProviderPart {
  readonly provider: string;
  readonly running: number;
  readonly waiting: number;
  readonly slots: number;
  readonly models: number;
  readonly jobs: number;
  /** null at the first look. */
  readonly tokensPerSecond: number | null;
  readonly charged: string;
  readonly claimed: string;
  readonly accused: number;
}

/** Everything at one moment; a part is null while its daemon does not answer. */
export interface Snapshot {
  readonly atMs: number;
  readonly chain: ChainPart | null;
  readonly market: MarketPart | null;
  readonly spend: SpendPart | null;
  readonly provider: ProviderPart | null;
  /** Sentences about what is wrong. */
  readonly alerts: readonly string[];
}

/** A sale, out of the events of the coordinator. */
export interface Sale {
  readonly atMs: number;
  readonly provider: string;
  readonly model: string;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly charged: string;
  readonly outcome: string;
}

/** What the screen shows besides the snapshot. */
export interface MonitorView {
  readonly snapshot: Snapshot;
  readonly rows: readonly ProviderRow[];
  /** Newest first. */
  readonly sales: readonly Sale[];
  readonly history: History;
}

/** Numbers of the past, oldest first. */
export interface History {
  readonly finality: readonly number[];
  readonly tx: readonly number[];
  readonly busy: readonly number[];
  readonly tokens: readonly number[];
  readonly speed: readonly number[];
}

/** The sale of an event; undefined for other events. */
export function saleOf({ atMs, provider, facts }: MarketEvent): Sale | undefined {
  if (facts.kind !== 'receipt') return undefined;
  const { model, promptTokens, outputTokens, charged, outcome } = facts;
  return { atMs, provider, model, promptTokens, outputTokens, charged, outcome };
}
