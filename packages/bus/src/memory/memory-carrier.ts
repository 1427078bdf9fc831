/**
 * Envelopes inside one process: for tests and for a daemon that is a network of its own. Nothing is lost here,
 * but everything is checked all the same, so what works over `memory` does not lean on its kindness.
 */
import { hex, type KeyPair } from '@aitbc/primitives';
import { AppError, type Hex, limits } from '@aitbc/protocol';
import type { Carrier, CarrierSink } from '../carrier.ts';

/** What the members of one process meet at. */
export interface MemoryHub {
  /** A carrier of this hub. */
  carrier(keys: KeyPair): Carrier;
}

interface Member {
  readonly key: Hex;
  readonly topics: Set<string>;
  readonly sink: CarrierSink;
}

/** A hub without members. */
export function createMemoryHub(): MemoryHub {
  const members = new Set<Member>();
  return { carrier: (keys) => createMemoryCarrier(members, hex(keys.publicKey)) };
}

function createMemoryCarrier(members: Set<Member>, key: Hex): Carrier {
  let member: Member | undefined;
  let onTheWay = 0;
  /** Every hand-over waits for the next turn, as it would on a wire: handlers never run inside a publish. */
  const nextTurn = async () => {
    if (onTheWay >= limits.busOutgoing) {
      throw new AppError('BUS_FULL', { what: 'messages', limit: limits.busOutgoing });
    }
    onTheWay += 1;
    await new Promise((resolve) => setImmediate(resolve));
    onTheWay -= 1;
  };
  return {
    async start(sink) {
      member = { key, topics: new Set(), sink };
      members.add(member);
      sink.onState('connected');
    },
    async stop() {
      if (member) members.delete(member);
    },
    async join(topic) {
      member?.topics.add(topic);
    },
    async leave(topic) {
      member?.topics.delete(topic);
    },
    async broadcast(topic, envelope) {
      await nextTurn();
      for (const other of [...members]) {
        if (other !== member && other.topics.has(topic)) other.sink.onTopic(topic, envelope);
      }
    },
    async deliver(to, envelope) {
      await nextTurn();
      for (const other of [...members]) if (other.key === to) other.sink.onInbox(envelope);
    },
  };
}
