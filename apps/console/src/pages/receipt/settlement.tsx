/** What the chain says to a part of a proof: is its key registered, and has its channel paid. The coordinator's node is asked. */
import type { ProvenPart } from '@aitbc/protocol';
import { useChain } from '../../data/hooks.ts';
import { Badge } from '../../parts/figures.tsx';

/** Registered and paid, or not yet. */
export function Settlement({
  part,
}: {
  readonly part: Pick<ProvenPart, 'provider' | 'authorizer' | 'receipts'>;
}) {
  const last = part.receipts.at(-1);
  const provider = useChain('state_getProvider', { address: part.provider });
  const channel = useChain(
    'state_getChannel',
    { channelId: last?.channelId ?? '' },
    { enabled: last !== undefined },
  );
  const isRegistered = provider.data?.authorizer === part.authorizer;
  const isPaid =
    last !== undefined &&
    channel.data !== undefined &&
    BigInt(channel.data.totalClaimed) >= BigInt(last.chargedCumulative);
  return (
    <span className="steps">
      {provider.data && (
        <Badge tone={isRegistered ? 'good' : 'bad'}>
          {isRegistered ? 'key registered' : 'another key is registered'}
        </Badge>
      )}
      {channel.data && (
        <Badge tone={isPaid ? 'good' : 'wait'}>{isPaid ? 'paid' : 'not claimed yet'}</Badge>
      )}
      {provider.isPending && <span className="soft">asking the node</span>}
      {provider.error && <span className="soft">{provider.error.message}</span>}
    </span>
  );
}
