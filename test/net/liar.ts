/** A validator whose key is in bad hands, for a network of validators. */
import { lie as lieTo, validatorNumberAt } from '@aitbc/cli/net';
import type { ValidatorNet } from './validator-net.ts';

/**
 * Signs two votes for one view, again and again, until `isEnough`. The node of this key must be down.
 * Pairs of votes that were sent.
 */
export function lie(
  net: ValidatorNet,
  at: number,
  isEnough: () => Promise<boolean>,
): Promise<number> {
  const others = net.awake();
  return lieTo(
    {
      network: net.network,
      identity: net.identity(at),
      peers: others.map((other) => net.meshAddress(other)),
      validatorNumber: () => validatorNumberAt(net.url(others[0] ?? 0), net.identity(at).publicKey),
    },
    isEnough,
  );
}
