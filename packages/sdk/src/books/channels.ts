/**
 * Opens, finds and fills the channels of a buyer: one per provider and hot key of the provider.
 *
 *   none ─fund→ opening ─final→ open ─exit or tombstone on chain→ closed (a new one gets a fresh salt)
 *
 * A request waits for the chain only when no channel has room for it. A channel that is running low is
 * filled in the background, one transaction at a time per channel. The row is stored as `opening` before
 * the transaction leaves, so a crash in between never loses a channel with money in it: the next funding
 * for that provider goes to the same channel, whether the first one became final or not.
 *
 * `distrusted` is for ever, unless the owner forgives the provider. Calls of a channel that the chain has
 * closed for good end without a charge at the next start: nobody can claim on it any more.
 */
import { hex, randomBytes } from '@aitbc/primitives';
import {
  AppError,
  accountIdOf,
  asAppError,
  channelConfigOf,
  channelIdOf,
  type Hex,
  limits,
  type nodeRpc,
  type OutputOf,
  unwrap,
} from '@aitbc/protocol';
import { askAgain } from '../chain/ask-again.ts';
import type { Funder } from '../chain/funder.ts';
import type { NodeClient } from '../chain/node-client.ts';
import type { Candidate } from '../offers/discover-offers.ts';
import type { Book } from './book.ts';
import type { BuyerLog } from './log.ts';
import { type BuyerStore, type ChannelRow, callKey } from './store.ts';

const saltBytes = 32;
const refillBelowPercent = 30n;
const pagesMax = 100;
/** Parallel calls share one funding, and may use it up before the last of them looks. */
const fillRounds = 3;
const refillPauseMs = 30_000; // after a background funding failed

/** How much goes on chain at a time, nait. */
export interface Funding {
  /** Into a channel. */
  readonly channelFund: bigint;
  /** Into the vault, when it cannot fill a channel. */
  readonly vaultFund: bigint;
}

/** What the channels need. */
export interface ChannelDeps {
  readonly node: NodeClient;
  readonly funder: Funder;
  readonly book: Book;
  readonly store: BuyerStore;
  /** Public key that signs vouchers. */
  readonly hotKey: Hex;
  readonly funding: Pick<Funding, 'channelFund'>;
  /** Addresses of providers whose channels are no longer distrusted. */
  readonly forgiven: readonly string[];
  readonly log: BuyerLog;
  readonly nowMs: () => number;
}

/** The channels of a buyer. */
export interface Channels {
  /** A channel to the candidate with room for `need` nait; waits for the chain only when there is none. */
  usable(candidate: Candidate, need: bigint): Promise<ChannelRow>;
  /** What could be promised to the candidate without the chain, nait; undefined when it broke the rules before. */
  room(candidate: Candidate): bigint | undefined;
  /** Puts more money into a channel until `need` fits. */
  fill(channelId: Hex, need: bigint): Promise<void>;
  /** Reads the channel from the chain again. */
  refresh(channelId: Hex): Promise<ChannelRow>;
  /** Finds channels of this payer and hot key that the store does not know, and what became of `opening` ones. */
  recover(): Promise<void>;
}

type ChainChannel = OutputOf<typeof nodeRpc.state_getChannel>;

/** The channels of one payer. */
export function createChannels(deps: ChannelDeps): Channels {
  const { book } = deps;
  const running = new Map<string, Promise<void>>();
  const wanted = new Map<Hex, bigint>();
  const pausedUntilMs = new Map<Hex, number>();

  /** One funding at a time per key; the second caller waits for the first. */
  const once = (key: string, work: () => Promise<void>): Promise<void> => {
    const known = running.get(key);
    if (known) return known;
    const promise = work().finally(() => running.delete(key));
    running.set(key, promise);
    return promise;
  };

  const fill: Channels['fill'] = async (channelId, need) => {
    const want = (more: bigint) => wanted.set(channelId, (wanted.get(channelId) ?? 0n) + more);
    want(need);
    try {
      for (let round = 0; round < fillRounds && book.room(channelId) < need; round += 1) {
        await once(channelId, () => topUp(deps, channelId, () => wanted.get(channelId) ?? 0n));
      }
    } finally {
      want(-need);
    }
  };

  const refillLater = (channelId: Hex): void => {
    const { channelFund } = deps.funding;
    if (book.room(channelId) * 100n >= channelFund * refillBelowPercent) return;
    if (deps.nowMs() < (pausedUntilMs.get(channelId) ?? 0)) return;
    once(channelId, () => topUp(deps, channelId, () => 0n)).catch((error) => {
      pausedUntilMs.set(channelId, deps.nowMs() + refillPauseMs);
      const { code, facts } = asAppError(error);
      deps.log.warn({ code, ...facts, channelId }, 'a channel could not be filled');
    });
  };

  return {
    async usable(candidate, need) {
      let row = findChannel(book, candidate);
      if (!row) {
        const { provider, offer } = candidate;
        await once(provider + offer.payload.authorizer, () => open(deps, candidate, need));
        row = findChannel(book, candidate);
      }
      if (row) await fill(row.channelId, need);
      if (row && book.room(row.channelId) >= need) {
        refillLater(row.channelId);
        return book.channel(row.channelId) as ChannelRow;
      }
      const what = `Money in the channel to ${candidate.provider}`;
      throw new AppError('UNAVAILABLE', { what, reason: 'other calls use it now' });
    },
    room(candidate) {
      if (isDistrusted(book, candidate)) return undefined;
      const row = findChannel(book, candidate);
      return row ? book.room(row.channelId) : 0n;
    },
    fill,
    refresh: (channelId) => refresh(deps, channelId),
    recover: () => recover(deps),
  };
}

function channelsTo(book: Book, { provider, offer }: Candidate): readonly ChannelRow[] {
  const { authorizer } = offer.payload;
  return book
    .channels()
    .filter((row) => row.provider === provider && row.receiverAuthorizer === authorizer);
}

function isDistrusted(book: Book, candidate: Candidate): boolean {
  return channelsTo(book, candidate).some(({ status }) => status === 'distrusted');
}

function findChannel(book: Book, candidate: Candidate): ChannelRow | undefined {
  if (isDistrusted(book, candidate)) {
    const reason = `${candidate.provider} broke the rules before`;
    throw new AppError('RECEIPT_INVALID', { reason });
  }
  const { withdrawDelayMsMin } = candidate.offer.payload;
  return channelsTo(book, candidate).find(
    ({ status, withdrawDelayMs }) => status === 'open' && withdrawDelayMs >= withdrawDelayMsMin,
  );
}

async function open(
  deps: ChannelDeps,
  { provider, offer }: Candidate,
  need: bigint,
): Promise<void> {
  const { network } = await deps.node.network();
  const { authorizer, withdrawDelayMsMin } = offer.payload;
  const begun = deps.book
    .channels()
    .find(
      (row) =>
        row.status === 'opening' &&
        row.provider === provider &&
        row.receiverAuthorizer === authorizer &&
        row.withdrawDelayMs >= withdrawDelayMsMin,
    );
  if (begun) {
    await topUp(deps, begun.channelId, () => need);
    return;
  }
  const row = {
    provider,
    receiverAuthorizer: authorizer,
    withdrawDelayMs: Math.max(withdrawDelayMsMin, limits.withdrawDelayMsMin),
    salt: hex(randomBytes(saltBytes)),
  };
  const config = channelConfigOf(deps.funder.payer.accountId, allocationOf(deps, row, 0n));
  const channelId = channelIdOf(network, config);
  const fresh = { balance: 0n, settled: 0n, signedMax: 0n, status: 'opening' as const };
  await deps.store.save(deps.book.putChannel({ channelId, ...row, ...fresh }));
  await topUp(deps, channelId, () => need);
}

function allocationOf(
  { hotKey }: ChannelDeps,
  row: Pick<ChannelRow, 'provider' | 'receiverAuthorizer' | 'withdrawDelayMs' | 'salt'>,
  amount: bigint,
) {
  const { provider, receiverAuthorizer, withdrawDelayMs, salt } = row;
  const receiver = unwrap(accountIdOf(provider));
  return { receiver, payerAuthorizer: hotKey, receiverAuthorizer, withdrawDelayMs, salt, amount };
}

/**
 * Funds a channel, with less than `channelFund` where the money is limited; returns when that is final.
 * `need` is asked as late as possible: by then it knows of all calls that wait for this funding.
 */
async function topUp(deps: ChannelDeps, channelId: Hex, need: () => bigint): Promise<void> {
  const { funder, book, funding } = deps;
  const row = book.channel(channelId);
  if (!row || row.status === 'closed' || row.status === 'distrusted') return;
  const missing = need() - book.room(channelId);
  const amount = missing > funding.channelFund ? missing : funding.channelFund;
  await funder.fund(allocationOf(deps, row, amount), missing);
  const after = await refresh(deps, channelId);
  deps.log.info({ channelId, balance: after.balance.toString() }, 'channel funded');
}

async function refresh(deps: ChannelDeps, channelId: Hex): Promise<ChannelRow> {
  const state = await askAgain(() => deps.node.rpc.state_getChannel({ channelId }));
  const row = mergeChainState(deps.book.channel(channelId), state);
  await deps.store.save(deps.book.putChannel(row));
  return row;
}

/**
 * The row after a look at the chain. A claim above all that this book has signed shows that the book is older than its
 * channel (a store put back from a backup): what the chain has paid counts as signed and settled then.
 */
function mergeChainState(known: ChannelRow | undefined, state: ChainChannel): ChannelRow {
  const claimed = BigInt(state.totalClaimed);
  const isClosing = state.closed || state.withdrawDueMs > 0;
  const { channelId, receiver, receiverAuthorizer, withdrawDelayMs, salt } = state;
  const isForgotten = known === undefined || claimed > known.signedMax;
  const status = known?.status === 'distrusted' ? 'distrusted' : isClosing ? 'closed' : 'open';
  return {
    channelId,
    provider: receiver,
    receiverAuthorizer,
    withdrawDelayMs,
    salt,
    status,
    balance: BigInt(state.balance) - BigInt(state.withdrawAmount),
    settled: isForgotten ? claimed : known.settled,
    signedMax: isForgotten ? claimed : known.signedMax,
  };
}

async function recover(deps: ChannelDeps): Promise<void> {
  const { node, book, store, funder, hotKey } = deps;
  await forgive(deps);
  let after: Hex | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const query = { payer: funder.payer.address, ...(after === undefined ? {} : { after }) };
    const { channels, next } = await node.rpc.state_listChannels(query);
    for (const state of channels.filter(({ payerAuthorizer }) => payerAuthorizer === hotKey)) {
      const known = book.channel(state.channelId);
      if (!known && state.closed) continue;
      await store.save(book.putChannel(mergeChainState(known, state)));
      if (state.closed) await releaseCalls(deps, state.channelId);
    }
    if (next === null) break;
    after = next;
  }
}

async function forgive({ book, store, forgiven, log }: ChannelDeps): Promise<void> {
  for (const row of book.channels()) {
    if (row.status !== 'distrusted' || !forgiven.includes(row.provider)) continue;
    await store.save(book.putChannel({ ...row, status: 'open' }));
    log.warn({ provider: row.provider, channelId: row.channelId }, 'a provider is trusted again');
  }
}

async function releaseCalls({ book, store }: ChannelDeps, channelId: Hex): Promise<void> {
  for (const call of book.openCalls()) {
    if (call.channelId === channelId) await store.save(book.release(callKey(call)));
  }
}
