/**
 * Providers that lie to the chain. One claims all that its buyers have signed, not what it was due; one hands the same
 * claim in again and again. Both have the true keys, and the vouchers that their daemon keeps.
 */
import { hex, sign } from '@aitbc/primitives';
import {
  amountOf,
  type ClaimRow,
  claimBytes,
  type Hex,
  limits,
  type Network,
} from '@aitbc/protocol';
import { createLocalSigner, createTxSender, type TxSender } from '@aitbc/sdk';
import { secretKeyOf } from '../agents/keys.ts';
import type { AgentParts } from '../agents/parts.ts';
import { noteTrouble } from '../books/books.ts';
import { readProviderBooks, type SellerChannel } from '../books/provider-books.ts';
import type { ProviderPlace } from '../contract.ts';

const pollMs = 4_000;
const waitMs = 5_000;

/** One try, and what it was paid. */
export interface LyingClaim {
  readonly provider: string;
  readonly rows: readonly { readonly channelId: Hex; readonly totalClaimed: bigint }[];
  /** nait that the chain paid; undefined when the claim was refused or its answer lost. */
  readonly paidNait: bigint | undefined;
  /** The chain has paid all its rows before. */
  readonly isRepeat: boolean;
}

/** Lies until the signal aborts. */
export async function lieToChain(place: ProviderPlace, parts: AgentParts): Promise<void> {
  const { network } = parts.facts;
  const signer = createLocalSigner(network, secretKeyOf(place.keys));
  const sender = createTxSender({ node: parts.nodeFor(place.name), signer });
  while (await parts.pause(pollMs)) {
    await lieOnce(place, parts, sender).catch((error: unknown) => {
      noteTrouble(parts.notes, `claims of ${place.name}`, error);
    });
  }
}

async function lieOnce(place: ProviderPlace, parts: AgentParts, sender: TxSender): Promise<void> {
  const { channels } = await readProviderBooks(place);
  const rows: ClaimRow[] = [];
  for (const channel of channels) {
    const row = await rowOf(place, channel, parts);
    if (row && rows.length < limits.claimRows) rows.push(row);
  }
  if (rows.length === 0) return;
  const claiming = claim(place, { rows, sender, network: parts.facts.network });
  const paidNait = await claiming.catch(() => undefined);
  const isRepeat = place.role === 'claimsTwice';
  parts.notes.claims.push({ provider: place.name, rows, paidNait, isRepeat });
}

/** All that is signed, or once more what the chain has paid already. */
async function rowOf(
  { name, role }: ProviderPlace,
  { channelId, best }: SellerChannel,
  { nodeFor }: AgentParts,
): Promise<ClaimRow | undefined> {
  if (!best) return undefined;
  const state = await nodeFor(name).rpc.state_getChannel({ channelId });
  const [balance, paid] = [amountOf(state.balance), amountOf(state.totalClaimed)];
  const signed = best.maxClaimable < balance ? best.maxClaimable : balance;
  const totalClaimed = role === 'claimsEarly' ? signed : paid;
  const isWorthIt = role === 'claimsEarly' ? signed > paid : paid > 0n;
  if (!isWorthIt) return undefined;
  const { maxClaimable, context, signature } = best;
  return { channelId, maxClaimable, context, voucherSignature: signature, totalClaimed };
}

interface Claim {
  readonly rows: readonly ClaimRow[];
  readonly sender: TxSender;
  readonly network: Network;
}

async function claim({ authorizer }: ProviderPlace, { rows, sender, network }: Claim) {
  const signature = sign(claimBytes(network, rows), secretKeyOf(authorizer));
  const body = {
    receiverAuthorizer: authorizer.accountId,
    rows: [...rows],
    authorizerSignature: hex(signature),
  };
  const { receipt } = await sender.send('channel_claim', body, { waitMs });
  if (!receipt) throw new RangeError('it is not final');
  return (receipt.rows ?? []).reduce((sum, { paid }) => sum + amountOf(paid), 0n);
}
