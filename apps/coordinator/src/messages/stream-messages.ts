/** Server-sent events of a mailbox and of a topic. */
import { type Hex, limits } from '@aitbc/protocol';
import { eventText, follow, type StreamTarget } from '../jobs/stream-events.ts';
import type { BusLink } from './bus-link.ts';
import type { Mailboxes } from './mailbox.ts';
import type { Pokes } from './pokes.ts';
import type { Topics } from './topics.ts';

const sentMax = 4_096;

/** Where in a mailbox a stream begins. */
export interface MailboxPlace {
  readonly account: Hex;
  readonly after: number;
  /** How far numbers may come out of order. */
  readonly back: number;
}

/** Writes the letters of a mailbox and those that come, each once. Throws RATE_LIMITED before the first byte. */
export async function streamLetters(
  { mailboxes, readers }: { readonly mailboxes: Mailboxes; readonly readers: Pokes },
  { account, after, back }: MailboxPlace,
  target: StreamTarget,
): Promise<void> {
  const isNew = createSent();
  let last = after;
  const subscribe = (poke: () => void) => readers.add(account, poke);
  await follow(target, { watch: readers, subscribe }, async (write) => {
    let from = Math.max(after, last - back);
    for (let count: number = limits.pageSize; count === limits.pageSize; ) {
      const letters = await mailboxes.page(account, { after: from, limit: limits.pageSize });
      const fresh = letters.filter(({ id }) => isNew(id));
      if (fresh.length > 0) {
        await write(fresh.map((letter) => eventText('letter', letter, letter.seq)).join(''));
      }
      from = letters.at(-1)?.seq ?? from;
      count = target.signal.aborted ? 0 : letters.length;
    }
    last = Math.max(last, from);
    return false;
  });
}

/** True for an id that was not asked for before, or long ago. */
function createSent(): (id: Hex) => boolean {
  const sent = new Set<Hex>();
  return (id) => {
    if (sent.has(id)) return false;
    sent.add(id);
    if (sent.size > sentMax) sent.delete(sent.keys().next().value as Hex);
    return true;
  };
}

/** Parts of a stream of notices. */
export interface TopicStreamDeps {
  readonly topics: Topics;
  readonly topicPokes: Pokes;
  readonly bus: BusLink | undefined;
}

/** Writes what is said on a topic from now on. Throws BAD_REQUEST, RATE_LIMITED before the first byte. */
export async function streamTopic(
  { topics, topicPokes, bus }: TopicStreamDeps,
  topic: string,
  target: StreamTarget,
): Promise<void> {
  let ring = (): void => {};
  const listener = topics.listen(topic, () => ring());
  const leave = bus?.join(topic);
  const subscribe = (poke: () => void) => {
    ring = poke;
    return () => {};
  };
  try {
    await follow(target, { watch: topicPokes, subscribe }, async (write) => {
      const { notices, lost } = listener.take();
      if (lost > 0) await write(eventText('lost', { notices: lost }));
      for (const notice of notices) await write(eventText('notice', { notice }));
      return false;
    });
  } finally {
    listener.end();
    leave?.();
  }
}
