/** Everything about messages, joined: mailboxes, topics, the bus, and the handlers of their endpoints. */
import type { Bus } from '@aitbc/bus';
import type { Clock } from '@aitbc/primitives';
import {
  callerOf,
  type Endpoint,
  type Hex,
  limits,
  messageEndpoints,
  type Network,
  unwrap,
} from '@aitbc/protocol';
import { answered, type CallContext, type Handlers, type Log } from '@aitbc/service';
import type { StreamTarget } from '../jobs/stream-events.ts';
import type { LetterRows } from '../store/messages/letter-rows.ts';
import { createSenderGate } from './admit-sender.ts';
import { type BusLink, createBusLink } from './bus-link.ts';
import { bytesOf, createMailboxes, type Mailboxes, readHereMs } from './mailbox.ts';
import { assertBus, type BusSettings, openBus } from './open-bus.ts';
import { createPokes, type Pokes } from './pokes.ts';
import { streamLetters, streamTopic } from './stream-messages.ts';
import { createTopics, type Topics } from './topics.ts';

/** Parts about messages. */
export interface MessageParts {
  handlers<C>(): Handlers<typeof messageEndpoints, C>;
  /** Reaches for the bus, and looks for what other coordinators stored. */
  round(): Promise<void>;
  /** Deletes what has run out. */
  prune(): Promise<void>;
  /** Ends streams and the bus. */
  stop(): Promise<void>;
}

/** What messages work with. */
export interface MessagePartsDeps {
  readonly letters: LetterRows;
  /** No other coordinator works on the database. */
  readonly isAlone: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Throws UNAVAILABLE until the chain is known. */
  network(): Network;
  /** Coins of an account by its address, nait. */
  holding(address: string): Promise<bigint>;
  /** A bus in place of the one of the settings. */
  readonly openBus?: ((network: Network) => Promise<Bus>) | undefined;
}

interface Core {
  readonly deps: MessagePartsDeps;
  readonly mailboxes: Mailboxes;
  readonly readers: Pokes;
  readonly topics: Topics;
  readonly topicPokes: Pokes;
  readonly bus: BusLink | undefined;
}

const prunedRows = 1_000;
/** Numbers of coordinators that share a database may come a little out of order. */
const unsettledSeqs = 2_000 * 1_024;

/** Throws CONFIG_INVALID. */
export function createMessageParts(settings: BusSettings, deps: MessagePartsDeps): MessageParts {
  assertBus(settings);
  const { clock, letters, holding, network } = deps;
  const gate = createSenderGate(limits.lettersPerMinute, { clock, holding });
  const noticeGate = createSenderGate(limits.noticesPerMinute, { clock, holding });
  const [readers, topicPokes] = [createPokes(), createPokes()];
  const mailboxes = createMailboxes({ rows: letters, gate, pokes: readers, clock, network });
  const topics = createTopics({ clock, pokes: topicPokes, network });
  const bus = linkOf(settings, deps, { mailboxes, topics });
  const core: Core = { deps, mailboxes, readers, topics, topicPokes, bus };
  return {
    handlers: () => ({
      ...letterHandlers(core),
      ...topicHandlers(core, (sender) => noticeGate.admit(sender)),
    }),
    async round() {
      if (!deps.isAlone) readers.pokeAll();
      await bus?.round();
    },
    prune: () =>
      letters.prune(clock.nowMs(), {
        ...{ readBeforeMs: clock.nowMs() - readHereMs, limit: prunedRows },
      }),
    async stop() {
      readers.close();
      topicPokes.close();
      await bus?.stop();
    },
  };
}

function linkOf(
  settings: BusSettings,
  deps: MessagePartsDeps,
  { mailboxes, topics }: Pick<Core, 'mailboxes' | 'topics'>,
): BusLink | undefined {
  const { clock, log, network } = deps;
  if (settings.bus === '' && !deps.openBus) return undefined;
  return createBusLink({
    ...{ clock, log, network },
    openBus: deps.openBus ?? ((known) => openBus(settings, known, { clock, log })),
    async onLetter(bytes) {
      await mailboxes.putForReader(bytes);
    },
    onNotice: (bytes, topic) => void topics.offer(bytes, topic),
    async onWanted(account) {
      const letters = await mailboxes.page(account, { after: 0, limit: limits.pageSize });
      return letters.map(({ letter }) => bytesOf(letter, 'LETTER_INVALID'));
    },
    async onRead(header, ids) {
      const call = { row: messageEndpoints.acknowledgeLetters, input: { ids } };
      const account = unwrap(callerOf(network(), call, { header, nowMs: clock.nowMs() }));
      await mailboxes.remove(account, ids);
    },
  });
}

async function beginReading({ mailboxes, bus }: Core, account: Hex): Promise<void> {
  await mailboxes.markRead(account);
  bus?.askFor(account);
}

type LetterCalls = 'sendLetter' | 'readLetters' | 'followLetters' | 'acknowledgeLetters';

function letterHandlers<C>(core: Core): Pick<Handlers<typeof messageEndpoints, C>, LetterCalls> {
  const { mailboxes, bus } = core;
  return {
    async sendLetter({ letter }) {
      const put = await mailboxes.put(bytesOf(letter, 'LETTER_INVALID'));
      bus?.carryLetter(put);
      return { id: put.id, keptUntilMs: put.letter.expiresMs };
    },
    async readLetters(input, context) {
      const account = accountOf(core, messageEndpoints.readLetters, { input, context });
      await beginReading(core, account);
      const letters = await mailboxes.page(account, input);
      return { letters, next: letters.at(-1)?.seq ?? input.after };
    },
    async followLetters(input, context) {
      const account = accountOf(core, messageEndpoints.followLetters, { input, context });
      await beginReading(core, account);
      const back = core.deps.isAlone ? 0 : unsettledSeqs;
      const from = { account, after: input.after, back };
      await streamLetters(core, from, targetOf(context));
      return answered;
    },
    async acknowledgeLetters(input, context) {
      const account = accountOf(core, messageEndpoints.acknowledgeLetters, { input, context });
      const deleted = await mailboxes.remove(account, input.ids);
      bus?.carryRead(context.request.headers.authorization ?? '', input.ids);
      return { deleted };
    },
  };
}

function topicHandlers<C>(
  core: Core,
  admit: (sender: Hex) => Promise<void>,
): Pick<Handlers<typeof messageEndpoints, C>, 'publishTopic' | 'followTopic'> {
  const { topics, bus } = core;
  return {
    async publishTopic({ topic, notice: text }) {
      const bytes = bytesOf(text, 'NOTICE_INVALID');
      const { sender, id } = topics.check(bytes, topic);
      await admit(sender);
      if (topics.offer(bytes, topic)) bus?.carryNotice(bytes, topic);
      return { id, listeners: topics.listeners(topic) };
    },
    async followTopic({ topic }, context) {
      await streamTopic(core, topic, targetOf(context));
      return answered;
    },
  };
}

/** Who signed the call. Throws UNAUTHORIZED. */
function accountOf(
  { deps: { network, clock } }: Core,
  row: Endpoint,
  { input, context }: { input: unknown; context: Pick<CallContext, 'request'> },
): Hex {
  const header = context.request.headers.authorization;
  return unwrap(callerOf(network(), { row, input }, { header, nowMs: clock.nowMs() }));
}

function targetOf({ reply, signal }: Pick<CallContext, 'reply' | 'signal'>): StreamTarget {
  return { raw: reply.raw, signal, begin: () => void reply.hijack() };
}
