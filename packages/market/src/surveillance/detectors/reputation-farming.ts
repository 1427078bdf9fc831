/**
 * Reputation farming: a record made of canary-like jobs. Score and speed count the last 64 receipts, so whoever buys 64
 * tiny jobs from itself has a record for a few coins.
 *
 * Of each provider the last `lookBack` receipts within `windowMs` count. They look farmed when nearly all are tiny, all
 * come from one or two payers, and have one of a few shapes (tokens in, tokens out): a program repeats itself.
 * People and agents who really want short answers ask questions of many lengths.
 *
 * Limits: a farm that works at the pace of a minute a job looks like somebody who watches a provider's health, and is let
 * through; so is one that invents shapes. Both are slower or dearer, and self-dealing looks at who pays.
 */
import type { Hex } from '@aitbc/protocol';
import { createBounded, pushBounded } from '../bounded.ts';
import { createChannels } from '../channels.ts';
import {
  type ChainEvent,
  createReporter,
  type Detector,
  noAlerts,
  savedPart,
} from '../detector.ts';
import { isReceipt } from '../receipt-event.ts';

interface Bought {
  seq: number;
  atMs: number;
  payer: string;
  txId: Hex;
  shape: string;
  tiny: boolean;
}

interface Provider {
  count: number;
  last: Bought[];
}

const lookBack = 64;
const providersKept = 2_048;
const every = 4;

const thresholds = {
  receiptsMin: { value: 40, unit: 'receipts', about: 'within the window, of the last 64' },
  windowMs: { value: 1_800_000, unit: 'ms', about: 'receipts that count' },
  outputTokensMax: { value: 24, unit: 'tokens', about: 'of a tiny answer' },
  promptTokensMax: { value: 64, unit: 'tokens', about: 'of a tiny question' },
  tinyPercent: { value: 85, unit: '%', about: 'of the receipts are tiny' },
  payersMax: { value: 2, unit: 'payers', about: 'of the tiny ones' },
  shapesMax: { value: 6, unit: 'shapes', about: 'pairs of tokens in and tokens out' },
} as const;

/** Finds records that were bought cheaply. */
export const reputationFarming: Detector = {
  name: 'reputation-farming',
  about: 'A provider’s record is made of tiny jobs of few shapes that one or two payers repeat',
  watches: ['channel', 'receipt'],
  thresholds,
  create(limits, options = {}) {
    const { saved, everyTime = false } = options;
    const { receiptsMin = 0, windowMs = 0, outputTokensMax = 0, promptTokensMax = 0 } = limits;
    const { tinyPercent = 0, payersMax = 0, shapesMax = 0 } = limits;
    const reporter = createReporter('reputation-farming', limits, options);
    const channels = createChannels(savedPart(saved, 'channels'));
    const providers = createBounded<Provider>(providersKept, savedPart(saved, 'providers'));

    const judge = (atMs: number, address: string, { last }: Provider) => {
      const recent = last.filter((one) => atMs - one.atMs <= windowMs);
      const tiny = recent.filter((one) => one.tiny);
      if (recent.length < receiptsMin || tiny.length * 100 < tinyPercent * recent.length) {
        return noAlerts;
      }
      const payers = [...new Set(tiny.map(({ payer }) => payer))].sort();
      const shapes = new Set(tiny.map(({ shape }) => shape)).size;
      if (payers.length > payersMax || shapes > shapesMax) return noAlerts;
      return reporter.say(atMs, {
        level: 'medium',
        confidence: 80,
        subjects: [
          { role: 'provider', address },
          ...payers.map((payer) => ({ role: 'payer' as const, address: payer })),
        ],
        text: `${tiny.length} of the last ${recent.length} jobs are tiny, of ${shapes} shapes, and paid by ${payers.length} payers`,
        txs: recent.map(({ txId }) => txId),
        events: recent.map(({ seq }) => seq),
      });
    };
    return {
      take(event) {
        if (!isReceipt(event)) {
          channels.add(event as ChainEvent);
          return noAlerts;
        }
        const { channelId, promptTokens, outputTokens } = event.facts;
        const channel = channels.get(channelId);
        if (!channel) return noAlerts;
        const provider = providers.open(event.provider, () => ({ count: 0, last: [] }));
        provider.count += 1;
        const { payer, txId } = channel;
        const shape = `${promptTokens}/${outputTokens}`;
        const tiny = outputTokens <= outputTokensMax && promptTokens <= promptTokensMax;
        const bought = { seq: event.seq, atMs: event.atMs, payer, txId, shape, tiny };
        pushBounded(provider.last, bought, lookBack);
        const isDue = provider.count >= receiptsMin && provider.count % every === 0;
        return everyTime || isDue ? judge(event.atMs, event.provider, provider) : noAlerts;
      },
      save: () => ({
        ...{ said: reporter.save(), channels: channels.save(), providers: providers.save() },
      }),
    };
  },
};
