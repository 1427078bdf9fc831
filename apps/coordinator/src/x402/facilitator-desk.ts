/**
 * The coordinator as a facilitator of x402. It checks and relays for the chain of its node and has no key: what it
 * sends was signed by a buyer or a seller who pays the fee.
 *
 * Asked at a time are at most so many, because a settlement waits for the chain; whoever comes later is told to come
 * again, before anything was sent.
 */
import { AppError, type Network } from '@aitbc/protocol';
import { createFacilitator, type Facilitator, type FacilitatorChain } from '@aitbc/x402';

const askedMax = 256;
const retryAfterSeconds = 1;

/** What stands behind `/verify`, `/settle` and `/supported`. Throws UNAVAILABLE while the node is away. */
export type FacilitatorDesk = Pick<Facilitator, 'verify' | 'settle' | 'supported'>;

/** A desk; the chain may be asked for later. */
export function createFacilitatorDesk(deps: {
  network(): Network;
  readonly chain: FacilitatorChain;
}): FacilitatorDesk {
  let made: Facilitator | undefined;
  let asked = 0;
  const facilitator = (): Facilitator => {
    made ??= createFacilitator(deps.network(), deps.chain);
    return made;
  };
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (asked >= askedMax) throw new AppError('RATE_LIMITED', { retryAfterSeconds });
    asked += 1;
    try {
      return await work();
    } finally {
      asked -= 1;
    }
  };
  return {
    verify: (payment, requirements) => inTurn(() => facilitator().verify(payment, requirements)),
    settle: (payment, requirements) => inTurn(() => facilitator().settle(payment, requirements)),
    supported: () => inTurn(() => facilitator().supported()),
  };
}
