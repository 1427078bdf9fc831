/**
 * Brings the calls of a buyer to their end in its books: by the receipts that came with the answer, or by asking the
 * provider until it has the final one. As packages/sdk does it, without promises.
 */
import {
  amountOf,
  offerIdOf,
  priceOf,
  type SignedReceipt,
  signAcknowledgement,
  textHashOf,
} from '@aitbc/protocol';
import { type CallRow, type CallTail, callKey } from '@aitbc/sdk/books';
import type { MarketMessage } from '../messages.ts';
import type { Desk } from './buyer.ts';

export interface Settler {
  /** Settles by receipts of which the last is final; asks for it otherwise. */
  settle(key: string, receipts: readonly SignedReceipt[]): void;
  /** The end of the call is not known: asks for it. */
  later(
    key: string,
    how: { readonly tail?: CallTail | null },
    receipts: readonly SignedReceipt[],
  ): void;
  /** The same for a call of an earlier life. */
  resume(call: CallRow): void;
  /** Nothing more is signed for the provider of this call. */
  distrust(key: string): void;
  hear(from: number, answer: Extract<MarketMessage, { readonly type: 'receiptsOf' }>): void;
}

const waitsMs = [50, 250, 500, 1_000, 2_000, 4_000, 8_000, 20_000, 60_000, 120_000, 600_000];
const neverRanAfterMs = 5_000;

interface Asking {
  /** When a request may last have left. */
  sinceMs: number;
  /** How often it was asked for; -1 when nobody asks any more. */
  asked: number;
  readonly isResumed: boolean;
}

type Checked = readonly SignedReceipt[] | 'running' | 'elsewhere' | 'wrong';

/** The settler of one life. */
export function createSettler(deskOf: () => Desk): Settler {
  const asking = new Map<string, Asking>();
  const parts: Parts = { deskOf, asking };
  return {
    settle(key, receipts) {
      const final = receipts.at(-1)?.payload;
      if (final && final.outcome !== 'running') enter(parts, key, receipts);
      else begin(parts, key, false);
    },
    later(key, how, receipts) {
      const { book, save, conduct } = deskOf();
      if (!book.isOpen(key)) return;
      if (!conduct.habits.keepsReservations) return release(parts, key);
      save({ ...book.suspend(key, how), receipts });
      begin(parts, key, false);
    },
    resume: (call) => begin(parts, callKey(call), true),
    distrust: (key) => distrust(parts, key),
    hear(from, answer) {
      const { book, ground } = deskOf();
      for (const call of book.openCalls()) {
        const isMeant = call.jobId === answer.jobId && providerOf(ground, call) === from;
        if (isMeant) answered(parts, call, answer);
      }
    },
  };
}

interface Parts {
  readonly deskOf: () => Desk;
  readonly asking: Map<string, Asking>;
}

function begin(parts: Parts, key: string, isResumed: boolean): void {
  const { world, party } = parts.deskOf();
  const sinceMs = world.clockMs(party.endpoint);
  parts.asking.set(key, { sinceMs, asked: 0, isResumed });
  ask(parts, key);
}

function ask(parts: Parts, key: string): void {
  const { world, party, book, ground } = parts.deskOf();
  const state = parts.asking.get(key);
  const call = book.call(key);
  if (!state || !call || !book.isOpen(key)) return;
  const waitMs = waitsMs[Math.min(state.asked, waitsMs.length - 1)] ?? 0;
  state.asked += 1;
  const mine = state.asked;
  world.after(party.endpoint, waitMs, () => {
    if (parts.asking.get(key) !== state || state.asked !== mine) return;
    const { jobId } = call;
    world.send(party.endpoint, providerOf(ground, call), { type: 'receipts', jobId });
    ask(parts, key);
  });
}

function providerOf({ offers }: Desk['ground'], call: CallRow): number {
  for (const [endpoint, { signed }] of offers) {
    if (signed.payload.provider === call.provider) return endpoint;
  }
  throw new Error('a call at nobody');
}

function checked({ conduct, ground }: Desk, row: CallRow, all: readonly SignedReceipt[]): Checked {
  const { payload } = row.offer;
  const mine = all.filter((receipt) => receipt.payload.channelId === row.channelId);
  if (mine.length === 0 && all.length > 0) return 'elsewhere';
  const checker = conduct.rules.createReceiptChecker({
    network: ground.network,
    call: row,
    offerId: offerIdOf(ground.network, payload),
    price: priceOf(payload),
  });
  for (const receipt of mine) if (!checker.check(receipt, row.tokens).ok) return 'wrong';
  const last = checker.last();
  return last && last.outcome !== 'running' ? mine : 'running';
}

function answered(
  parts: Parts,
  call: CallRow,
  { receipts, isAck, isGivenUp }: Extract<MarketMessage, { readonly type: 'receiptsOf' }>,
): void {
  const desk = parts.deskOf();
  const key = callKey(call);
  const state = parts.asking.get(key);
  if (!state) return;
  if (!receipts) {
    if (isGivenUp) release(parts, key);
    else if (!isAck) neverRan(parts, call, state);
    return;
  }
  const known = checked(desk, call, receipts);
  if (known === 'running') return;
  if (known === 'elsewhere') {
    release(parts, key);
    return;
  }
  if (known === 'wrong') {
    if (!state.isResumed) distrust(parts, key);
    parts.asking.delete(key);
    desk.watch.unsettled(desk.party.endpoint, call, state.isResumed);
    return;
  }
  const { tail, jobId, channelId } = call;
  const final = known.at(-1)?.payload;
  const isMissing = final?.outcome === 'provider_error' && final.to === tail?.from;
  const isTrusted = desk.book.channel(channelId)?.status !== 'distrusted';
  if (!tail || !isMissing || !isTrusted || isAck) {
    enter(parts, key, known);
    return;
  }
  const ack = { jobId, channelId, ...tail };
  const { network } = desk.ground;
  const signature = signAcknowledgement(network, ack, desk.party.hotKey.secretKey);
  const to = providerOf(desk.ground, call);
  desk.world.send(desk.party.endpoint, to, { type: 'acknowledge', ack, signature });
}

/** The provider does not know the call: it is given up there, so that it does not run later. */
function neverRan(parts: Parts, call: CallRow, state: Asking): void {
  const { world, party, ground } = parts.deskOf();
  if (world.clockMs(party.endpoint) - state.sinceMs < neverRanAfterMs) return;
  const { jobId, channelId, from } = call;
  const ack = { jobId, channelId, from, to: from, textHash: textHashOf('') };
  const signature = signAcknowledgement(ground.network, ack, party.hotKey.secretKey);
  world.send(party.endpoint, providerOf(ground, call), { type: 'acknowledge', ack, signature });
}

function release(parts: Parts, key: string): void {
  const { book, save } = parts.deskOf();
  if (book.isOpen(key)) save(book.release(key));
  parts.asking.delete(key);
}

function enter(parts: Parts, key: string, receipts: readonly SignedReceipt[]): void {
  const { book, save, watch, party } = parts.deskOf();
  const final = receipts.at(-1)?.payload;
  const row = book.call(key);
  if (!final || !row || !book.isOpen(key)) return;
  const { outcome, promptTokens, to } = final;
  const charged = amountOf(final.charged);
  const end = { outcome, promptTokens, outputTokens: to - row.from, charged };
  const change = book.settle(key, { ...end, firstTokenMs: 1, durationMs: 1 });
  parts.asking.delete(key);
  save({ ...change, receipts });
  watch.settled(party.endpoint, row, receipts);
}

function distrust(parts: Parts, key: string): void {
  const { book, save, watch, party } = parts.deskOf();
  const row = book.call(key);
  const channel = row && book.channel(row.channelId);
  if (!row || !channel) return;
  watch.distrusted(party.endpoint, row);
  save(book.putChannel({ ...channel, status: 'distrusted' }));
}
