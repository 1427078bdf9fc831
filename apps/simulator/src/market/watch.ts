/**
 * The promises of the market, checked while it runs and at its end. What an honest buyer ever signed, what arrived and what
 * was shown is written down here, where no crash takes it away.
 *
 *   conservation  supply and what was burned are the genesis supply, after each block
 *   locks         every coin that is locked has a date or an owner, after each block
 *   signed        the chain pays no more on a channel than its buyer ever signed
 *   mandate       a sub-key's spending is what the chain counts, within its limit; no honest provider serves beyond it
 *   bond          no audit convicts a provider whose job was honest
 *   durability    nothing runs, is shown or signed that its disk does not have
 *   windows       a buyer promises one window ahead, a provider gives nothing that is not covered
 *   answer        what arrives is the answer, token by token, whoever gives it
 *   trust         no honest buyer finds an honest provider to break a rule
 *   paid          a provider that sees a withdrawal in time loses nothing; at the end all that is due is paid
 *   once          at the end both books of a channel are equal to the nait
 *   fair          no buyer books more than the price of what its vouchers cover
 *   overlap       no token is paid twice beyond the windows of those that were left, no prompt to one that failed
 *   released      at the end every locked coin finds back to a balance
 *   oracle        a naive second ledger ends in the same state
 *   upgrade       a program that does not know the next rules stops before them
 */
import { auditFunds, type BuiltBlock, supplyOf } from '@aitbc/chain';
import type { MandatedUse } from '@aitbc/market';
import {
  amountOf,
  type ChannelState,
  chargeFor,
  type ErrorCode,
  type Hex,
  type Mandate,
  priceOf,
  type SignedReceipt,
} from '@aitbc/protocol';
import type { CallRow } from '@aitbc/sdk/books';
import type { View } from '../commerce/view.ts';
import { type Facts, ViolationError } from '../engine/violation.ts';
import { wrongVerdictIn } from '../whole/watch.ts';
import type { MarketGround } from './ground.ts';
import type { Ledger } from './ledger/ledger.ts';

export const marketInvariants = [
  'conservation',
  'locks',
  'signed',
  'mandate',
  'bond',
  'durability',
  'windows',
  'answer',
  'trust',
  'paid',
  'once',
  'overlap',
  'fair',
  'released',
  'oracle',
  'upgrade',
  'liveness',
] as const;

export type MarketInvariant = (typeof marketInvariants)[number];

export interface MarketWatch {
  readonly counts: Record<MarketInvariant, number>;
  /** How often things happened, for the report. */
  readonly seen: Record<string, number>;
  readonly blocks: readonly BuiltBlock[];
  readonly fail: (invariant: MarketInvariant, facts: Facts) => never;
  readonly isHonest: (endpoint: number) => boolean;
  saw(what: string): void;
  block(block: BuiltBlock, ledger: Ledger): void;
  signed(
    buyer: number,
    voucher: {
      readonly channelId: Hex;
      readonly maxClaimable: bigint;
      readonly isDurable: boolean;
    },
  ): void;
  covers(
    buyer: number,
    cover: { readonly received: number; readonly tokens: number; readonly windowTokens: number },
  ): void;
  arrived(
    buyer: number,
    token: {
      readonly endpoint: number;
      readonly jobId: Hex;
      readonly position: number;
      readonly isRight: boolean;
    },
  ): void;
  settled(buyer: number, row: CallRow, receipts: readonly SignedReceipt[]): void;
  distrusted(buyer: number, row: CallRow): void;
  /** Receipts of a call from an earlier life do not fit it. */
  unsettled(buyer: number, row: CallRow, isResumed: boolean): void;
  runs(provider: number, jobId: Hex, isDurable: boolean): void;
  gave(
    provider: number,
    jobId: Hex,
    token: { readonly position: number; readonly covered: number },
  ): void;
  shown(provider: number, receipt: SignedReceipt, isDurable: boolean): void;
  /** A new job on a channel, as its provider sees it. */
  admitted(provider: number, channel: ChannelState): void;
  mandated(provider: number, mandate: Mandate, use: MandatedUse): void;
  lost(provider: number, channelId: Hex, nait: bigint): void;
  refused(code: ErrorCode): void;
}

export interface WatchOptions {
  readonly ground: MarketGround;
  readonly isHonest: (endpoint: number) => boolean;
  readonly atMs: () => number;
}

/** A watch that has seen nothing. */
export function createMarketWatch({ ground, isHonest, atMs }: WatchOptions): MarketWatch {
  const counts = Object.fromEntries(
    marketInvariants.map((name) => [name, 0]),
  ) as MarketWatch['counts'];
  const seen: Record<string, number> = {};
  const blocks: BuiltBlock[] = [];
  const fail = (invariant: MarketInvariant, facts: Facts): never => {
    throw new ViolationError(invariant, { atMs: atMs(), ...facts });
  };
  const check = (invariant: MarketInvariant, holds: boolean, facts: () => Facts): void => {
    counts[invariant] += 1;
    if (!holds) fail(invariant, facts());
  };
  const saw = (what: string): void => {
    seen[what] = (seen[what] ?? 0) + 1;
  };
  const parts: Parts = { check, isHonest, saw };
  const ledgerWatch = createLedgerWatch({ ground, isHonest, check });
  return {
    counts,
    seen,
    blocks,
    fail,
    isHonest,
    saw,
    block(block, ledger) {
      blocks.push(block);
      ledgerWatch.block(block, ledger);
    },
    signed(buyer, { channelId, maxClaimable, isDurable }) {
      saw('vouchers');
      ledgerWatch.signed(channelId, maxClaimable);
      if (isHonest(buyer)) check('durability', isDurable, () => ({ node: buyer, channelId }));
    },
    covers(buyer, { received, tokens, windowTokens }) {
      const isInTime = tokens - received <= windowTokens;
      check('windows', isInTime, () => ({ node: buyer, received, tokens }));
    },
    arrived(buyer, { endpoint, jobId, position, isRight }) {
      saw('tokens');
      if (!isHonest(endpoint)) return;
      check('answer', isRight, () => ({ node: buyer, endpoint, jobId, position }));
    },
    ...watchEnds(parts, ground),
    ...watchProviders(parts, ground),
    refused: (code) => saw(code),
  };
}

interface Parts {
  readonly check: (invariant: MarketInvariant, holds: boolean, facts: () => Facts) => void;
  readonly isHonest: (endpoint: number) => boolean;
  readonly saw: (what: string) => void;
}

/** How calls of buyers end. */
function watchEnds(
  { check, isHonest, saw }: Parts,
  ground: MarketGround,
): Pick<MarketWatch, 'settled' | 'distrusted' | 'unsettled'> {
  const endpointOf = createEndpoints(ground);
  return {
    settled(buyer, row, receipts) {
      const final = receipts.at(-1)?.payload;
      if (!final) return;
      saw(`settled ${final.outcome}`);
      const usage = { promptTokens: row.promptBound, outputTokens: final.to - row.from };
      const due = chargeFor(priceOf(row.offer.payload), usage, final.outcome);
      const isFair = amountOf(final.charged) <= due && final.to <= row.tokens;
      const facts = (): Facts => ({ node: buyer, charged: final.charged, due: `${due}` });
      if (isHonest(buyer)) check('fair', isFair, facts);
    },
    distrusted(buyer, { provider, jobId }) {
      saw('distrusted');
      const other = endpointOf(provider);
      const isFair = !isHonest(buyer) || !isHonest(other);
      check('trust', isFair, () => ({ node: buyer, provider: other, jobId }));
    },
    unsettled(buyer, { provider, jobId }) {
      const other = endpointOf(provider);
      const isFair = !isHonest(buyer) || !isHonest(other);
      check('trust', isFair, () => ({ node: buyer, provider: other, jobId, isResumed: true }));
    },
  };
}

/** What providers take, run, give and show. */
function watchProviders(
  { check, isHonest, saw }: Parts,
  ground: MarketGround,
): Pick<MarketWatch, 'runs' | 'gave' | 'shown' | 'admitted' | 'mandated' | 'lost'> {
  return {
    runs(provider, jobId, isDurable) {
      saw('jobs');
      if (isHonest(provider)) check('durability', isDurable, () => ({ node: provider, jobId }));
    },
    gave(provider, jobId, { position, covered }) {
      const isCovered = position < covered;
      if (isHonest(provider)) {
        check('windows', isCovered, () => ({ node: provider, jobId, position, covered }));
      }
    },
    shown(provider, { payload: { jobId } }, isDurable) {
      saw('receipts');
      if (isHonest(provider)) check('durability', isDurable, () => ({ node: provider, jobId }));
    },
    admitted(provider, { channelId, withdrawDueMs, closed }) {
      if (!isHonest(provider)) return;
      const isOpen = withdrawDueMs === 0 && !closed;
      check('paid', isOpen, () => ({ node: provider, channelId, withdrawDueMs }));
    },
    mandated(provider, { revoked, expiresAtHeight, jobMaxNait }, { height, promised }) {
      if (!isHonest(provider)) return;
      const holds = !revoked && height <= expiresAtHeight;
      const fits = jobMaxNait === 0n || promised <= jobMaxNait;
      check('mandate', holds && fits, () => ({ node: provider, revoked, promised: `${promised}` }));
    },
    lost(provider, channelId, nait) {
      saw('written off');
      if (!isHonest(provider) || !ground.isDelayLong) return;
      check('paid', false, () => ({ node: provider, channelId, lost: `${nait}` }));
    },
  };
}

function createEndpoints({ offers }: MarketGround): (address: string) => number {
  const known = new Map([...offers].map(([at, { signed }]) => [signed.payload.provider, at]));
  return (address) => known.get(address) ?? -1;
}

interface LedgerWatchParts {
  readonly ground: MarketGround;
  readonly isHonest: (endpoint: number) => boolean;
  readonly check: (invariant: MarketInvariant, holds: boolean, facts: () => Facts) => void;
}

/** What is looked at after each block. */
function createLedgerWatch({ ground, check }: LedgerWatchParts) {
  const supply = supplyOf(ground.genesis);
  const caps = new Map<Hex, bigint>();
  const spent = new Map<string, bigint>();
  const buyers = new Set(
    ground.parties.filter(({ kind }) => kind === 'buyer').map(({ person }) => person.id),
  );
  /** Channels of this market's buyers that a block has changed. */
  const channelsIn = ({ writes }: BuiltBlock, view: View): ChannelState[] =>
    [...writes.keys()].flatMap((key) => {
      const channel = key.startsWith('c') ? view.get('channel', key.slice(1)) : undefined;
      return channel && buyers.has(channel.payer) ? [channel] : [];
    });
  return {
    signed(channelId: Hex, cap: bigint): void {
      if (cap > (caps.get(channelId) ?? 0n)) caps.set(channelId, cap);
    },
    block(block: BuiltBlock, { state, view }: Ledger): void {
      const { height, timeMs } = block.header;
      const funds = auditFunds(state, timeMs);
      const isWhole = funds.supply + funds.burned === supply;
      check('conservation', isWhole, () => ({ height, supply: `${funds.supply}` }));
      check('locks', funds.problems.length === 0, () => ({ height, problem: funds.problems[0] }));
      const auditId = wrongVerdictIn(view);
      check('bond', auditId === undefined, () => ({ height, auditId }));
      for (const { channelId, totalClaimed } of channelsIn(block, view)) {
        const isSigned = totalClaimed <= (caps.get(channelId) ?? 0n);
        check('signed', isSigned, () => ({ height, channelId, totalClaimed: `${totalClaimed}` }));
      }
      for (const tx of block.txs) {
        if (tx.kind !== 'mandate_fund' && tx.kind !== 'mandate_transfer') continue;
        const id = tx.body.owner + tx.from;
        spent.set(id, (spent.get(id) ?? 0n) + tx.body.amount);
      }
      for (const [, mandate] of view.all('mandate')) {
        const sum = spent.get(mandate.owner + mandate.subKey) ?? 0n;
        check('mandate', mandate.spentNait === sum, () => ({ height, spent: `${sum}` }));
      }
    },
  };
}
