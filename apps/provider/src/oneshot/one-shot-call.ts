/** A call as its one-shot price needs it, and its quote. */

import { utf8 } from '@aitbc/primitives';
import {
  AppError,
  bodyDigestOf,
  type OutputOf,
  type oneShotEndpoints,
  type ParsedInputOf,
} from '@aitbc/protocol';
import {
  type Asking,
  chatDoor,
  embedDoor,
  kindOf,
  mostOf,
  promptBoundOf,
  requestOf,
  soldDialects,
  soldEmbedDialects,
} from '../front/asking.ts';
import { paymentTerms } from '../front/payment-terms.ts';
import type { OfferBook } from '../offers/offer-book.ts';
import type { OneShotTerms } from './one-shot-terms.ts';
import type { OneShotCall } from './take-one-shot.ts';

/** The call of a request that was understood; `body` is what arrived. */
export function oneShotCallOf(asking: Asking, body: Uint8Array): OneShotCall {
  return {
    model: requestOf(asking).model,
    bodyDigest: bodyDigestOf(body),
    promptTokens: promptBoundOf(asking),
    tokensOf({ payload: { outputMax } }) {
      if (asking.kind === 'embed') return 1;
      return Math.min(asking.asked.request.maxTokens ?? outputMax, outputMax);
    },
    needOf: (offer) => mostOf(offer, asking),
  };
}

type Quote = typeof oneShotEndpoints.quote;

/**
 * The terms of a call that is not made: the same as in its 402. Throws NOT_FOUND for a path that sells nothing,
 * MODEL_UNKNOWN, FIELD_UNSUPPORTED, BAD_REQUEST.
 */
export function quoteCall(
  { path, body }: ParsedInputOf<Quote>,
  deps: { readonly offers: Pick<OfferBook, 'current'>; readonly terms: OneShotTerms },
): OutputOf<Quote> {
  const doors = [...soldDialects.map(chatDoor), ...soldEmbedDialects.map(embedDoor)];
  const door = doors.find((one) => one.path === path);
  if (!door) throw new AppError('NOT_FOUND', { what: `paid path ${path}` });
  const asking = door.read(jsonOf(body));
  const { model } = requestOf(asking);
  const offer = deps.offers.current(model);
  if (!offer?.payload.serves.includes(kindOf(asking)))
    throw new AppError('MODEL_UNKNOWN', { model });
  const call = oneShotCallOf(asking, utf8(body));
  const most = mostOf(offer, asking);
  const error = new AppError('PAYMENT_REQUIRED', { amount: most });
  const { x402 } = paymentTerms({ error, offer, most, path, ...deps.terms(offer, call) });
  return x402 as OutputOf<Quote>;
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new AppError('BAD_REQUEST', { reason: 'body: it is not JSON' }, { cause: error });
  }
}
