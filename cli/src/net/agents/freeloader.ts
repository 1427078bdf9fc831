/** Wants answers without paying: no payment, rubbish in its place, a channel that is not there, a stranger's channel. */
import { randomUUID } from 'node:crypto';
import { hex, randomBytes } from '@aitbc/primitives';
import { amountOf, type ChannelJson } from '@aitbc/protocol';
import type { AgentPlace, ProviderPlace } from '../contract.ts';
import { drawPauseMs, newJob } from './errands.ts';
import { bodyOf, callByHand, type HandChannel, headerOf, offerOf } from './hand-buyer.ts';
import { keyPairOf, newKeys } from './keys.ts';
import type { AgentParts } from './parts.ts';

const ways = ['no payment', 'rubbish', 'no such channel', 'channel of a stranger'] as const;
const tokens = 64;
const cap = 1_000_000n;

/** Tries until the run is over. */
export async function tryForFree(place: AgentPlace, parts: AgentParts): Promise<undefined> {
  const draw = parts.drawFor(place.name);
  const sellers = scriptedSellers(parts);
  while (sellers.length > 0 && (await parts.pause(drawPauseMs(parts.plan, draw) / 2))) {
    const seller = draw.oneOf(sellers);
    const what = draw.oneOf(ways);
    const job = newJob({ agent: place.name, via: 'hand', atMs: parts.nowMs() }, draw);
    const body = bodyOf(job);
    const header = await headerFor(what, { place, seller, body, parts }).catch(() => undefined);
    if (header === undefined && what !== 'no payment') continue; // the seller is away
    await tryCall(parts, { agent: place.name, what, seller, mark: job.mark, body, header });
  }
}

/** Providers whose engine notes what it runs. */
export function scriptedSellers({ facts }: AgentParts): readonly ProviderPlace[] {
  return facts.providers.filter(({ isVerifiable }) => !isVerifiable);
}

/** A call that must be refused. */
export interface ForbiddenCall {
  readonly agent: string;
  readonly what: string;
  readonly seller: ProviderPlace;
  readonly mark: string;
  readonly body: string;
  readonly header: string | undefined;
}

/** Makes it and notes how it went. */
export async function tryCall(parts: AgentParts, call: ForbiddenCall): Promise<void> {
  const { agent, what, seller, mark, body, header } = call;
  const atMs = parts.nowMs();
  const { status, code, text } = await callByHand(seller, { body, header }, parts.signal);
  const isRefused = status !== 200 && text === '';
  const answer = `${status} ${code ?? ''}`.trim();
  parts.notes.tries.push({ agent, what, mark, atMs, at: seller.name, answer, isRefused });
}

interface Try {
  readonly place: AgentPlace;
  readonly seller: ProviderPlace;
  readonly body: string;
  readonly parts: AgentParts;
}

async function headerFor(what: (typeof ways)[number], { seller, body, parts, place }: Try) {
  if (what === 'no payment') return undefined;
  if (what === 'rubbish') return hex(randomBytes(64));
  const offer = await offerOf(seller);
  const hotKey = keyPairOf(newKeys());
  const unknown = { channelId: hex(randomBytes(32)), payer: place.keys.accountId, hotKey, cap };
  const channel =
    what === 'no such channel' ? unknown : await strangersChannel(parts, seller, unknown);
  const promise = { key: randomUUID(), tokens, cap: channel.cap };
  return headerOf(parts.facts.network, channel, { offer, body, promise });
}

type Target = HandChannel & { readonly cap: bigint };

/**
 * A real channel of somebody else, and a key that is not its own: the one from which most was paid of those that still
 * hold enough, so that nothing but the signature is wrong.
 */
async function strangersChannel(
  { nodeFor }: AgentParts,
  { keys, name }: ProviderPlace,
  unknown: Target,
): Promise<Target> {
  const { channels } = await nodeFor(name).rpc.state_listChannels({ receiver: keys.address });
  const paidOf = ({ totalClaimed }: ChannelJson) => amountOf(totalClaimed);
  const rich = channels.filter((one) => !one.closed && amountOf(one.balance) > paidOf(one) + cap);
  const best = rich.reduce<ChannelJson | undefined>(
    (most, one) => (most && paidOf(most) >= paidOf(one) ? most : one),
    undefined,
  );
  return best ? { ...unknown, channelId: best.channelId, cap: paidOf(best) + cap } : unknown;
}
