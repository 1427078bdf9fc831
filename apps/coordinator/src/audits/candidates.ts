/**
 * Who audits: providers that asked for duties not long ago, are connected, and sell the weights in question. Among
 * them the hash of a block draws; neither the coordinator nor a candidate chooses.
 */
import type { OfferIndex } from '@aitbc/market';
import type { Clock } from '@aitbc/primitives';
import { accountIdOf, drawOrder, type Hex, type Network, unwrap } from '@aitbc/protocol';
import type { Sessions } from '../providers/sessions.ts';

/** What is drawn for. */
export interface AuditorDraw {
  readonly network: Network;
  readonly seed: Hex;
  readonly jobId: Hex;
  readonly digest: string;
  /** Addresses that may not be drawn: the audited provider, and who was silent. */
  readonly excluded: readonly string[];
}

/** Candidates for the next draws. */
export interface Candidates {
  /** A provider asked for its duties. */
  heard(provider: string): void;
  /** Address of the first in the order of the draw; undefined when nobody can audit. */
  draw(wish: AuditorDraw): string | undefined;
}

/** Parts that know the candidates. */
export interface CandidatesDeps {
  readonly clock: Clock;
  readonly sessions: () => Pick<Sessions, 'get'>;
  readonly index: Pick<OfferIndex, 'ofProvider'>;
}

const heardMsMax = 60_000; // several of the pauses between two questions
const candidatesMax = 16_384;

/** No candidates yet. */
export function createCandidates({ clock, sessions, index }: CandidatesDeps): Candidates {
  const heardAtMs = new Map<string, number>();
  const serves = (provider: string, digest: string) =>
    index.ofProvider(provider).some(({ offer }) => offer.payload.digest === digest);
  return {
    heard(provider) {
      heardAtMs.delete(provider); // the longest silent one stands first
      heardAtMs.set(provider, clock.nowMs());
      if (heardAtMs.size > candidatesMax) heardAtMs.delete(heardAtMs.keys().next().value as string);
    },
    draw({ network, seed, jobId, digest, excluded }) {
      const oldestMs = clock.nowMs() - heardMsMax;
      const byId = new Map<Hex, string>();
      for (const [provider, atMs] of heardAtMs) {
        const isHere = atMs >= oldestMs && sessions().get(provider) !== undefined;
        if (!isHere || excluded.includes(provider) || !serves(provider, digest)) continue;
        byId.set(unwrap(accountIdOf(provider)), provider);
      }
      const [first] = drawOrder(network, { seed, subject: jobId, candidates: [...byId.keys()] });
      return first && byId.get(first);
    },
  };
}
