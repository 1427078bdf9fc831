/** What a provider has written down, read from its own database: books of channels, journal of jobs, receipts. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  amountOf,
  type Hex,
  type Outcome,
  type SignedOffer,
  type SignedReceipt,
} from '@aitbc/protocol';
import { openSqlite, type Sqlite, type SqlRow } from '@aitbc/service';
import type { Place } from '../contract.ts';

/** The best voucher that a provider has of a channel. */
export interface KeptVoucher {
  readonly maxClaimable: bigint;
  readonly context: Hex;
  readonly signature: Hex;
}

/** A channel in a provider's books. */
export interface SellerChannel {
  readonly channelId: Hex;
  readonly charged: bigint;
  readonly signedMax: bigint;
  readonly best: KeptVoucher | undefined;
}

/** A job in a provider's journal; positions count from the job's first token. */
export interface SellerJob {
  readonly provider: string;
  readonly jobId: Hex;
  readonly channelId: Hex;
  readonly offerId: Hex;
  readonly outcome: Outcome;
  readonly from: number;
  readonly to: number;
  readonly tokensCovered: number;
  readonly promptTokens: number;
  readonly charged: bigint;
  readonly receipts: readonly SignedReceipt[];
}

/** All of it. */
export interface SellerBooks {
  /** Name of the provider. */
  readonly provider: string;
  readonly channels: readonly SellerChannel[];
  readonly jobs: readonly SellerJob[];
  readonly offers: ReadonlyMap<Hex, SignedOffer>;
}

/** Reads the database of a provider while it runs; empty books when it has none yet. */
export async function readProviderBooks({ name, dataDir }: Place): Promise<SellerBooks> {
  const path = join(dataDir, 'provider.db');
  if (!existsSync(path)) return { provider: name, channels: [], jobs: [], offers: new Map() };
  const sqlite = await openSqlite(path, { durability: 'normal' });
  try {
    return {
      provider: name,
      channels: sqlite.prepare('select * from channels').all().map(channelOf),
      jobs: jobsOf(sqlite, name),
      offers: new Map(sqlite.prepare('select * from offers').all().map(offerOf)),
    };
  } finally {
    await sqlite.close();
  }
}

function channelOf(row: SqlRow): SellerChannel {
  const best = row.best === null ? undefined : (JSON.parse(String(row.best)) as StoredVoucher);
  return {
    channelId: String(row.channel_id),
    charged: amountOf(String(row.charged)),
    signedMax: amountOf(String(row.signed_max)),
    best: best && { ...best, maxClaimable: amountOf(best.maxClaimable) },
  };
}

interface StoredVoucher extends Omit<KeptVoucher, 'maxClaimable'> {
  readonly maxClaimable: string;
}

function offerOf(row: SqlRow): [Hex, SignedOffer] {
  return [String(row.offer_id), JSON.parse(String(row.offer)) as SignedOffer];
}

function jobsOf(sqlite: Sqlite, provider: string): SellerJob[] {
  const receipts = new Map<number, SignedReceipt[]>();
  for (const row of sqlite.prepare('select * from receipts order by job_no, place').all()) {
    const known = receipts.get(Number(row.job_no)) ?? [];
    receipts.set(Number(row.job_no), known);
    known.push(JSON.parse(String(row.receipt)) as SignedReceipt);
  }
  const rows = sqlite.prepare('select * from jobs order by job_no').all();
  return rows.map((row) => ({
    provider,
    jobId: String(row.job_id),
    channelId: String(row.channel_id),
    offerId: String(row.offer_id),
    outcome: String(row.outcome) as Outcome,
    from: Number(row.resumed_from ?? 0),
    to: Number(row.delivered),
    tokensCovered: Number(row.tokens_covered),
    promptTokens: Number(row.prompt_tokens),
    charged: amountOf(String(row.charged)),
    receipts: receipts.get(Number(row.job_no)) ?? [],
  }));
}
