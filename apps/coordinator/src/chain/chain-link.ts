/**
 * The coordinator's view of its chain: which one it is, and who is a provider there.
 *
 * The node may be away when the coordinator starts or later: it is asked again and again, with growing
 * pauses, and until the first answer calls that need the chain are refused with UNAVAILABLE. A node that
 * answers for another chain than before is a mistake of the operator and ends the process: what is
 * stored would be sold on the wrong chain.
 *
 * Registrations are cached for a short time, so that logins and reports cannot be used to flood the node.
 */
import type { Clock } from '@aitbc/primitives';
import { AppError, asAppError, type Hex, type Network } from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { ChainFacts, ChainReader, Registration } from './chain-reader.ts';

/** The chain as the other parts see it. */
export interface ChainLink {
  /** First question to the node, then a watch in the background. Throws CONFIG_INVALID on a foreign chain. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Throws UNAVAILABLE until the node has answered once. */
  facts(): ChainFacts;
  network(): Network;
  /** Undefined for an account that is no provider. Throws UNAVAILABLE or TIMEOUT. */
  registration(address: string): Promise<Registration | undefined>;
  /** What is known of an account has changed: the next question goes to the node. */
  forget(address: string): void;
  /** True while the node answers. */
  isUp(): boolean;
}

/** Parts of a chain link. */
export interface ChainLinkDeps {
  readonly reader: ChainReader;
  readonly clock: Clock;
  readonly log: Log;
  /** Binds the database to the chain. Throws CONFIG_INVALID. */
  bindChain(genesisHash: Hex): Promise<void>;
  /** The node turned out to be on another chain while running. */
  onFailure(error: unknown): void;
}

const watchEveryMs = 10_000;
const retryFirstMs = 250;
const retryLongestMs = 5_000;
const registrationLifetimeMs = 10_000;
const unknownLifetimeMs = 250; // a provider that has just registered is not kept waiting
const registrationsKept = 10_000;

interface Cached {
  readonly registration: Promise<Registration | undefined>;
  untilMs: number;
}

/** A link that is not connected yet. */
export function createChainLink(deps: ChainLinkDeps): ChainLink {
  const { reader, clock, log } = deps;
  const ending = new AbortController();
  const cache = new Map<string, Cached>();
  let known: ChainFacts | undefined;
  let isUp = false;
  let isMissed = false;
  let watching: Promise<void> = Promise.resolve();

  const ask = async (): Promise<void> => {
    try {
      const facts = await reader.facts();
      await deps.bindChain(facts.network.genesisHash);
      if (!isUp) log.info({ network: facts.network.name }, 'chain node reached');
      known = facts;
      isUp = true;
      isMissed = false;
    } catch (error) {
      if (error instanceof AppError && error.code === 'CONFIG_INVALID') throw error;
      const { code, message } = asAppError(error);
      // Once for each time the node goes away, not for each try.
      if (!isMissed) log.warn({ code, reason: message }, 'chain node not reached');
      isUp = false;
      isMissed = true;
    }
  };

  const watch = async (): Promise<void> => {
    let retryMs = retryFirstMs;
    while (!ending.signal.aborted) {
      await pause(isUp ? watchEveryMs : retryMs, ending.signal);
      if (ending.signal.aborted) return;
      retryMs = isUp ? retryFirstMs : Math.min(retryLongestMs, retryMs * 2);
      await ask();
    }
  };

  const facts = (): ChainFacts => {
    if (known) return known;
    throw new AppError('UNAVAILABLE', {
      what: 'the chain node',
      reason: 'it has not answered yet',
    });
  };

  return {
    facts,
    network: () => facts().network,
    isUp: () => isUp,
    async start() {
      await ask();
      watching = watch().catch((error: unknown) => deps.onFailure(error));
    },
    async stop() {
      ending.abort();
      await reader.close();
      await watching;
    },
    forget: (address) => void cache.delete(address),
    registration(address) {
      const cached = cache.get(address);
      if (cached && clock.nowMs() < cached.untilMs) return cached.registration;
      const registration = reader.provider(address);
      const entry = { registration, untilMs: clock.nowMs() + registrationLifetimeMs };
      registration.then(
        (found) => {
          if (!found) entry.untilMs = clock.nowMs() + unknownLifetimeMs;
        },
        () => cache.delete(address),
      );
      cache.delete(address);
      cache.set(address, entry);
      const [oldest] = cache.keys();
      if (cache.size > registrationsKept && oldest !== undefined) cache.delete(oldest);
      return registration;
    },
  };
}

/** Waits, or returns early when the signal aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
