/**
 * Receipts without work: more was signed for than the machine can have done.
 *
 * | Rule | Says |
 * |---|---|
 * | rate | a single stream ran faster than any machine does (`rateMax`) |
 * | peers | all of the provider's last streams of a model ran many times faster than the fastest other seller's median |
 * | busy | the decoding times of the last streams add up to more than its slots had in that time |
 *
 * The rate is `(tokens − 1) / (duration − first token)`: waiting in a queue is not in it, so a crowd slows nobody down here.
 * Times are the buyer's word; the provider's own clock (`receiptAtMs`, signed) says when a stream ended, so that reports
 * that come late in a bundle do not look like one moment. Slots are what the provider's heartbeats declare.
 *
 * Limits: who invents receipts slowly, at believable times, is not seen here (see self-dealing and wash-volume). A
 * provider that declares more slots than it has widens its own bound, and others see the slots.
 */
import type { ThresholdValues } from '@aitbc/protocol';
import { createBounded, pushBounded } from '../bounded.ts';
import {
  createReporter,
  type Detector,
  noAlerts,
  savedPart,
  type WatchedEvent,
} from '../detector.ts';
import { median } from '../median.ts';
import { isKind, isReceipt, type ReceiptEvent } from '../receipt-event.ts';

type Speed = [seq: number, tokensPerSecond: number];

interface Seller {
  provider: string;
  last: Speed[];
}

interface Machine {
  /** Event of the declaration, and its slots; 0 while nothing is declared. */
  slots: [seq: number, count: number];
  count: number;
  /** seq, beginning and end of decoding, rate */
  last: [number, number, number, number][];
}

const streamsKept = 32;
const speedsKept = 5;
const sellersKept = 24;
const machinesKept = 2_048;
const modelsKept = 512;
const every = 4;

const thresholds = {
  tokensMin: { value: 32, unit: 'tokens', about: 'shorter answers say nothing about speed' },
  rateMax: {
    value: 3_000,
    unit: 'tokens/s',
    about: 'of one stream; nothing that exists is faster',
  },
  rateReceiptsMin: { value: 3, unit: 'receipts', about: 'faster than that among the last 32' },
  peersFactor: { value: 25, unit: 'times', about: 'faster than the fastest of the others' },
  peersMin: { value: 4, unit: 'providers', about: 'others with measured streams of the model' },
  busyPercent: { value: 170, unit: '%', about: 'of the time that the slots had' },
} as const;

/** Finds receipts that nobody can have worked for. */
export const receiptsWithoutWork: Detector = {
  name: 'receipts-without-work',
  about: 'More was signed for than the provider’s machine can have done',
  watches: ['capacity', 'receipt'],
  thresholds,
  create(limits, options = {}) {
    const { saved, everyTime = false } = options;
    const reporter = createReporter('receipts-without-work', limits, options);
    const machines = createBounded<Machine>(machinesKept, savedPart(saved, 'machines'));
    const models = createBounded<Seller[]>(modelsKept, savedPart(saved, 'models'));
    const machineOf = (provider: string) =>
      machines.open(provider, () => ({ slots: [0, 0], count: 0, last: [] }));
    const say = (event: ReceiptEvent, text: string, events: readonly number[]) =>
      reporter.say(event.atMs, {
        level: 'high',
        confidence: 90,
        subjects: [{ role: 'provider', address: event.provider }],
        text,
        events,
      });
    const judge = (event: ReceiptEvent, machine: Machine) => {
      const found =
        tooFast(machine, limits) ??
        aheadOfPeers(models.get(event.facts.model) ?? [], event, limits) ??
        tooBusy(machine, limits);
      return found ? say(event, found.text, found.events) : noAlerts;
    };
    return {
      take(event: WatchedEvent) {
        if (isKind(event, 'capacity')) {
          machineOf(event.provider).slots = [event.seq, event.facts.slots];
          return noAlerts;
        }
        if (!isReceipt(event) || event.facts.outputTokens < (limits.tokensMin ?? 0))
          return noAlerts;
        const machine = machineOf(event.provider);
        const { rate, beganMs, endedMs } = streamOf(event);
        machine.count += 1;
        pushBounded(machine.last, [event.seq, beganMs, endedMs, rate], streamsKept);
        const sellers = models.open(event.facts.model, () => []);
        addSpeed(sellers, event.provider, [event.seq, rate]);
        const isDue = everyTime || rate > (limits.rateMax ?? 0) || machine.count % every === 0;
        return isDue ? judge(event, machine) : noAlerts;
      },
      save: () => ({
        ...{ said: reporter.save(), machines: machines.save(), models: models.save() },
      }),
    };
  },
};

interface Found {
  readonly text: string;
  readonly events: readonly number[];
}

function streamOf({ atMs, facts }: ReceiptEvent) {
  const { outputTokens, firstTokenMs, durationMs, receiptAtMs: endedMs = atMs } = facts;
  const decodeMs = Math.max(1, durationMs - firstTokenMs);
  const rate = Math.round(((outputTokens - 1) * 1_000) / decodeMs);
  return { rate, beganMs: endedMs - decodeMs, endedMs };
}

function addSpeed(sellers: Seller[], provider: string, speed: Speed): void {
  const at = sellers.findIndex((seller) => seller.provider === provider);
  const seller = sellers[at] ?? { provider, last: [] };
  pushBounded(seller.last, speed, speedsKept);
  if (at < 0) pushBounded(sellers, seller, sellersKept);
}

function tooFast({ last }: Machine, limits: ThresholdValues): Found | undefined {
  const { rateMax = 0, rateReceiptsMin = 0 } = limits;
  const fast = last.filter(([, , , rate]) => rate > rateMax);
  if (fast.length < rateReceiptsMin) return undefined;
  const top = Math.max(...fast.map(([, , , rate]) => rate));
  const text = `${fast.length} streams ran at up to ${top} tokens/s; nothing that exists is faster than ${rateMax}`;
  return { text, events: fast.map(([seq]) => seq) };
}

function aheadOfPeers(
  sellers: readonly Seller[],
  { provider }: ReceiptEvent,
  { peersFactor = 0, peersMin = 0 }: ThresholdValues,
): Found | undefined {
  const full = sellers.filter(({ last }) => last.length === speedsKept);
  const own = full.find((seller) => seller.provider === provider);
  const others = full.filter((seller) => seller.provider !== provider);
  if (!own || others.length < peersMin) return undefined;
  const slowest = Math.min(...own.last.map(([, rate]) => rate));
  const fastest = Math.max(...others.map(({ last }) => median(last.map(([, rate]) => rate))));
  if (slowest < peersFactor * fastest) return undefined;
  const text = `its last ${speedsKept} streams ran at ${slowest} tokens/s and more; the fastest of ${others.length} others gives ${fastest}`;
  return { text, events: [own, ...others].flatMap(({ last }) => last.map(([seq]) => seq)) };
}

function tooBusy(
  { slots, last }: Machine,
  { busyPercent = 0 }: ThresholdValues,
): Found | undefined {
  const [declared, count] = slots;
  if (count === 0 || last.length < streamsKept) return undefined;
  const began = Math.min(...last.map(([, from]) => from));
  const ended = Math.max(...last.map(([, , to]) => to));
  const busyMs = last.reduce((sum, [, from, to]) => sum + to - from, 0);
  if (busyMs * 100 < busyPercent * count * (ended - began)) return undefined;
  const text = `${last.length} streams decoded for ${Math.round(busyMs / 1_000)} s within ${Math.round((ended - began) / 1_000)} s on ${count} slots`;
  return { text, events: [declared, ...last.map(([seq]) => seq)] };
}
