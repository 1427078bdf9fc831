/** Payments by one transfer: their parts joined, and their calls. */
import type { JobWish } from '@aitbc/market';
import { type Hex, oneShotEndpoints, type Refusal } from '@aitbc/protocol';
import { type Log, mountEndpoints } from '@aitbc/service';
import type { FastifyInstance } from 'fastify';
import type { OfferBook } from '../offers/offer-book.ts';
import { quoteCall } from './one-shot-call.ts';
import { createOneShotTerms, type OneShotTerms } from './one-shot-terms.ts';
import {
  createRefunds,
  type RefundDeps,
  type RefundOptions,
  type Refunds,
} from './refund-payments.ts';
import { showOneShot } from './show-one-shot.ts';
import { createOneShotTaker, type OneShotTaker, type TakeOneShotDeps } from './take-one-shot.ts';

export interface OneShotDeps
  extends RefundDeps,
    Omit<TakeOneShotDeps, 'books' | 'feeNait' | 'hasJob' | 'offers' | 'queueRefusal'> {
  readonly offers: OfferBook;
  readonly queue: { refusal(wish: JobWish): Refusal | undefined };
  readonly log: Log;
}

/** Payments by one transfer at this provider. */
export interface OneShots extends OneShotTaker, Refunds {
  readonly terms: OneShotTerms;
  /** Charged to such payments, nait: it is on the account already. */
  charged(): bigint;
  /** Mounts the free calls. */
  mount(app: FastifyInstance): void;
}

export function createOneShots(options: RefundOptions, deps: OneShotDeps): OneShots {
  const { network, params, chain, store, offers, queue, log } = deps;
  const feeNait = BigInt(params.fees.transfer);
  const terms = createOneShotTerms({ network, feeNait, height: chain.height });
  const hasJob = (jobId: Hex): boolean => deps.job(jobId) !== undefined;
  return {
    ...createOneShotTaker({ ...deps, feeNait, hasJob, queueRefusal: queue.refusal }),
    ...createRefunds(options, deps),
    terms,
    charged: store.charged,
    mount(app) {
      const handlers = {
        quote: (input: Parameters<typeof quoteCall>[0]) => quoteCall(input, { offers, terms }),
        oneShot: ({ txId }: { txId: Hex }) => showOneShot(store, txId),
      };
      mountEndpoints(app, oneShotEndpoints, { handlers, log });
    },
  };
}
