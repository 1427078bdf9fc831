/**
 * Wash volume: what a payer spends with a provider comes back to it. The volume is made up, the money goes in a circle.
 *
 * Of each pair the last receipts and the last returns within `windowMs` count. A return is a transfer from the provider
 * to the payer, or through one account between them: what came in there from the provider is matched with what
 * went out to the payer, up to the smaller amount. Accounts that send to many (an exchange) are no go-between. One large
 * payment back is a refund, a loan or a salary: `returnsMin` separate ones are needed.
 */
import type { JsonValue } from '@aitbc/primitives';
import type { Hex } from '@aitbc/protocol';
import { type Bounded, createBounded, pushBounded } from '../bounded.ts';
import { createChannels, type KnownChannel } from '../channels.ts';
import {
  type ChainEvent,
  createReporter,
  type Detector,
  noAlerts,
  savedPart,
  type WatchedEvent,
} from '../detector.ts';
import { isReceipt } from '../receipt-event.ts';

interface Pair {
  /** seq, time, nait */
  spent: [number, number, number][];
  /** time, nait, transactions */
  back: [number, number, Hex[]][];
}

interface Between {
  /** Whom it sent to, up to the number that makes it a hub. */
  sentTo: string[];
  /** from, time, nait not yet matched, transaction */
  came: [string, number, number, Hex][];
}

interface SentOn {
  readonly to: string;
  readonly atMs: number;
  readonly amount: number;
  readonly txId: Hex;
}

const spentKept = 64;
const backKept = 24;
const cameKept = 8;
const pairsKept = 4_096;
const betweensKept = 8_192;

const thresholds = {
  receiptsMin: { value: 12, unit: 'receipts', about: 'of the pair within the window' },
  returnsMin: { value: 3, unit: 'returns', about: 'separate payments back to the payer' },
  backPercent: { value: 60, unit: '%', about: 'of what was spent came back' },
  windowMs: { value: 86_400_000, unit: 'ms', about: 'receipts and returns that count' },
  hubAccounts: { value: 8, unit: 'accounts', about: 'who sends to as many is no go-between' },
} as const;

/** Finds money that goes in a circle. */
export const washVolume: Detector = {
  name: 'wash-volume',
  about: 'What a payer spends with a provider comes back to it, directly or through one account',
  watches: ['transfer', 'channel', 'receipt'],
  thresholds,
  create(limits, options = {}) {
    const { saved } = options;
    const { receiptsMin = 0, returnsMin = 0, backPercent = 0, windowMs = 0 } = limits;
    const reporter = createReporter('wash-volume', limits, options);
    const channels = createChannels(savedPart(saved, 'channels'));
    const pairs = createBounded<Pair>(pairsKept, savedPart(saved, 'pairs'));
    const returns = createReturns(pairs, limits.hubAccounts ?? 0, savedPart(saved, 'returns'));

    const judge = (atMs: number, { payer, receiver, txId }: KnownChannel, pair: Pair) => {
      const spent = pair.spent.filter(([, time]) => atMs - time <= windowMs);
      const back = pair.back.filter(([time]) => Math.abs(atMs - time) <= windowMs);
      if (spent.length < receiptsMin || back.length < returnsMin) return noAlerts;
      const [out, home] = [sumOf(spent.map(([, , nait]) => nait)), sumOf(back.map(([, n]) => n))];
      if (out === 0 || home * 100 < backPercent * out) return noAlerts;
      return reporter.say(atMs, {
        level: 'high',
        confidence: 90,
        subjects: [
          { role: 'provider', address: receiver },
          { role: 'payer', address: payer },
        ],
        text: `${Math.round((home * 100) / out)} % of what ${spent.length} receipts cost came back to the payer in ${back.length} payments`,
        txs: [txId, ...back.flatMap(([, , txs]) => txs)],
        events: spent.map(([seq]) => seq),
      });
    };
    return {
      take(event: WatchedEvent) {
        if (!isReceipt(event)) {
          takeFact(event as ChainEvent);
          return noAlerts;
        }
        const channel = channels.get(event.facts.channelId);
        if (!channel || channel.receiver !== event.provider) return noAlerts;
        const pair = pairs.open(pairKey(event.provider, channel.payer), emptyPair);
        pushBounded(pair.spent, [event.seq, event.atMs, Number(event.facts.charged)], spentKept);
        return pair.back.length < returnsMin ? noAlerts : judge(event.atMs, channel, pair);
      },
      save: () => ({
        ...{ said: reporter.save(), channels: channels.save() },
        ...{ pairs: pairs.save(), returns: returns.save() },
      }),
    };

    function takeFact(event: ChainEvent): void {
      channels.add(event);
      if (event.facts.kind === 'transfer') returns.add(event);
      else pairs.open(pairKey(event.facts.receiver, event.facts.payer), emptyPair);
    }
  },
};

/** Matches transfers with the pairs whose money they bring back. */
function createReturns(pairs: Bounded<Pair>, hubAccounts: number, saved?: JsonValue) {
  const betweens = createBounded<Between>(betweensKept, savedPart(saved, 'betweens'));
  /** Matches what a go-between sends on with what came in there from a provider. */
  const bringBack = (cameIn: Between['came'], { to, atMs, amount, txId }: SentOn): void => {
    const matched = new Map<Pair, [number, Hex[]]>();
    let left = amount;
    for (const came of cameIn) {
      const pair = came[2] > 0 && left > 0 ? pairs.get(pairKey(came[0], to)) : undefined;
      if (!pair) continue;
      const part = Math.min(came[2], left);
      came[2] -= part;
      left -= part;
      const [sum, txs] = matched.get(pair) ?? [0, [txId]];
      matched.set(pair, [sum + part, [...txs, came[3]]]);
    }
    for (const [pair, [sum, txs]] of matched) pushBounded(pair.back, [atMs, sum, txs], backKept);
  };
  return {
    add({ txId, atMs, facts }: ChainEvent): void {
      if (facts.kind !== 'transfer') return;
      const { from, to } = facts;
      const amount = Number(facts.amount);
      const direct = pairs.get(pairKey(from, to));
      if (direct) pushBounded(direct.back, [atMs, amount, [txId]], backKept);
      const sender = betweens.open(from, emptyBetween);
      if (sender.sentTo.length < hubAccounts && !sender.sentTo.includes(to)) sender.sentTo.push(to);
      const receiver = betweens.open(to, emptyBetween);
      pushBounded(receiver.came, [from, atMs, amount, txId], cameKept);
      if (sender.sentTo.length >= hubAccounts) return;
      bringBack(sender.came, { to, atMs, amount, txId });
    },
    save: (): JsonValue => ({ betweens: betweens.save() }),
  };
}

function pairKey(provider: string, payer: string): string {
  return `${provider} ${payer}`;
}

function emptyPair(): Pair {
  return { spent: [], back: [] };
}

function emptyBetween(): Between {
  return { sentTo: [], came: [] };
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
