/** Who on this bus listens to which topic; tells the carrier when the first one comes and the last one goes. */

import { AppError, limits } from '@aitbc/protocol';
import type { Carrier } from '../carrier.ts';
import type { TopicMessage } from '../types.ts';
import type { Delivery } from './delivery.ts';

/** The subscriptions of a bus. */
export interface Topics {
  has(topic: string): boolean;
  /** Resolves when the carrier has joined. Throws AppError BUS_FULL, and what the carrier throws. */
  add(topic: string, delivery: Delivery<TopicMessage>): Promise<void>;
  remove(topic: string, delivery: Delivery<TopicMessage>): Promise<void>;
  offer(message: TopicMessage): void;
  waiting(): number;
  close(): Promise<void>;
}

interface Entry {
  readonly deliveries: Set<Delivery<TopicMessage>>;
  readonly joined: Promise<void>;
}

/** No subscriptions yet. */
export function createTopics(carrier: Carrier): Topics {
  const topics = new Map<string, Entry>();
  let lastLeave: Promise<unknown> = Promise.resolve();
  const enter = (topic: string): Entry => {
    if (topics.size >= limits.busTopics) {
      throw new AppError('BUS_FULL', { what: 'topics', limit: limits.busTopics });
    }
    const joined = lastLeave.then(() => carrier.join(topic)); // never overtakes a leave
    const entry = { deliveries: new Set<Delivery<TopicMessage>>(), joined };
    topics.set(topic, entry);
    return entry;
  };
  const remove = async (topic: string, delivery: Delivery<TopicMessage>) => {
    const entry = topics.get(topic);
    if (entry?.deliveries.delete(delivery) && entry.deliveries.size === 0) {
      topics.delete(topic);
      const left = entry.joined.catch(() => {}).then(() => carrier.leave(topic));
      lastLeave = Promise.allSettled([lastLeave, left]);
      await left;
    }
  };
  return {
    remove,
    has: (topic) => topics.has(topic),
    async add(topic, delivery) {
      const entry = topics.get(topic) ?? enter(topic);
      entry.deliveries.add(delivery);
      try {
        await entry.joined;
      } catch (error) {
        entry.deliveries.delete(delivery);
        if (topics.get(topic) === entry) topics.delete(topic);
        throw error;
      }
    },
    offer(message) {
      for (const delivery of topics.get(message.topic)?.deliveries ?? []) {
        delivery.offer(message, message.payload.length);
      }
    },
    waiting() {
      let waiting = 0;
      for (const { deliveries } of topics.values()) {
        for (const delivery of deliveries) waiting += delivery.waiting();
      }
      return waiting;
    },
    async close() {
      const all = [...topics.values()].flatMap(({ deliveries }) => [...deliveries]);
      topics.clear();
      await Promise.all(all.map((delivery) => delivery.close()));
    },
  };
}
