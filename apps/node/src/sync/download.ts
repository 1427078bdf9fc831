/**
 * Fetching the chunks of a snapshot from several peers at once. Each chunk proves itself against the state root, so a
 * peer that sends a wrong one is reported and left out, and only that chunk is asked of another one.
 */
import { chunkCount, decodeChunk, type StateChunk, verifyChunk } from '@aitbc/chain';
import { AppError, asAppError, type Hex } from '@aitbc/protocol';
import type { Questions } from './questions.ts';

const chunksAhead = 8; // 16 MB at most
const askedAtOnce = 2; // of one peer: one is sent while the other is on its way
const failuresMax = 3;

/** State that is fetched. */
export interface WantedState {
  readonly height: number;
  readonly stateRoot: Hex;
}

/** What a download uses. */
export interface DownloadDeps {
  /** Peers that offer this very state. */
  readonly peers: readonly Hex[];
  readonly questions: Pick<Questions, 'chunkOf'>;
  penalize(peer: Hex, reason: string): void;
  /** Chunks that are here, and how many there are. */
  onProgress(done: number, total: number): void;
}

/** Chunks in order. Throws UNAVAILABLE when no peer is left, CANCELLED. */
export async function* downloadChunks(
  state: WantedState,
  deps: DownloadDeps,
): AsyncGenerator<Uint8Array> {
  const providers = createProviders(deps.peers);
  const first = await fetchChunk(state, { deps, providers, chunk: 0 });
  const total = chunkCount(first.place);
  const ahead = [Promise.resolve(first)];
  for (let next = 1, done = 1; ; done += 1) {
    for (; ahead.length < chunksAhead && next < total; next += 1) {
      const fetched = fetchChunk(state, { deps, providers, chunk: next, cut: first.place });
      fetched.catch(() => {}); // it is awaited in its turn, or nobody wants it any more
      ahead.push(fetched);
    }
    const chunk = ahead.shift();
    if (!chunk) return;
    yield (await chunk).bytes;
    deps.onProgress(done, total);
  }
}

interface Fetched {
  readonly bytes: Uint8Array;
  readonly place: StateChunk;
}

interface ToFetch {
  readonly deps: DownloadDeps;
  readonly providers: Providers;
  readonly chunk: number;
  /** Cut of chunk 0; chunk 0 itself tells it. */
  readonly cut?: Pick<StateChunk, 'size' | 'level'>;
}

async function fetchChunk(state: WantedState, wanted: ToFetch): Promise<Fetched> {
  const { deps, providers, chunk } = wanted;
  for (;;) {
    const peer = await providers.take();
    try {
      const bytes = await deps.questions.chunkOf(peer, state.height, chunk);
      const place = soundChunk(state, wanted, bytes);
      providers.giveBack(peer);
      if (place) return { bytes, place };
      deps.penalize(peer, `its chunk ${chunk} of the state at height ${state.height} is not of it`);
      providers.drop(peer);
    } catch (error) {
      const { code } = asAppError(error);
      if (code === 'INTERNAL' || code === 'CANCELLED') throw error;
      if (code === 'TIMEOUT') providers.fail(peer);
      else providers.drop(peer);
    }
  }
}

function soundChunk(
  { stateRoot }: WantedState,
  { chunk, cut }: ToFetch,
  bytes: Uint8Array,
): StateChunk | undefined {
  const decoded = decodeChunk(bytes);
  if (!decoded.ok) return undefined;
  const { value } = decoded;
  const { size, level } = cut ?? value;
  const isAsked = value.chunk === chunk && value.size === size && value.level === level;
  return isAsked && verifyChunk(stateRoot, value) ? value : undefined;
}

/** Peers with a number of free hands. */
interface Providers {
  /** The peer that failed least and is least busy; waits for one. Throws UNAVAILABLE when none is left. */
  take(): Promise<Hex>;
  giveBack(peer: Hex): void;
  /** It did not answer; after some times it is left out. */
  fail(peer: Hex): void;
  drop(peer: Hex): void;
}

function createProviders(peers: readonly Hex[]): Providers {
  const known = new Map(peers.map((peer) => [peer, { busy: 0, failures: 0 }]));
  let waiters: (() => void)[] = [];
  const wake = (): void => {
    for (const waiter of waiters.splice(0)) waiter();
  };
  const free = (): Hex | undefined => {
    const idle = [...known].filter(([, { busy }]) => busy < askedAtOnce);
    idle.sort(([, a], [, b]) => a.failures - b.failures || a.busy - b.busy);
    return idle[0]?.[0];
  };
  const giveBack = (peer: Hex, failures = 0): void => {
    const one = known.get(peer);
    if (one) {
      one.busy -= 1;
      one.failures += failures;
      if (one.failures >= failuresMax) known.delete(peer);
    }
    wake();
  };
  return {
    async take() {
      for (;;) {
        const peer = free();
        const one = peer === undefined ? undefined : known.get(peer);
        if (peer !== undefined && one) {
          one.busy += 1;
          return peer;
        }
        if (known.size === 0) {
          throw new AppError('UNAVAILABLE', {
            what: 'A snapshot',
            reason: 'no peer gives it whole',
          });
        }
        await new Promise<void>((resolve) => {
          waiters = [...waiters, resolve];
        });
      }
    },
    giveBack: (peer) => giveBack(peer),
    fail: (peer) => giveBack(peer, 1),
    drop(peer) {
      known.delete(peer);
      wake();
    },
  };
}
