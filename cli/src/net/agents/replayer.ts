/**
 * Pays once and wants it twice: the same call again (the same answer, and nothing is run anew), five at a time, and
 * the same payment with another body, or at another provider.
 */

import { noteTrouble } from '../books/books.ts';
import type { AgentPlace, ProviderPlace } from '../contract.ts';
import { wordsOf } from '../engines/scripted-text.ts';
import { drawPauseMs, newJob } from './errands.ts';
import { scriptedSellers, tryCall } from './freeloader.ts';
import { bodyOf, callByHand, type HandAnswer, headerOf, offerOf } from './hand-buyer.ts';
import { openChannelTo } from './open-channel.ts';
import type { AgentParts } from './parts.ts';

const fundNait = 200_000n;
const capNait = 60_000n;
const atOnce = 5;

/** Replays until the run is over. */
export async function replayCalls(place: AgentPlace, parts: AgentParts): Promise<undefined> {
  const draw = parts.drawFor(place.name);
  const sellers = scriptedSellers(parts).filter(({ role }) => role === 'honest');
  while (sellers.length > 0 && (await parts.pause(drawPauseMs(parts.plan, draw) / 2))) {
    const [seller, other] = draw.shuffled(sellers);
    if (!seller) return;
    await replayOnce(place, parts, { seller, other }).catch((error: unknown) => {
      noteTrouble(parts.notes, 'a first call', error);
    });
  }
}

interface Sellers {
  readonly seller: ProviderPlace;
  readonly other: ProviderPlace | undefined;
}

async function replayOnce(
  place: AgentPlace,
  parts: AgentParts,
  { seller, other }: Sellers,
): Promise<void> {
  const { name } = place;
  const draw = parts.drawFor(`${name} ${parts.nowMs()}`);
  const channel = await openChannelTo(seller, { place, amountNait: fundNait }, parts);
  const offer = await offerOf(seller);
  const job = {
    ...newJob({ agent: name, via: 'hand', atMs: parts.nowMs() }, draw),
    maxTokens: 200,
  };
  const body = bodyOf(job);
  const promise = { key: job.key, tokens: job.maxTokens, cap: capNait };
  const header = headerOf(parts.facts.network, channel, { offer, body, promise });
  const call = () => callByHand(seller, { body, header }, parts.signal);
  const answers = await Promise.all(Array.from({ length: atOnce }, call));
  answers.push(await call());
  for (const answer of answers) noteAgain(parts, { answer, place, seller, job });
  const foreign = newJob({ agent: name, via: 'hand', atMs: parts.nowMs() }, draw);
  const forbidden = { agent: name, mark: foreign.mark, body: bodyOf(foreign), header };
  await tryCall(parts, { ...forbidden, what: 'a payment for another body', seller });
  if (other)
    await tryCall(parts, { ...forbidden, what: 'a payment at another provider', seller: other });
}

interface Again {
  readonly answer: HandAnswer;
  readonly place: AgentPlace;
  readonly seller: ProviderPlace;
  readonly job: { readonly mark: string; readonly words: number };
}

/** A repeated call gives the beginning of the one right answer, or an error. */
function noteAgain(parts: AgentParts, { answer, place, seller, job }: Again): void {
  const right = wordsOf(job.mark, 0, job.words);
  parts.notes.tries.push({
    ...{ agent: place.name, what: 'the same call again', mark: undefined, at: seller.name },
    atMs: parts.nowMs(),
    answer: `${answer.status} ${answer.code ?? ''}`,
    isRefused: right.startsWith(answer.text),
  });
}
