/**
 * Providers that lie to the chain. One claims all that its buyers have signed, not what it was due, and then all that the
 * channels hold, with the same vouchers; one hands the same claim in again and again. Both have the true keys, and the
 * vouchers that their daemon keeps.
 */
import { hex, sign } from '@aitbc/primitives';
import {
  amountOf,
  type ChannelJson,
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

/** `early`: all that is signed. `beyond`: more than that. `again`: what the chain has paid before. */
type Lie = 'early' | 'beyond' | 'again';

/** One try, and what it was paid. */
export interface LyingClaim {
  readonly lie: Lie;
  readonly provider: string;
  readonly rows: readonly { readonly channelId: Hex; readonly totalClaimed: bigint }[];
  /** nait that the chain paid; undefined when the claim was refused or its answer lost. */
  readonly paidNait: bigint | undefined;
}

/** Lies until the signal aborts. */
export async function lieToChain(place: ProviderPlace, parts: AgentParts): Promise<void> {
  const { network } = parts.facts;
  const signer = createLocalSigner(network, secretKeyOf(place.keys));
  const sender = createTxSender({ node: parts.nodeFor(place.name), signer });
  const lies: readonly Lie[] = place.role === 'claimsEarly' ? ['early', 'beyond'] : ['again'];
  while (await parts.pause(pollMs)) {
    for (const lie of lies) {
      await lieOnce({ place, parts, sender }, lie).catch((error: unknown) => {
        noteTrouble(parts.notes, `claims of ${place.name}`, error);
      });
    }
  }
}

interface Scene {
  readonly place: ProviderPlace;
  readonly parts: AgentParts;
  readonly sender: TxSender;
}

async function lieOnce({ place, parts, sender }: Scene, lie: Lie): Promise<void> {
  const { channels } = await readProviderBooks(place);
  const rows: ClaimRow[] = [];
  for (const channel of channels) {
    const { channelId } = channel;
    const state = await parts.nodeFor(place.name).rpc.state_getChannel({ channelId });
    const row = rowOf(channel, state, lie);
    if (row && rows.length < limits.claimRows) rows.push(row);
  }
  if (rows.length === 0) return;
  const claiming = claim(place, { rows, sender, network: parts.facts.network });
  const paidNait = await claiming.catch(() => undefined);
  parts.notes.claims.push({ lie, provider: place.name, rows, paidNait });
}

/** The row of a channel; undefined when the lie would gain nothing there. */
function rowOf(
  { channelId, best }: SellerChannel,
  state: Pick<ChannelJson, 'balance' | 'totalClaimed' | 'closed'>,
  lie: Lie,
): ClaimRow | undefined {
  if (!best || state.closed) return undefined;
  const [balance, paid] = [amountOf(state.balance), amountOf(state.totalClaimed)];
  const signed = best.maxClaimable < balance ? best.maxClaimable : balance;
  const totalClaimed = { early: signed, beyond: balance, again: paid }[lie];
  const isWorthIt = { early: signed > paid, beyond: balance > signed, again: paid > 0n }[lie];
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
