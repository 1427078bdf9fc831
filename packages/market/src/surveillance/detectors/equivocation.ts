/**
 * Equivocating receipts: one provider signed two receipts of one job that cannot both be true. The event holds both, so
 * it proves itself; who re-checks an alert also checks the signatures against the key on chain.
 *
 * Limit: a provider that lost its newest receipts by a power cut may sign anew for tokens that it has signed before
 * (`proof-fraud.ts`). That is rare, and a reason to look all the same.
 */
import { contradicts } from '@aitbc/protocol';
import { createReporter, type Detector, noAlerts } from '../detector.ts';
import { isKind } from '../receipt-event.ts';

/** Finds receipts that contradict each other. */
export const equivocation: Detector = {
  name: 'equivocation',
  about: 'A provider signed two receipts of one job that cannot both be true',
  watches: ['receipt_conflict'],
  thresholds: {},
  create(limits, options = {}) {
    const reporter = createReporter('equivocation', limits, options);
    return {
      take(event) {
        if (!isKind(event, 'receipt_conflict')) return noAlerts;
        const { jobId, first, second } = event.facts;
        const isOneJob = first.payload.jobId === jobId && second.payload.jobId === jobId;
        const isOneSigner = first.signer === second.signer;
        const isProvider = [first, second].every((one) => one.payload.provider === event.provider);
        if (!isOneJob || !isOneSigner || !isProvider) return noAlerts;
        if (!contradicts(first.payload, second.payload)) return noAlerts;
        return reporter.say(event.atMs, {
          level: 'critical',
          confidence: 99,
          subjects: [{ role: 'provider', address: event.provider }],
          text: `two receipts for tokens ${first.payload.from} to ${first.payload.to} and ${second.payload.from} to ${second.payload.to} of job ${jobId} contradict each other`,
          events: [event.seq],
        });
      },
      save: () => ({ said: reporter.save() }),
    };
  },
};
