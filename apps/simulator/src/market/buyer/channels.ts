/** The channels of a buyer: which one pays whom, and how it gets money. */
import { type Allocation, channelIdOf, type Hex } from '@aitbc/protocol';
import type { BuyerChange, ChannelRow } from '@aitbc/sdk/books';
import type { StandingOffer } from '../ground.ts';
import type { Desk } from './buyer.ts';

const channelFundNait = 5_000n;
const fundingPatience = 40; // hops until a funding is sent again

/** The channel to pay a provider from, and whether it has this much room; asks for money when it has not. */
export function channelFor(desk: Desk, offer: StandingOffer, need: bigint): Hex | undefined {
  const { book, ground, party, closing } = desk;
  const { payload } = offer.signed;
  const mine = book.channels().filter(({ provider }) => provider === payload.provider);
  if (mine.some(({ status }) => status === 'distrusted')) return undefined;
  const open = mine.filter(({ channelId }) => !closing.has(channelId));
  const ready = open.find(
    ({ status, channelId }) => status === 'open' && book.room(channelId) >= need,
  );
  if (ready) return ready.channelId;
  const usable = open.find(({ status }) => status === 'open' || status === 'opening');
  const salt = usable?.salt ?? mine.length.toString(16).padStart(64, '0');
  const config = {
    receiver: payload.authorizer,
    payerAuthorizer: party.hotKey.id,
    receiverAuthorizer: payload.authorizer,
    withdrawDelayMs: ground.withdrawDelayMs,
    salt,
  };
  const channelId = channelIdOf(ground.network, { payer: party.person.id, ...config });
  const row: ChannelRow = {
    ...{ channelId, provider: payload.provider, receiverAuthorizer: payload.authorizer },
    ...{ withdrawDelayMs: ground.withdrawDelayMs, salt, status: 'opening' },
    ...{ balance: 0n, settled: 0n, signedMax: 0n },
  };
  const change = usable ? undefined : book.putChannel(row);
  fund(desk, { ...config, amount: channelFundNait }, change);
  return undefined;
}

function fund(desk: Desk, allocation: Allocation, change: BuyerChange | undefined): void {
  const { link, party, world, hopMs, fundedAtMs: times } = desk;
  const key = allocation.receiver + allocation.salt;
  const nowMs = world.clockMs(party.endpoint);
  if (nowMs - (times.get(key) ?? Number.NEGATIVE_INFINITY) < hopMs * fundingPatience) return;
  times.set(key, nowMs);
  const send = (): void => {
    if (party.isMandated) {
      link.send(party.hotKey, 'mandate_fund', { owner: party.person.id, ...allocation });
    } else {
      const body = { amount: allocation.amount, allocations: [allocation] };
      link.send(party.person, 'vault_deposit', body);
    }
  };
  if (change) desk.save(change, send);
  else send();
}
