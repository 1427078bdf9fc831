/**
 * The coordinator on the bus: letters and notices reach those who are connected to another coordinator, or to the bus itself.
 *
 * The bus is a second way and never the only one: a letter is stored before it goes out here, and Redis or peers
 * that are away cost nothing but speed. A letter goes out twice: to the topic `letters`, where other coordinators take it
 * for those who read at them, and as a direct message to its receiver, who may be on the bus itself; the receiver drops what
 * it has. What comes in is checked like what comes over HTTP: the bus says who passed it on, the letter says who wrote it.
 *
 * A letter may be at a coordinator where its receiver does not read. So who begins to read here is told to the others
 * (`letters/wanted`), which pass on what they have for it; and what it acknowledges is told with its signature
 * (`letters/read`), so that they delete it as if they had been asked.
 *
 * The key of this participant says nothing about letters. It is kept in the data folder, because peers of the direct bus
 * know each other by it.
 */
import type { Bus, Subscription } from '@aitbc/bus';
import type { Clock } from '@aitbc/primitives';
import { hex, textFromUtf8, utf8 } from '@aitbc/primitives';
import {
  AppError,
  asAppError,
  bytes32,
  type Hex,
  messageEndpoints,
  type Network,
  zHash,
} from '@aitbc/protocol';
import type { Log } from '@aitbc/service';
import type { CheckedLetter } from './mailbox.ts';

/** What the link does with what comes. Both may throw; it is logged. */
export interface BusHandlers {
  onLetter(bytes: Uint8Array): Promise<void>;
  onNotice(bytes: Uint8Array, topic: string): void;
  /** Somebody reads elsewhere; the letters that are here for it. */
  onWanted(account: Hex): Promise<readonly Uint8Array[]>;
  /** A call that deletes letters, as its account signed it. */
  onRead(header: string, ids: readonly Hex[]): Promise<void>;
}

/** The link. */
export interface BusLink {
  /** Starts the bus once the chain is known; tries again every few seconds. */
  round(): Promise<void>;
  /** Never throws and never waits. */
  carryLetter(letter: CheckedLetter): void;
  carryNotice(bytes: Uint8Array, topic: string): void;
  /** The account reads here: others may have letters for it. At most once in half a minute. */
  askFor(account: Hex): void;
  carryRead(header: string, ids: readonly Hex[]): void;
  /** Somebody listens to the topic until the answer is called. */
  join(topic: string): () => void;
  stop(): Promise<void>;
}

/** What the link works with. */
export interface BusLinkDeps extends BusHandlers {
  readonly clock: Clock;
  readonly log: Log;
  /** Throws UNAVAILABLE until the chain is known. */
  network(): Network;
  /** A bus that does not run yet. */
  openBus(network: Network): Promise<Bus>;
}

const lettersTopic = 'letters';
const wantedTopic = 'letters/wanted';
const readTopic = 'letters/read';
const wantedEveryMs = 30_000;
const wantedKept = 4_096;
const topicPrefix = 'topic/';
const retryMs = 5_000;
const onTheWayMax = 64;

interface State {
  bus: Bus | undefined;
  isStopped: boolean;
  nextTryMs: number;
  onTheWay: number;
  readonly topics: Map<string, { count: number; subscription: Promise<Subscription | undefined> }>;
}

/** A link that does not run yet. */
export function createBusLink(deps: BusLinkDeps): BusLink {
  const { clock, log } = deps;
  const state: State = {
    ...{ bus: undefined, isStopped: false, nextTryMs: 0, onTheWay: 0, topics: new Map() },
  };
  const subscribe = (topic: string) => subscribeTo(state, deps, topic);
  const isDue = createPace();
  const inBackground = (work: (bus: Bus) => Promise<void>): void => {
    const { bus } = state;
    if (!bus || state.onTheWay >= onTheWayMax) return;
    state.onTheWay += 1;
    work(bus)
      .catch((error: unknown) => log.debug({ code: asAppError(error).code }, 'not carried on'))
      .finally(() => {
        state.onTheWay -= 1;
      });
  };
  return {
    async round() {
      if (state.bus || state.isStopped || clock.nowMs() < state.nextTryMs) return;
      state.nextTryMs = clock.nowMs() + retryMs;
      try {
        state.bus = await startBus(deps);
        for (const [topic, row] of state.topics) row.subscription = subscribe(topic);
      } catch (error) {
        const { code, message } = asAppError(error);
        log.warn({ code, reason: message }, 'the bus was not reached');
      }
    },
    carryLetter({ letter, bytes }) {
      inBackground((bus) => bus.publish(lettersTopic, bytes));
      inBackground((bus) => bus.send(letter.receiver, bytes));
    },
    carryNotice(bytes, topic) {
      inBackground((bus) => bus.publish(topicPrefix + topic, bytes));
    },
    askFor(account) {
      if (isDue(account, clock.nowMs())) {
        inBackground((bus) => bus.publish(wantedTopic, bytes32(account)));
      }
    },
    carryRead(header, ids) {
      const said = utf8(JSON.stringify({ header, ids }));
      inBackground((bus) => bus.publish(readTopic, said));
    },
    join(topic) {
      const row = state.topics.get(topic) ?? { count: 0, subscription: subscribe(topic) };
      state.topics.set(topic, row);
      row.count += 1;
      return () => {
        row.count -= 1;
        if (row.count > 0) return;
        state.topics.delete(topic);
        void row.subscription.then((subscription) => subscription?.close());
      };
    },
    async stop() {
      state.isStopped = true;
      await state.bus?.stop();
    },
  };
}

/** A running bus that takes letters. Throws UNAVAILABLE. */
async function startBus(deps: BusLinkDeps): Promise<Bus> {
  const { clock, network, openBus, onLetter, onWanted, onRead, log } = deps;
  const bus = await openBus(network());
  const isDue = createPace();
  const hear = (topic: string, take: (payload: Uint8Array) => Promise<void>) =>
    bus.subscribe(topic, async ({ payload }) => {
      try {
        await take(payload);
      } catch (error) {
        log.debug({ topic, code: asAppError(error).code }, 'not taken from the bus');
      }
    });
  await bus.start();
  await hear(lettersTopic, onLetter);
  await hear(wantedTopic, async (payload) => {
    const account = hex(payload);
    if (!zHash.safeParse(account).success || !isDue(account, clock.nowMs())) return;
    for (const letter of await onWanted(account)) await bus.publish(lettersTopic, letter);
  });
  await hear(readTopic, async (payload) => {
    const { header, ids } = readFrom(payload);
    await onRead(header, ids);
  });
  return bus;
}

/** What another coordinator says was read. Throws for anything else. */
function readFrom(payload: Uint8Array): { header: string; ids: readonly Hex[] } {
  const { header, ids } = JSON.parse(textFromUtf8(payload)) as Record<string, unknown>;
  const input = messageEndpoints.acknowledgeLetters.input.parse({ ids });
  return { header: String(header), ids: input.ids };
}

/** True for an account that was not asked for in the last half minute. */
function createPace(): (account: Hex, nowMs: number) => boolean {
  const asked = new Map<Hex, number>();
  return (account, nowMs) => {
    if (nowMs - (asked.get(account) ?? Number.NEGATIVE_INFINITY) < wantedEveryMs) return false;
    asked.delete(account);
    asked.set(account, nowMs);
    if (asked.size > wantedKept) asked.delete(asked.keys().next().value as Hex);
    return true;
  };
}

async function subscribeTo(
  { bus }: State,
  { onNotice, log }: BusLinkDeps,
  topic: string,
): Promise<Subscription | undefined> {
  try {
    return await bus?.subscribe(topicPrefix + topic, ({ payload }) => {
      try {
        onNotice(payload, topic);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        log.debug({ code: error.code }, 'a notice from the bus was not taken');
      }
    });
  } catch (error) {
    log.warn({ topic, code: asAppError(error).code }, 'a topic is heard here only');
    return undefined;
  }
}
