/**
 * Self-dealing: a payer buys mostly from a provider that belongs to the same owner, as far as the funding graph shows.
 * It is how a provider makes a record for itself: receipts, speed, price.
 *
 * Of each payer the last `lookBack` receipts count. The provider must have `receiptsMin` of them and
 * `sharePercent` of all: an owner's agent that buys on the whole market is no self-dealer. Evidence: these receipts,
 * the channels behind them, the transfers that tie the two.
 */
import type { Hex } from '@aitbc/protocol';
import { createBounded, pushBounded } from '../bounded.ts';
import { type Channels, createChannels, type KnownChannel } from '../channels.ts';
import {
  type ChainEvent,
  createReporter,
  type Detector,
  noAlerts,
  savedPart,
  type WatchedEvent,
} from '../detector.ts';
import { createFunding, type Tie } from '../funding.ts';
import { isReceipt } from '../receipt-event.ts';

type Bought = [seq: number, provider: string, channelTx: Hex];

interface Payer {
  count: number;
  last: Bought[];
}

const lookBack = 24;
const payersKept = 4_096;
/** Ties are looked for at every fourth receipt of a payer: a walk costs more than all the rest. */
const every = 4;

const thresholds = {
  receiptsMin: {
    value: 12,
    unit: 'receipts',
    about: 'of the provider among the last 24 of a payer',
  },
  sharePercent: { value: 60, unit: '%', about: 'of the last 24 receipts of the payer' },
  hubAccounts: { value: 8, unit: 'accounts', about: 'who funded as many ties nobody' },
  fundingMinNait: { value: 1_000_000, unit: 'nait', about: 'smaller transfers tie nobody' },
} as const;

/** Finds payers that buy from their own owner. */
export const selfDealing: Detector = {
  name: 'self-dealing',
  about: 'A payer buys mostly from a provider that the same owner has funded',
  watches: ['transfer', 'channel', 'receipt'],
  thresholds,
  create(limits, options = {}) {
    const { saved, everyTime = false } = options;
    const { receiptsMin = 0, sharePercent = 0, hubAccounts = 0, fundingMinNait = 0 } = limits;
    const reporter = createReporter('self-dealing', limits, options);
    const channels: Channels = createChannels(savedPart(saved, 'channels'));
    const funding = createFunding(
      { hubAccounts, fundingMinNait, publicSources: options.publicSources ?? [] },
      savedPart(saved, 'funding'),
    );
    const payers = createBounded<Payer>(payersKept, savedPart(saved, 'payers'));

    const judge = (atMs: number, { payer, receiver }: KnownChannel, { last }: Payer) => {
      const own = last.filter(([, provider]) => provider === receiver).length;
      if (own < receiptsMin || own * 100 < sharePercent * last.length) return noAlerts;
      const tie = funding.tieOf(payer, receiver);
      if (!tie) return noAlerts;
      return reporter.say(atMs, {
        ...judgementOf(tie),
        subjects: [
          { role: 'provider', address: receiver },
          { role: 'payer', address: payer },
        ],
        text: `${own} of the last ${last.length} receipts of the payer are of this provider, and ${tieText(tie)}`,
        txs: [...tie.txs, ...last.map(([, , txId]) => txId)],
        events: last.map(([seq]) => seq),
      });
    };
    return {
      take(event: WatchedEvent) {
        if (!isReceipt(event)) {
          channels.add(event as ChainEvent);
          funding.add(event as ChainEvent);
          return noAlerts;
        }
        const channel = channels.get(event.facts.channelId);
        if (!channel || channel.receiver !== event.provider) return noAlerts;
        const payer = payers.open(channel.payer, () => ({ count: 0, last: [] }));
        payer.count += 1;
        pushBounded(payer.last, [event.seq, event.provider, channel.txId], lookBack);
        const isDue = everyTime || (payer.count >= receiptsMin && payer.count % every === 0);
        return isDue ? judge(event.atMs, channel, payer) : noAlerts;
      },
      save: () => ({
        ...{ said: reporter.save(), channels: channels.save() },
        ...{ funding: funding.save(), payers: payers.save() },
      }),
    };
  },
};

function judgementOf({ kind }: Tie) {
  return kind === 'direct'
    ? ({ level: 'high', confidence: 90 } as const)
    : ({ level: 'medium', confidence: 70 } as const);
}

function tieText({ kind, owner }: Tie): string {
  return kind === 'direct' ? 'one of the two funded the other' : `${owner} funded both`;
}
