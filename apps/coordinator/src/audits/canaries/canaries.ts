/**
 * Canaries: the coordinator buys short answers of the verifiable class from providers that nobody knows yet, so that they
 * have samples and an audit before buyers come.
 *
 * It holds no coins: an ordinary gateway of the operator buys and pays. That gateway is started with the address of this
 * coordinator and `/canary` as its coordinator: there the route call answers the newcomer whose turn it is and
 * nobody else, and reports about newcomers are drawn for an audit always, not at the usual rate. The record goes the way
 * of all records, so the gateway must share (`--share-audits`).
 *
 * One canary at a time; whose turn it is: who had the fewest. A newcomer is a provider with a verifiable offer that has
 * no passed audit and fewer than three samples; after eight canaries it gets no more.
 *
 * Limits: the gateway's account is always the same, so a provider may learn to know it. Canaries show that a provider can
 * serve the model; that it does is shown by audits of paid jobs alone. See docs/spec/audit.md, "Canaries".
 */
import { canaryRequestOf, type Measurements, type OfferIndex } from '@aitbc/market';
import { type Clock, hex } from '@aitbc/primitives';
import { asAppError, gatewayHeaders, wireBodyOf } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { Sessions } from '../../providers/sessions.ts';
import type { Standings } from '../standings.ts';

/** How canaries are bought. */
export interface CanaryOptions {
  /** Base URL of the gateway that buys; empty for no canaries. */
  readonly gatewayUrl: string;
  readonly everyMs: number;
}

/** Parts of it. */
export interface CanaryDeps {
  readonly index: Pick<OfferIndex, 'ofProvider'>;
  readonly measurements: Pick<Measurements, 'of'>;
  readonly standings: Pick<Standings, 'of' | 'isSuspect'>;
  readonly clock: Clock;
  readonly log: Log;
  sessions(): Pick<Sessions, 'all'>;
  /** Fresh bytes for seeds. */
  randomBytes(sizeBytes: number): Uint8Array;
  /** Replaces `fetch` in tests. */
  readonly fetch?: typeof fetch;
}

/** Buys canaries. */
export interface Canaries {
  /** Address of the newcomer whose turn it is; undefined when all are known. */
  target(): string | undefined;
  isNewcomer(provider: string): boolean;
  /** Begins a canary when it is time; the timer of upkeep calls it. */
  round(): void;
  /** Ends the canary that runs. */
  stop(): Promise<void>;
}

const samplesEnough = 3;
const canariesMax = 8;
const seedBytes = 32;
const answerMs = 120_000;
const providersKept = 10_000;

/** No canaries yet. */
export function createCanaries(options: CanaryOptions, deps: CanaryDeps): Canaries {
  const { standings, clock } = deps;
  const bought = new Map<string, number>();
  const ending = new AbortController();
  let buying: Promise<void> | undefined;
  let boughtAtMs = Number.NEGATIVE_INFINITY;

  const modelFor = (provider: string): string | undefined => {
    if (standings.of(provider).passed > 0 || standings.isSuspect(provider)) return undefined;
    if ((bought.get(provider) ?? 0) >= canariesMax) return undefined;
    const offers = deps.index.ofProvider(provider);
    const unknown = offers.find(({ offer, model }) => {
      const { samples } = deps.measurements.of(provider, model);
      return offer.payload.verifiable === true && samples < samplesEnough;
    });
    return unknown?.model;
  };
  const target = (): string | undefined => {
    let best: string | undefined;
    for (const { provider } of deps.sessions().all()) {
      const count = bought.get(provider) ?? 0;
      const isLess = best === undefined || count < (bought.get(best) ?? 0);
      if (isLess && modelFor(provider) !== undefined) best = provider;
    }
    return best;
  };
  const note = (provider: string): void => {
    bought.set(provider, (bought.get(provider) ?? 0) + 1);
    if (bought.size > providersKept) bought.delete(bought.keys().next().value as string);
  };
  return {
    target,
    isNewcomer: (provider) => modelFor(provider) !== undefined,
    round() {
      if (options.gatewayUrl === '' || buying || ending.signal.aborted) return;
      if (clock.nowMs() - boughtAtMs < options.everyMs) return;
      const provider = target();
      const model = provider && modelFor(provider);
      if (!provider || !model) return;
      boughtAtMs = clock.nowMs();
      buying = buyCanary(options, deps, { provider, model, signal: ending.signal }).then((by) => {
        note(by ?? provider); // one that cannot be reached has had its turn too
        buying = undefined;
      });
    },
    async stop() {
      ending.abort();
      await buying;
    },
  };
}

/** Buys one; the address of who answered, undefined when nobody did. */
async function buyCanary(
  { gatewayUrl }: CanaryOptions,
  { log, randomBytes, fetch: ask = fetch }: CanaryDeps,
  { provider, model, signal }: { provider: string; model: string; signal: AbortSignal },
): Promise<string | undefined> {
  const request = canaryRequestOf(hex(randomBytes(seedBytes)), model);
  try {
    const answer = await ask(`${gatewayUrl.replace(/\/$/, '')}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...wireBodyOf(request), stream: false }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerMs)]),
    });
    await answer.arrayBuffer();
    const by = answer.headers.get(gatewayHeaders.provider) ?? undefined;
    if (answer.ok) log.info({ provider: by }, 'bought a canary');
    else log.warn({ provider, status: answer.status }, 'a canary was not answered');
    return by;
  } catch (error) {
    if (!signal.aborted)
      log.warn({ provider, code: asAppError(error).code }, 'no canary was bought');
    return undefined;
  }
}
