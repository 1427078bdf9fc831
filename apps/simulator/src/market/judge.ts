/** The end of a market run: both books of each channel side by side, every coin back, the chain through a second ledger. */
import {
  AppError,
  chargeFor,
  expiringLane,
  type SignedTx,
  signTx,
  type UnsignedTx,
} from '@aitbc/protocol';
import type { ChannelRow } from '@aitbc/sdk/books';
import { naiveDifference } from '../commerce/naive-ledger.ts';
import type { Buyer } from './buyer/buyer.ts';
import type { MarketGround } from './ground.ts';
import { feeOfTx, type Ledger } from './ledger/ledger.ts';
import { releaseAll } from './ledger/release.ts';
import type { Provider } from './provider/provider.ts';
import type { MarketWatch } from './watch.ts';

/** Everybody at the end. */
export interface Judged {
  readonly ground: MarketGround;
  readonly ledger: Ledger;
  readonly watch: MarketWatch;
  readonly buyers: ReadonlyMap<number, Buyer>;
  readonly providers: ReadonlyMap<number, Provider>;
}

/** Compares and counts; throws at the first promise that was broken. */
export function judgeBooks(run: Judged): void {
  const { watch, buyers } = run;
  for (const [at, { book }] of buyers) {
    if (!watch.isHonest(at)) continue;
    for (const row of book.channels()) judgeChannel(run, at, row);
  }
  judgeJobs(run);
}

/** Both books of a channel between honest parties, and what the chain has paid of it. */
function judgeChannel(
  { watch, ground, providers, ledger }: Judged,
  buyer: number,
  { provider: address, channelId, settled }: ChannelRow,
): void {
  const seller = [...ground.offers].find(
    ([, { signed }]) => signed.payload.provider === address,
  )?.[0];
  if (seller === undefined || !watch.isHonest(seller)) return;
  const charged = providers.get(seller)?.books.get(channelId)?.charged;
  if (charged === undefined) return;
  const facts = { node: buyer, provider: seller, settled: `${settled}`, charged: `${charged}` };
  watch.counts.once += 1;
  if (settled !== charged) watch.fail('once', facts);
  if (!ground.isDelayLong) return;
  const claimed = ledger.view.get('channel', channelId)?.totalClaimed ?? 0n;
  watch.counts.paid += 1;
  if (claimed !== charged) watch.fail('paid', { ...facts, claimed: `${claimed}` });
}

interface JobSum {
  /** Output tokens that honest providers charged, and the end of the answer. */
  tokens: number;
  most: number;
  readonly windows: number[];
}

/** No token paid twice beyond the windows of providers that the buyer left, no prompt to one that failed. */
function judgeJobs({ providers, watch, ground }: Judged): void {
  const jobs = new Map<string, JobSum>();
  for (const [at, { store }] of providers) {
    const offer = ground.offers.get(at);
    if (!watch.isHonest(at) || !offer) continue;
    for (const [jobId, { job }] of store.rows) {
      const sum = jobs.get(jobId) ?? { tokens: 0, most: 0, windows: [] };
      jobs.set(jobId, sum);
      sum.tokens += job.delivered - job.from;
      sum.most = Math.max(sum.most, job.delivered);
      sum.windows.push(offer.windowTokens);
      const usage = { promptTokens: 0, outputTokens: job.delivered - job.from };
      const isFair =
        job.outcome !== 'provider_error' || job.charged <= chargeFor(job.price, usage, job.outcome);
      watch.counts.overlap += 1;
      if (!isFair) watch.fail('overlap', { node: at, jobId, charged: `${job.charged}` });
    }
  }
  for (const [jobId, { tokens, most, windows }] of jobs) {
    const [, ...left] = windows.toSorted((a, b) => a - b);
    const slack = left.reduce((sum, size) => sum + size, 0);
    if (tokens > most + slack) watch.fail('overlap', { jobId, tokens, most, slack });
  }
}

/** Every coin back, an upgrade that this program does not know, and the naive ledger. */
export function judgeChain({ ground, ledger, watch }: Judged, withUpgrade: boolean): void {
  const [stuck] = releaseAll(ground, ledger);
  watch.counts.released += 1;
  if (stuck) {
    const { key, owner, releasedBy, dueMs } = stuck;
    watch.fail('released', { key, owner, releasedBy, dueMs: dueMs ?? undefined });
  }
  if (withUpgrade) judgeUpgrade(ground, ledger, watch);
  const difference = naiveDifference(ground.genesis, ground.first.writes, watch.blocks);
  watch.counts.oracle += 1;
  if (difference) watch.fail('oracle', difference);
}

const versionNext = 2;

/** All owners want the next rules at a height: a program that knows only these makes the block before it and no other. */
function judgeUpgrade(ground: MarketGround, ledger: Ledger, watch: MarketWatch): void {
  const { epochBlocks } = ground.genesis.params;
  const height = (Math.floor(ledger.head().height / epochBlocks) + 2) * epochBlocks;
  const next = (txs: readonly SignedTx[] = []) => ledger.makeBlock(ledger.head().timeMs + 1, txs);
  next(ground.validators.map((_, at) => signalOf(ground, ledger, { at, height })));
  if (ledger.view.get('upgrade', '0'.repeat(64))?.height !== height) return;
  watch.counts.upgrade += 1;
  try {
    while (ledger.head().height < height) next();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'CHAIN_UPGRADE_NEEDED') throw error;
  }
  const stoppedAt = ledger.head().height;
  if (stoppedAt !== height - 1) watch.fail('upgrade', { height, stoppedAt });
}

function signalOf(
  ground: MarketGround,
  ledger: Ledger,
  { at, height }: { readonly at: number; readonly height: number },
): SignedTx {
  const from = ground.people[at] as (typeof ground.people)[number];
  const body = { validator: ground.validators[at]?.id, version: versionNext, height };
  const validUntil = ledger.head().height + 2;
  const envelope = { chain: ground.network.chain, lane: expiringLane, validUntil, nonce: at };
  const unsigned = {
    ...envelope,
    kind: 'upgrade_signal',
    from: from.id,
    fee: 0n,
    body,
  } as UnsignedTx;
  const tx = { ...unsigned, fee: feeOfTx(ground, unsigned) } as UnsignedTx;
  return signTx(ground.network, tx, from.secretKey);
}
