/** Pays, but not enough: promises less than the call costs, more than the channel holds, or only the first words. */

import { noteTrouble } from '../books/books.ts';
import type { AgentPlace, ProviderPlace } from '../contract.ts';
import { countWords } from '../engines/scripted-text.ts';
import { drawPauseMs, newJob } from './errands.ts';
import { scriptedSellers, tryCall } from './freeloader.ts';
import { bodyOf, callByHand, type HandChannel, headerOf, offerOf } from './hand-buyer.ts';
import { openChannelTo } from './open-channel.ts';
import type { AgentParts } from './parts.ts';

const fundNait = 60_000n;
const tokens = 64;
const fewTokens = 12;
/** Enough for few words and their prompt at every price of the town. */
const fewCapNait = 12_000n;
const ways = [
  { what: 'less than the call costs', cap: 100n },
  { what: 'more than the channel holds', cap: fundNait * 10n },
] as const;

/** Tries until the run is over. */
export async function payTooLittle(place: AgentPlace, parts: AgentParts): Promise<undefined> {
  const draw = parts.drawFor(place.name);
  const sellers = scriptedSellers(parts).filter(({ role }) => role === 'honest');
  while (sellers.length > 0 && (await parts.pause(drawPauseMs(parts.plan, draw) / 2))) {
    const seller = draw.oneOf(sellers);
    const opening = openChannelTo(seller, { place, amountNait: fundNait }, parts);
    const channel = await opening.catch((error: unknown) => {
      noteTrouble(parts.notes, 'opening a channel', error);
      return undefined;
    });
    if (!channel) continue;
    for (const { what, cap } of ways) await tryCheap({ place, seller, channel, parts }, what, cap);
    await payFirstWords({ place, seller, channel, parts });
  }
}

interface Scene {
  readonly place: AgentPlace;
  readonly seller: ProviderPlace;
  readonly channel: HandChannel;
  readonly parts: AgentParts;
}

async function tryCheap(scene: Scene, what: string, cap: bigint): Promise<void> {
  const { place, seller, parts } = scene;
  const job = newJobOf(scene);
  const body = bodyOf(job);
  const header = await headerFor(scene, { body, key: job.key, tokens, cap });
  if (header === undefined) return;
  await tryCall(parts, { agent: place.name, what, seller, mark: job.mark, body, header });
}

/** Pays for a few words and never more: gets these and not one more. */
async function payFirstWords(scene: Scene): Promise<void> {
  const { place, seller, parts } = scene;
  const job = newJobOf(scene);
  const body = bodyOf(job);
  const atMs = parts.nowMs();
  const wish = { body, key: job.key, tokens: fewTokens, cap: fewCapNait };
  const header = await headerFor(scene, wish);
  if (header === undefined) return;
  const { status, code, text } = await callByHand(seller, { body, header }, parts.signal);
  const words = countWords(text);
  parts.notes.tries.push({
    ...{ agent: place.name, what: 'only the first words', mark: undefined, atMs, at: seller.name },
    answer: `${status} ${code ?? ''} ${words} words`,
    isRefused: words <= fewTokens,
  });
}

function newJobOf({ place, parts }: Scene) {
  return newJob(
    { agent: place.name, via: 'hand', atMs: parts.nowMs() },
    parts.drawFor(`${place.name} ${parts.nowMs()}`),
  );
}

interface Wish {
  readonly body: string;
  readonly key: string;
  readonly tokens: number;
  readonly cap: bigint;
}

async function headerFor({ seller, channel, parts }: Scene, { body, ...promise }: Wish) {
  const offer = await offerOf(seller).catch(() => undefined);
  return offer && headerOf(parts.facts.network, channel, { offer, body, promise });
}
