/**
 * What the chain says about channels that pay this provider, kept here so that admission asks nobody.
 *
 * Fed by two topics of the node: `receiver:<address>` carries every change of such a channel, `finalBlocks`
 * tells how far we have heard. The mirror is fresh up to a moment when the node, asked over its other door,
 * names no height above the newest block we were notified of: a lost socket with a living node, or a node
 * that stands still, both make it older. The question is asked on a timer and never by a request.
 *
 * A list of channels is asked for once the subscription is live and after a gap; a channel that was
 * notified meanwhile is newer than its row in that list, so the row is dropped. The same holds for a channel
 * that is read anew after a claim. A channel that a voucher
 * names and nobody has notified is looked up once; the answer "none" is kept for a few seconds and the
 * number of look-ups at a time is bounded, so that made-up ids do not reach the node.
 */
import {
  AppError,
  asAppError,
  type ChannelState,
  channelFromJson,
  type Hex,
  limits,
  rpcTopics,
  zChannel,
} from '@aitbc/protocol';
import type { ChainClient } from './chain-client.ts';

const missKeptMs = 2_000;
const missesKept = 1_000;
const lookupsMax = 8;
/** A poll may miss once before the shortest withdraw delay over four is up. */
const pollsPerAge = 3;
const pollMsMin = 100;

export interface MirrorOptions {
  /** Address of this provider. */
  readonly address: string;
  /** Shortest withdraw delay that offers take; sets how often the node is asked. */
  readonly withdrawDelayMsMin: number;
}

export interface MirrorDeps {
  readonly chain: ChainClient;
  readonly nowMs: () => number;
  /** A channel is new or has changed. */
  readonly onChannel: (channel: ChannelState) => void;
  readonly onTrouble: (error: unknown, message: string) => void;
}

/** The mirror. */
export interface ChannelMirror {
  /** Resolves when the channels of the chain are known. */
  start(signal: AbortSignal): Promise<void>;
  stop(): void;
  /** Time since everything the chain has made final was known here, ms. */
  ageMs(): number;
  /** Height of the newest final block that was heard of, -1 before the first. */
  height(): number;
  /** Asks the node for a channel that was never heard of; undefined when none pays this provider. */
  lookUp(channelId: Hex): Promise<ChannelState | undefined>;
  /** Reads channels anew, after a claim. */
  refresh(channelIds: readonly Hex[]): Promise<void>;
}

export function createChannelMirror(options: MirrorOptions, deps: MirrorDeps): ChannelMirror {
  const { chain, nowMs } = deps;
  const state = { height: -1, freshAtMs: Number.NEGATIVE_INFINITY, isListed: false };
  const notified = new Set<Hex>();
  const reading = new Set<Hex>();
  const ending = new AbortController();
  const lookUp = createLookUp(options.address, deps);
  let timer: ReturnType<typeof setTimeout> | undefined;

  const hear = (channel: ChannelState): void => {
    if (!state.isListed) notified.add(channel.channelId);
    reading.delete(channel.channelId);
    deps.onChannel(channel);
  };
  const list = async (): Promise<void> => {
    state.isListed = false;
    notified.clear();
    for await (const channel of channelsOf(chain, options.address)) {
      if (!notified.has(channel.channelId)) deps.onChannel(channel);
    }
    state.isListed = true;
    notified.clear();
  };
  const relist = (): void => {
    list().catch((error: unknown) => deps.onTrouble(error, 'channels cannot be listed'));
  };
  const poll = async (): Promise<void> => {
    const askedAtMs = nowMs();
    const { height } = await chain.rpc.chain_status({}, { signal: ending.signal });
    if (state.height < 0) state.height = height;
    if (state.isListed && height <= state.height) state.freshAtMs = askedAtMs;
  };
  const everyMs = pollEveryMs(options.withdrawDelayMsMin);
  const keepPolling = (): void => {
    timer = setTimeout(() => {
      poll()
        .catch((error: unknown) => {
          if (!ending.signal.aborted) deps.onTrouble(error, 'the node does not answer');
        })
        .finally(() => {
          if (!ending.signal.aborted) keepPolling();
        });
    }, everyMs);
  };
  return {
    async start(signal) {
      await subscribeLive({ options, deps, ending: ending.signal, signal, hear, relist, state });
      await list();
      await poll();
      keepPolling();
    },
    stop() {
      clearTimeout(timer);
      ending.abort(new AppError('CANCELLED'));
    },
    ageMs: () => nowMs() - state.freshAtMs,
    height: () => state.height,
    lookUp,
    async refresh(channelIds) {
      for (const channelId of channelIds) {
        reading.add(channelId);
        const row = await chain.rpc.state_getChannel({ channelId }, { signal: ending.signal });
        if (reading.delete(channelId)) deps.onChannel(channelFromJson(row));
      }
    },
  };
}

function pollEveryMs(withdrawDelayMsMin: number): number {
  const ageMax = Math.min(withdrawDelayMsMin / 4, limits.mirrorAgeMsMax);
  return Math.max(pollMsMin, Math.floor(ageMax / pollsPerAge));
}

interface SubscribeParts {
  readonly options: MirrorOptions;
  readonly deps: MirrorDeps;
  readonly ending: AbortSignal;
  readonly signal: AbortSignal;
  readonly hear: (channel: ChannelState) => void;
  readonly relist: () => void;
  readonly state: { height: number; freshAtMs: number; isListed: boolean };
}

/** Subscribes both topics and waits until the node has accepted them. */
async function subscribeLive(parts: SubscribeParts): Promise<void> {
  const { options, deps, ending, signal, hear, relist, state } = parts;
  const { chain } = deps;
  const receiver = `${rpcTopics.receiver}:${options.address}`;
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    const common = { signal: ending, onRefused: reject };
    chain.subscribe(
      receiver,
      ({ data }) => {
        const parsed = zChannel.safeParse(data);
        if (parsed.success) hear(channelFromJson(parsed.data));
        else deps.onTrouble(parsed.error, 'the node sent a channel that is none');
      },
      {
        ...common,
        onGap: relist,
        onLive() {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      },
    );
    chain.subscribe(
      rpcTopics.finalBlocks,
      ({ data }) => {
        const height = heightOf(data);
        if (height === undefined || height <= state.height) return;
        state.height = height;
        if (state.isListed) state.freshAtMs = deps.nowMs();
      },
      common,
    );
  });
}

function heightOf(data: unknown): number | undefined {
  const { header } = (data ?? {}) as { header?: { height?: unknown } };
  return typeof header?.height === 'number' ? header.height : undefined;
}

async function* channelsOf(chain: ChainClient, receiver: string): AsyncGenerator<ChannelState> {
  let after: Hex | null | undefined;
  while (after !== null) {
    const page = await chain.rpc.state_listChannels({ receiver, ...(after ? { after } : {}) });
    for (const row of page.channels) yield channelFromJson(row);
    after = page.next;
  }
}

function createLookUp(address: string, { chain, nowMs, onChannel }: MirrorDeps) {
  const misses = new Map<Hex, number>();
  const running = new Map<Hex, Promise<ChannelState | undefined>>();
  const miss = (channelId: Hex): undefined => {
    misses.set(channelId, nowMs());
    const oldest = misses.size > missesKept ? misses.keys().next().value : undefined;
    if (oldest !== undefined) misses.delete(oldest);
  };
  const ask = async (channelId: Hex): Promise<ChannelState | undefined> => {
    try {
      const row = await chain.rpc.state_getChannel({ channelId });
      if (row.receiver !== address) return miss(channelId);
      const channel = channelFromJson(row);
      onChannel(channel);
      return channel;
    } catch (error) {
      if (asAppError(error).code !== 'CHANNEL_UNKNOWN') throw error;
      return miss(channelId);
    } finally {
      running.delete(channelId);
    }
  };
  return async (channelId: Hex): Promise<ChannelState | undefined> => {
    const missedAtMs = misses.get(channelId);
    if (missedAtMs !== undefined && nowMs() - missedAtMs < missKeptMs) return undefined;
    misses.delete(channelId);
    const known = running.get(channelId);
    if (known) return known;
    if (running.size >= lookupsMax) throw new AppError('RATE_LIMITED', { retryAfterSeconds: 1 });
    const asked = ask(channelId);
    running.set(channelId, asked);
    return asked;
  };
}
