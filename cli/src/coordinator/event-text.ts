/** Events of a market as lines. */
import type { MarketEvent } from '@aitbc/protocol';
import { aitText } from '../amounts.ts';
import { counted, durationText, latencyText, shortAddress, shortHash } from '../wording.ts';

/** Titles of the columns of `eventRow`. */
export const eventHead = ['time (UTC)', 'provider', 'event', 'what'];

/** One event. */
export function eventRow({ atMs, provider, facts }: MarketEvent): string[] {
  const time = new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
  return [time, shortAddress(provider), facts.kind, factsText(facts)];
}

function factsText(facts: MarketEvent['facts']): string {
  switch (facts.kind) {
    case 'provider_in':
      return facts.endpoint;
    case 'provider_out':
      return `after ${durationText(facts.heldMs)}`;
    case 'offer_up':
      return `${facts.model} at ${aitText(facts.inputPerMTok)} in, ${aitText(facts.outputPerMTok)} out`;
    case 'offer_down':
      return facts.model;
    case 'receipt':
      return `${facts.model}: ${facts.promptTokens} + ${facts.outputTokens} tokens, ${aitText(facts.charged)}, first after ${latencyText(facts.firstTokenMs)}, ${facts.outcome}`;
    case 'audit':
      return `${facts.verdict} by ${shortAddress(facts.auditor)}`;
    case 'capacity':
      return counted(facts.slots, 'slot');
    default:
      return shortHash(facts.jobId);
  }
}
