import { amountOf } from '@aitbc/protocol';
import type { ProviderConfig } from '../config.ts';
import type { OfferTemplate } from './offer-book.ts';

/** What all offers have in common, out of the settings. */
export function offerTemplate(
  config: ProviderConfig,
  provider: string,
  endpoint: string,
): OfferTemplate {
  const { windowTokens, outputMax, firstTokenMs, withdrawDelayMsMin } = config;
  const price = {
    inputPerMTok: amountOf(config.priceInput).toString(),
    outputPerMTok: amountOf(config.priceOutput).toString(),
    perRequest: amountOf(config.pricePerRequest).toString(),
  };
  const bounds = { windowTokens, outputMax, firstTokenMs, withdrawDelayMsMin };
  return { provider, endpoint, price, ...bounds, verifiable: verifiableOf(config) };
}

function verifiableOf({ verifiable }: ProviderConfig): OfferTemplate['verifiable'] {
  return verifiable === 'on' || verifiable === 'off' ? verifiable : 'auto';
}
