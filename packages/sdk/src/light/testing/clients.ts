/** Clients over fake chains, and what tests ask of them. */
import { createManualClock } from '@aitbc/primitives';
import type { LightBundle } from '@aitbc/protocol';
import { createLightClient } from '../light-client.ts';
import type { LightResult, LightSource, LightTrust } from '../types.ts';
import { blockMs, type FakeChain, genesisTimeMs, type Seat } from './fake-chain.ts';

/** Four members of equal stake. */
export const four: readonly Seat[] = [
  [1, 100],
  [2, 100],
  [3, 100],
  [4, 100],
];
/** Four members of equal stake that move on by one in each epoch. */
export const drifting = (epochs: number, by = 1) =>
  Array.from({ length: epochs }, (_, epoch) =>
    four.map(([seed]): Seat => [seed + epoch * by, 100]),
  );
export const periodMs = 1_000 * blockMs;

/** What is not as usual. */
export interface Setup {
  readonly trust?: LightTrust;
  readonly nowMs?: number;
  readonly trustingPeriodMs?: number;
}

/** A client of the sources, with a clock that stands where the chain ends. */
export function clientOf(chain: FakeChain, sources: readonly LightSource[], setup: Setup = {}) {
  const { nowMs = genesisTimeMs + chain.height * blockMs, trustingPeriodMs = periodMs } = setup;
  const clock = createManualClock(nowMs);
  const waits: number[] = [];
  const wait = async (ms: number) => void waits.push(ms);
  const options = {
    trust: setup.trust ?? { genesis: chain.genesis },
    trustingPeriodMs,
    clockSkewMs: 5_000,
  };
  return { client: createLightClient(options, { sources, clock, wait }), clock, waits };
}

/** Code and reason of a refusal. */
export function refusalOf(result: LightResult<unknown>): [string, string] {
  if (result.ok) return ['OK', ''];
  return [result.code, String(result.facts.reason ?? '')];
}

/** The answer of a client whose only source gives this instead of the newest block. */
export async function judged(chain: FakeChain, bundle: LightBundle, setup: Setup = {}) {
  const source = chain.source('a', {
    getBundle: async (at) => (at === 'latest' ? bundle : chain.bundle(at)),
  });
  return refusalOf(await clientOf(chain, [source], setup).client.update());
}

/** Counts what a source is asked. */
export function counting(source: LightSource) {
  const asked: (number | 'latest')[] = [];
  const getBundle: LightSource['getBundle'] = (at, signal) => {
    asked.push(at);
    return source.getBundle(at, signal);
  };
  return { asked, source: { ...source, getBundle } };
}
