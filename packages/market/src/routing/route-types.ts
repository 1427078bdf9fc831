/** The words of routing: what a buyer wishes, what is known of the providers. */
import type { coordinatorEndpoints, OutputOf, ParsedInputOf } from '@aitbc/protocol';

/** Input of the route call with its defaults filled in. */
export type RouteQuery = ParsedInputOf<typeof coordinatorEndpoints.route>;

/** Wishes about providers. */
export type ProviderWishes = RouteQuery['provider'];

/** A ranked offer as the coordinator answers it. */
export type RankedOffer = OutputOf<typeof coordinatorEndpoints.route>['offers'][number];

/** What was measured of one model of one provider. */
export type Measured = RankedOffer['measured'];

/** A provider's count of its own load. */
export type Gauges = RankedOffer['gauges'];

/** A connected provider. */
export interface Standing {
  readonly gauges: Gauges;
  /** When its last frame came in. */
  readonly lastFrameMs: number;
}

/** What ranking knows besides the index. */
export interface RouteFacts {
  readonly nowMs: number;
  /** A number in [0, 1) drawn afresh by the caller: whose turn it is among equals and among the new ones. */
  readonly draw: number;
}
