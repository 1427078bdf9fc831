/**
 * The bus itself: joins the checks, the queues and the outbox above one carrier. All three kinds of bus
 * are this code; only the carrier differs. Semantics: docs/spec/bus.md.
 */
import { equalBytes, hex, utf8 } from '@aitbc/primitives';
import { AppError, asAppError } from '@aitbc/protocol';
import type { CarrierSink } from './carrier.ts';
import { type Counters, createCounters, statsOf } from './core/counters.ts';
import type { Delivery } from './core/delivery.ts';
import { type Envelope, type EnvelopeFields, encodeEnvelope, kinds } from './core/envelope.ts';
import { createQueue } from './core/handlers.ts';
import { createInbox, type Inbox } from './core/inbox.ts';
import { createInspector, type Inspector } from './core/inspector.ts';
import { assertPayload, assertTopic } from './core/names.ts';
import { createNumbering, type Numbering } from './core/numbering.ts';
import { createOutbox, type Outbox } from './core/outbox.ts';
import { createStates, type States } from './core/states.ts';
import { createTopics, type Topics } from './core/topics.ts';
import type { Bus, BusDeps, BusOptions, DirectMessage, TopicMessage } from './types.ts';

/** What the parts of a bus share. */
interface Core extends BusDeps {
  readonly options: BusOptions;
  readonly counters: Counters;
  readonly states: States;
  readonly numbering: Numbering;
  readonly topics: Topics;
  readonly inspector: Inspector;
}

/** Direct messages: in, out, and the one queue. */
interface Mail {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  queue: Delivery<DirectMessage> | undefined;
}

/** A bus over the carrier of the options; it does nothing before `start`. */
export function createBus(options: BusOptions, deps: BusDeps): Bus {
  const core = createCore(options, deps);
  const mail = createMail(core);
  const { states, topics } = core;
  const waiting = () => topics.waiting() + (mail.queue?.waiting() ?? 0);
  return {
    publicKey: hex(options.keys.publicKey),
    state: states.state,
    onState: states.onState,
    stats: () => statsOf(core.counters, { state: states.state(), waiting: waiting() }),
    async start() {
      states.set('connecting');
      try {
        await options.carrier.start(createSink(core, mail.inbox));
      } catch (error) {
        states.end();
        await options.carrier.stop(); // nothing goes on trying behind the caller's back
        throw error;
      }
    },
    async stop() {
      if (states.isEnded()) return;
      states.end();
      mail.outbox.stop();
      await Promise.all([topics.close(), mail.queue?.close()]);
      await options.carrier.stop();
    },
    ...topicMethods(core),
    ...directMethods(core, mail),
  };
}

function createCore(options: BusOptions, deps: BusDeps): Core {
  const { network, keys, carrier, admits = () => true } = options;
  const counters = createCounters();
  const numbering = createNumbering();
  const isEcho = ({ sender, scope, session }: EnvelopeFields) =>
    equalBytes(sender, keys.publicKey) && numbering.isCurrent(hex(scope), session);
  return {
    ...deps,
    options,
    counters,
    numbering,
    states: createStates(),
    topics: createTopics(carrier),
    inspector: createInspector({ network, clock: deps.clock, counters, admits, isEcho }),
  };
}

function createMail(core: Core): Mail {
  const { options, clock, numbering, counters, inspector, log } = core;
  const { network, keys, carrier, attemptsMs } = options;
  const ways = { network, keys, carrier, clock };
  const outbox = createOutbox({ ...ways, numbering, counters, attemptsMs });
  const mail: Mail = {
    outbox,
    queue: undefined,
    inbox: createInbox({
      network,
      keys,
      clock,
      inspector,
      delivery: () => mail.queue,
      onAck: outbox.onAck,
      answer(to, ack) {
        carrier.deliver(to, ack).catch((error: unknown) => {
          log.debug({ to, code: asAppError(error).code }, 'an acknowledgement did not go out');
        });
      },
    }),
  };
  return mail;
}

function topicMethods(core: Core): Pick<Bus, 'publish' | 'subscribe'> {
  const { options, states, topics, numbering, clock, counters } = core;
  const { network, keys, carrier } = options;
  return {
    async publish(topic, payload, { signal } = {}) {
      assertTopic(topic);
      assertPayload(payload);
      states.assertRunning();
      if (signal?.aborted) throw new AppError('CANCELLED');
      const scope = utf8(topic);
      const number = numbering.next(hex(scope));
      const fields = { kind: kinds.topic, ...number, timeMs: clock.nowMs(), scope, payload };
      const local = messageOf({ ...fields, sender: keys.publicKey }, topic); // the caller may reuse its bytes
      await carrier.broadcast(topic, encodeEnvelope(fields, keys, network), signal);
      counters.published += 1;
      topics.offer(local);
    },
    async subscribe(topic, handler, subscribeOptions = {}) {
      assertTopic(topic);
      states.assertRunning();
      const about = { name: topic, handler, options: subscribeOptions } as const;
      const delivery = createQueue<TopicMessage>({ ...about, whenFull: 'drop-oldest' }, core);
      await topics.add(topic, delivery);
      return {
        async close() {
          await Promise.all([topics.remove(topic, delivery), delivery.close()]);
        },
      };
    },
  };
}

function directMethods(core: Core, mail: Mail): Pick<Bus, 'send' | 'onMessage'> {
  const own = hex(core.options.keys.publicKey);
  return {
    async send(to, payload, options = {}) {
      assertPayload(payload);
      core.states.assertRunning();
      if (to === own) sendToSelf(core, mail, payload);
      else await mail.outbox.send(to, payload, options);
    },
    onMessage(handler, options = {}) {
      if (mail.queue)
        throw new AppError('BUS_FULL', { what: 'handlers of direct messages', limit: 1 });
      const about = { name: 'direct messages', handler, options } as const;
      const queue = createQueue<DirectMessage>({ ...about, whenFull: 'refuse' }, core);
      mail.queue = queue;
      return {
        async close() {
          if (mail.queue === queue) mail.queue = undefined;
          await queue.close();
        },
      };
    },
  };
}

/** No carrier brings a message back to where it came from, and nobody else needs to see it. */
function sendToSelf(
  { options, numbering, clock, counters }: Core,
  mail: Mail,
  payload: Uint8Array,
) {
  const sender = hex(options.keys.publicKey);
  const { session, sequence } = numbering.next(sender);
  const own = { session: hex(session), sequence, timeMs: clock.nowMs(), payload: payload.slice() };
  if (!mail.inbox.offer({ ...own, sender })) {
    counters.undelivered += 1;
    throw new AppError('BUS_UNDELIVERED', { to: sender, attempts: 1, reason: 'no room' });
  }
  counters.sent += 1;
}

/** What the carrier calls. After the end nothing gets in. */
function createSink({ states, topics, inspector }: Core, inbox: Inbox): CarrierSink {
  return {
    onTopic(topic, bytes) {
      if (states.isEnded()) return 'ignore';
      const name = utf8(topic);
      const isForUs = ({ kind, scope }: Envelope) =>
        kind === kinds.topic && equalBytes(scope, name);
      const inspection = inspector.inspect(bytes, isForUs);
      if (!inspection.passed) return inspection.judgement;
      inspection.passed.markTaken();
      topics.offer(messageOf(inspection.passed.envelope, topic));
      return 'accept';
    },
    onInbox(bytes, reply) {
      if (!states.isEnded()) inbox.onBytes(bytes, reply);
    },
    onState: states.set,
  };
}

/** A copy: the envelope may be a view of a buffer that the carrier uses again, or shared with other receivers. */
function messageOf(fields: EnvelopeFields, topic: string): TopicMessage {
  const { sender, payload, sequence, session, timeMs } = fields;
  const copy = { payload: payload.slice(), sender: hex(sender), session: hex(session) };
  return { topic, ...copy, sequence, timeMs };
}
