/**
 * What the chain adds to a proof: whether the key that signed is the one registered for a bonded provider,
 * and whether the channel has paid. A foreign key makes a proof worthless; an open bill does not.
 */
import {
  AppError,
  amountOf,
  asAppError,
  type Network,
  type ProvenJob,
  type ProvenPart,
} from '@aitbc/protocol';
import type { NodeClient } from '@aitbc/sdk';
import { aitText } from '../amounts.ts';
import { shortAddress, shortHash } from '../wording.ts';

/** One thing that was looked at. `holds` is null when it could not be decided. */
export interface Check {
  readonly name: string;
  readonly holds: boolean | null;
  readonly detail: string;
}

/** The checks of a proof against a node. Throws RECEIPT_INVALID, or UNAVAILABLE without a node. */
export async function checkOnChain(
  node: NodeClient,
  network: Network,
  { job, signal }: { readonly job: ProvenJob; readonly signal: AbortSignal },
): Promise<Check[]> {
  const status = await node.rpc.chain_status({}, { signal });
  if (status.genesisHash !== network.genesisHash) {
    const detail = `the node is on another network (${status.caip2}), so the chain was not asked`;
    return [{ name: 'chain', holds: null, detail }];
  }
  const bondMin = amountOf(status.params.providerBondMin);
  const checks: Check[] = [];
  for (const [place, part] of job.parts.entries()) {
    const found = [
      ...(await checkKey(node, part, { bondMin, signal })),
      ...(await checkSettlement(node, part, signal)),
    ];
    const number = job.parts.length > 1 ? ` ${place + 1}` : '';
    checks.push(...found.map((check) => ({ ...check, name: `${check.name}${number}` })));
  }
  return checks;
}

async function checkKey(
  node: NodeClient,
  job: ProvenPart,
  { bondMin, signal }: { readonly bondMin: bigint; readonly signal: AbortSignal },
): Promise<Check[]> {
  const provider = await unlessUnknown(
    'PROVIDER_UNKNOWN',
    node.rpc.state_getProvider({ address: job.provider }, { signal }),
  );
  if (!provider || provider.authorizer !== job.authorizer) {
    const found = provider ? 'has registered another key' : 'is not a registered provider';
    throw new AppError('RECEIPT_INVALID', { reason: `${job.provider} ${found}` });
  }
  const isLeaving = provider.unbondDueMs > 0;
  const isBonded = amountOf(provider.bond) >= bondMin && !isLeaving;
  return [
    { name: 'key registered', holds: true, detail: `on chain, for ${shortAddress(job.provider)}` },
    {
      name: 'provider bonded',
      holds: isBonded,
      detail: `${aitText(provider.bond)}${isLeaving ? ', on its way out' : ''}`,
    },
  ];
}

async function checkSettlement(
  node: NodeClient,
  { receipts, authorizer }: ProvenPart,
  signal: AbortSignal,
): Promise<Check[]> {
  const last = receipts.at(-1);
  if (!last) return [];
  const { channelId } = last;
  const name = 'settled';
  const channel = await unlessUnknown(
    'CHANNEL_UNKNOWN',
    node.rpc.state_getChannel({ channelId }, { signal }),
  );
  if (!channel) {
    const detail = `not yet: there is no channel ${shortHash(channelId)}`;
    return [{ name, holds: false, detail }];
  }
  if (channel.receiver !== last.provider || channel.receiverAuthorizer !== authorizer) {
    throw new AppError('RECEIPT_INVALID', { reason: `channel ${channelId} pays somebody else` });
  }
  const due = amountOf(last.chargedCumulative);
  const claimed = amountOf(channel.totalClaimed);
  const holds = claimed >= due;
  const detail = `${holds ? '' : 'not yet: '}${aitText(claimed)} of ${aitText(due)} claimed from the channel`;
  return [{ name, holds, detail }];
}

async function unlessUnknown<T>(code: string, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    const known = asAppError(error);
    if (known.code === code || known.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
