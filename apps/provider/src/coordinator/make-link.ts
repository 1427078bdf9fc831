/** The link of a provider to its coordinator, made of the daemon's parts; none without a coordinator. */
import { openSocket } from '@aitbc/sdk';
import type { ProviderConfig } from '../config.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { OfferBook } from '../offers/offer-book.ts';
import { createRelayEnd } from '../relay/relay-end.ts';
import type { RelayMark } from '../relay/relay-mark.ts';
import {
  type CoordinatorLink,
  coordinatorUrlOf,
  createCoordinatorLink,
  createNoLink,
  type LinkDeps,
  type LinkOptions,
} from './coordinator-link.ts';

/** Parts of the daemon that the link works with. */
export interface LinkParts
  extends Pick<LinkOptions, 'network' | 'provider' | 'address'>,
    Pick<LinkDeps, 'desk' | 'nowMs' | 'signer' | 'store' | 'log'> {
  readonly openSocket?: LinkDeps['openSocket'] | undefined;
  readonly offers: Pick<OfferBook, 'list'>;
  readonly queue: Pick<JobQueue, 'gauges'>;
  readonly endpoint: { get(): string };
  /** Base URL of the own front, on this machine. */
  readonly frontUrl: string;
  readonly mark: RelayMark;
}

/** A link that is not started. Throws CONFIG_INVALID. */
export function makeLink(
  config: Pick<ProviderConfig, 'coordinatorUrl' | 'relay'>,
  parts: LinkParts,
): CoordinatorLink {
  const url = coordinatorUrlOf(config.coordinatorUrl);
  if (url === undefined) return createNoLink();
  const { network, provider, address, endpoint, signer, store, log, nowMs, desk } = parts;
  const options = { url, network, provider, address, endpoint: endpoint.get() };
  return createCoordinatorLink(options, {
    ...{ desk, nowMs, signer, store, log },
    openSocket: parts.openSocket ?? openSocket,
    offers: () => parts.offers.list().map(({ signed }) => signed),
    gauges: parts.queue.gauges,
    relay: config.relay ? createRelayEnd(parts) : undefined,
  });
}
