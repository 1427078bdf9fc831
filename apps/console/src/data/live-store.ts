/**
 * One connection to what happens now, shared by all parts of the page.
 *
 *   connecting ─open→ live ─lost→ lost ─open→ live
 *
 * The browser comes back by itself and names what it saw last, so nothing is counted twice or missed for a short
 * absence. The store keeps the newest blocks and events only; histories come from calls.
 */
import type { LiveBlock, MarketEvent } from '@aitbc/protocol';

/** What is known of the present. */
export interface LiveState {
  readonly status: 'connecting' | 'live' | 'lost';
  /** Oldest first. */
  readonly blocks: readonly LiveBlock[];
  readonly events: readonly MarketEvent[];
}

/** The store. */
export interface LiveStore {
  get(): LiveState;
  subscribe(onChange: () => void): () => void;
  start(): void;
  stop(): void;
}

const blocksKept = 240;
const eventsKept = 500;
const retryMs = 3_000;

/** A store that is not connected. `open` makes the connection. */
export function createLiveStore(open: () => EventSource): LiveStore {
  const listeners = new Set<() => void>();
  let state: LiveState = { status: 'connecting', blocks: [], events: [] };
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  const set = (change: Partial<LiveState>): void => {
    state = { ...state, ...change };
    for (const tell of listeners) tell();
  };
  const connect = (): void => {
    const made = open();
    source = made;
    made.addEventListener('open', () => set({ status: 'live' }));
    made.addEventListener('error', () => {
      set({ status: 'lost' });
      // A browser gives up for good after a refusal; we do not.
      if (made.readyState === made.CLOSED) retry = setTimeout(connect, retryMs);
    });
    made.addEventListener('blocks', ({ data }: MessageEvent<string>) => {
      const blocks = mergedBlocks(state.blocks, JSON.parse(data) as LiveBlock[]);
      if (blocks !== state.blocks) set({ blocks });
    });
    made.addEventListener('market', ({ data }: MessageEvent<string>) => {
      const events = mergedEvents(state.events, JSON.parse(data) as MarketEvent[]);
      if (events !== state.events) set({ events });
    });
  };
  return {
    get: () => state,
    subscribe(onChange) {
      listeners.add(onChange);
      return () => void listeners.delete(onChange);
    },
    start() {
      if (!source) connect();
    },
    stop() {
      clearTimeout(retry);
      source?.close();
      source = undefined;
    },
  };
}

/** Old and new blocks by height, each once; the same list when nothing is new. */
export function mergedBlocks(
  old: readonly LiveBlock[],
  fresh: readonly LiveBlock[],
): readonly LiveBlock[] {
  const last = old.at(-1)?.height ?? -1;
  const added = fresh.filter(({ height }) => height > last);
  return added.length === 0 ? old : [...old, ...added].slice(-blocksKept);
}

/** Old and new events by their number, each once; the same list when nothing is new. */
export function mergedEvents(
  old: readonly MarketEvent[],
  fresh: readonly MarketEvent[],
): readonly MarketEvent[] {
  const last = old.at(-1)?.seq ?? -1;
  const added = fresh.filter(({ seq }) => seq > last);
  return added.length === 0 ? old : [...old, ...added].slice(-eventsKept);
}
