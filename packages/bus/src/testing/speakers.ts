/** Those who speak and listen in the compliance suite, and one who lies. */
import { randomBytes, textFromUtf8, utf8 } from '@aitbc/primitives';
import { type EnvelopeFields, encodeEnvelope, kinds } from '../core/envelope.ts';
import type { Bus, DirectMessage, TopicMessage } from '../types.ts';
import { freshKeys, testNetwork } from './test-bus.ts';
import { until } from './until.ts';

export const topic = 'offers/qwen3';

/** A subscriber that keeps what it gets. */
export async function listen(bus: Bus, name = topic) {
  const got: TopicMessage[] = [];
  const subscription = await bus.subscribe(name, (message) => void got.push(message));
  const texts = () =>
    got.map(({ payload }) => textFromUtf8(payload)).filter((text) => text !== probe);
  return { got, texts, subscription };
}

type Ear = Awaited<ReturnType<typeof listen>>;
export const probe = 'probe';

/** Speaks until everybody hears it: carriers need a moment to learn who listens. */
export async function introduce(speak: () => Promise<void>, ears: readonly Ear[]): Promise<void> {
  const isHeard = ({ got }: Ear) => got.some(({ payload }) => textFromUtf8(payload) === probe);
  await until(async () => {
    if (ears.every(isHeard)) return true;
    await speak();
    await new Promise((resolve) => setTimeout(resolve, 20));
    return ears.every(isHeard);
  }, 'everybody hears the probe');
}

/** As `introduce`, by a bus. */
export async function introduced(speaker: Bus, ears: readonly Ear[], name = topic): Promise<void> {
  await introduce(() => speaker.publish(name, utf8(probe)), ears);
}

/** Bytes as a sender that is free to lie would make them. */
export function forge(
  over: Partial<EnvelopeFields> & {
    keys?: ReturnType<typeof freshKeys>;
    network?: typeof testNetwork;
  } = {},
) {
  const { keys = freshKeys(), network = testNetwork, ...fields } = over;
  return encodeEnvelope(
    {
      kind: kinds.topic,
      session: randomBytes(8), // a stream of its own, unless the caller says which
      sequence: 1,
      timeMs: Date.now(),
      scope: utf8(topic),
      payload: utf8('forged'),
      ...fields,
    },
    keys,
    network,
  );
}

/** A handler of direct messages that keeps what it gets. */
export function receive(bus: Bus) {
  const got: DirectMessage[] = [];
  bus.onMessage((message) => void got.push(message));
  return { got, texts: () => got.map(({ payload }) => textFromUtf8(payload)) };
}
