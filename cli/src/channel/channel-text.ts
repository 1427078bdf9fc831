/**
 * Channels as people read them: what is in one, and the date at which each coin of it can be had.
 *
 * The chain knows `balance` and `totalClaimed`. What was signed away since is known to the gateway that signed, so
 * it is shown where that gateway answers and pays for the account.
 */
import { amountOf, type nodeRpc, type OutputOf } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';
import type { Out } from '../context/out.ts';
import { durationText, shortAddress } from '../wording.ts';

/** A channel as the chain has it. */
export type ChainChannel = OutputOf<typeof nodeRpc.state_getChannel>;

/** What a gateway knows of a channel that it pays from, nait. */
export interface SignedAway {
  /** The largest amount that its vouchers promise in all. */
  readonly signedMax: string;
  /** Of it what was delivered. */
  readonly charged: string;
}

/** A channel with all that is known of it. */
export interface ChannelView {
  readonly channelId: string;
  /** From the point of view of the account that asks. */
  readonly role: 'payer' | 'receiver';
  readonly payer: string;
  readonly receiver: string;
  readonly state: 'open' | 'closing' | 'closed';
  readonly balance: string;
  readonly totalClaimed: string;
  /** `balance` less `totalClaimed`. */
  readonly free: string;
  /** What the receiver may still claim with vouchers that this gateway signed; null where it is not known. */
  readonly claimable: string | null;
  readonly signedMax: string | null;
  readonly charged: string | null;
  readonly withdrawDelayMs: number;
  readonly withdrawAmount: string;
  /** Chain time from which the withdrawal can be finished; null without one. */
  readonly withdrawDueMs: number | null;
}

/** A channel seen by one of its parties. */
export function channelView(
  channel: ChainChannel,
  account: string,
  signed: SignedAway | undefined,
): ChannelView {
  const { balance, totalClaimed, withdrawDueMs } = channel;
  const free = freeOf(channel);
  return {
    channelId: channel.channelId,
    role: channel.payer === account ? 'payer' : 'receiver',
    payer: channel.payer,
    receiver: channel.receiver,
    state: stateOf(channel),
    balance,
    totalClaimed,
    free: free.toString(),
    claimable: signed ? lesser(above(signed.signedMax, totalClaimed), free).toString() : null,
    signedMax: signed?.signedMax ?? null,
    charged: signed?.charged ?? null,
    withdrawDelayMs: channel.withdrawDelayMs,
    withdrawAmount: channel.withdrawAmount,
    withdrawDueMs: withdrawDueMs > 0 ? withdrawDueMs : null,
  };
}

/** What neither was claimed nor may be: `balance` less `totalClaimed`, nait. */
export function freeOf({ balance, totalClaimed }: ChainChannel): bigint {
  return above(balance, totalClaimed);
}

function above(left: string, right: string): bigint {
  const difference = amountOf(left) - amountOf(right);
  return difference > 0n ? difference : 0n;
}

function lesser(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}

function stateOf({ closed, withdrawDueMs }: ChainChannel): ChannelView['state'] {
  if (closed) return 'closed';
  return withdrawDueMs > 0 ? 'closing' : 'open';
}

/** Titles of the list. */
export const channelHead = ['channel', 'with', 'free', 'signed', 'claimable', 'state'];
export const channelRight = [2, 3, 4];

/** A row of the list. */
export function channelRow(view: ChannelView): string[] {
  const known = (amount: string | null) => (amount === null ? '–' : aitText(amount));
  return [
    view.channelId,
    view.role === 'payer'
      ? `pays ${shortAddress(view.receiver)}`
      : `paid by ${shortAddress(view.payer)}`,
    aitText(view.free),
    known(view.signedMax),
    known(view.claimable),
    stateText(view),
  ];
}

/** Facts of one channel, with the way out of it. */
export function channelFacts(out: Out, view: ChannelView): string {
  const known = (name: string, amount: string | null) =>
    amount === null ? [] : [[name, aitText(amount)]];
  const facts = out.table([
    ['channel', view.channelId],
    ['payer', view.payer],
    ['receiver', view.receiver],
    ['state', stateText(view)],
    ['put in', aitText(view.balance)],
    ['claimed', aitText(view.totalClaimed)],
    ['free', aitText(view.free)],
    ...known('signed', view.signedMax),
    ...known('delivered', view.charged),
    ...known('claimable', view.claimable),
    ['notice', durationText(view.withdrawDelayMs)],
  ]);
  return `${facts}\n\n${wayOut(view)}`;
}

function stateText({ state, withdrawAmount, withdrawDueMs }: ChannelView): string {
  if (withdrawDueMs === null) return state;
  return `closing: ${aitText(withdrawAmount)} from ${dateText(withdrawDueMs)}`;
}

/** A time of the chain, UTC. */
export function dateText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** How the payer gets back what is free, and when. */
function wayOut({ state, channelId, withdrawDelayMs, withdrawDueMs }: ChannelView): string {
  if (state === 'closed') return 'Closed for ever: nothing is in it any more.';
  if (withdrawDueMs !== null) {
    return `From ${dateText(withdrawDueMs)} on anybody may finish the withdrawal:\n  aitbc channel withdraw finish ${channelId}`;
  }
  return `The payer gets the free part back ${durationText(withdrawDelayMs)} after:\n  aitbc channel withdraw start ${channelId}`;
}
