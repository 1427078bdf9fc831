import { AppError, limits, relayPathOf } from '@aitbc/protocol';
import type { ProviderConfig } from '../config.ts';

/** What decides where buyers call. */
type Settings = Pick<ProviderConfig, 'relay' | 'publicUrl' | 'coordinatorUrl'>;

/** The URL in offers: of the relay at the coordinator, the public one, or the one listened on. Throws CONFIG_INVALID. */
export function endpointOf(
  { relay, publicUrl, coordinatorUrl }: Settings,
  { url, address }: { readonly url: string; readonly address: string },
): string {
  if (!relay) return publicUrl || url;
  if (publicUrl) throw invalid('relay and publicUrl are two ways in: give one of them');
  if (!coordinatorUrl) throw invalid('relay goes through a coordinator: give its coordinatorUrl');
  const endpoint = coordinatorUrl.replace(/\/$/, '') + relayPathOf(address);
  if (endpoint.length <= limits.endpointBytes) return endpoint;
  throw invalid(
    `coordinatorUrl is too long for relay: ${endpoint} is above ${limits.endpointBytes} bytes`,
  );
}

function invalid(reason: string): AppError {
  return new AppError('CONFIG_INVALID', { reason });
}
