/** Models for sale as price lists show them. */
import type { OfferPayload, OutputOf, providerEndpoints } from '@aitbc/protocol';
import type { StandingOffer } from './offer-book.ts';

type ModelList = OutputOf<typeof providerEndpoints.models>;
type TagList = OutputOf<typeof providerEndpoints.ollamaTags>;

/** nait per million tokens → AIT per token: 9 + 6 decimal places. */
const perTokenPlaces = 15;
const perRequestPlaces = 9;

/** `OpenAI` model list with prices in OpenRouter's form and exact integers. */
export function modelList(offers: readonly StandingOffer[]): ModelList {
  return {
    object: 'list',
    data: offers.map(({ offerId, payload }) => ({
      id: payload.model,
      object: 'model' as const,
      created: Math.floor(payload.validFromMs / 1_000),
      owned_by: payload.provider,
      context_length: payload.contextMax,
      pricing: {
        prompt: decimal(payload.price.inputPerMTok, perTokenPlaces),
        completion: decimal(payload.price.outputPerMTok, perTokenPlaces),
        request: decimal(payload.price.perRequest, perRequestPlaces),
      },
      x_aitbc: { asset: 'native' as const, ...payload.price, digest: payload.digest, offerId },
    })),
  };
}

/** Ollama's model list; sizes of files are nobody's business here. */
export function tagList(offers: readonly StandingOffer[]): TagList {
  return { models: offers.map(({ payload }) => tagOf(payload)) };
}

function tagOf({ model, digest, quantization, validFromMs }: OfferPayload) {
  return {
    name: model,
    model,
    modified_at: new Date(validFromMs).toISOString(),
    size: 0,
    digest: digest.replace(/^sha256:/, ''),
    details: { quantization_level: quantization },
  };
}

/** An integer as decimal text with its point moved left; no exponent, no float. */
function decimal(whole: string, places: number): string {
  const digits = whole.padStart(places + 1, '0');
  const fraction = digits.slice(-places).replace(/0+$/, '');
  const head = digits.slice(0, -places);
  return fraction ? `${head}.${fraction}` : head;
}
