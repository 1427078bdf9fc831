/**
 * Direct messages on their way in. Order matters: read, find room, remember, acknowledge. A message that finds
 * no room is neither remembered nor acknowledged, so its next attempt is as good as its first; one that was
 * taken is acknowledged again whenever it comes again.
 */
import {
  type Clock,
  createSealOpener,
  equalBytes,
  hex,
  type KeyPair,
  publicKeyBytes,
} from '@aitbc/primitives';
import type { Hex, Network } from '@aitbc/protocol';
import type { DirectMessage } from '../types.ts';
import type { Delivery } from './delivery.ts';
import { type Envelope, encodeEnvelope, kinds } from './envelope.ts';
import type { Inspected, Inspector } from './inspector.ts';

/** Takes what a carrier brought for us. */
export interface Inbox {
  onBytes(bytes: Uint8Array, reply: ((ack: Uint8Array) => void) | undefined): void;
  /** A message of ours to ourselves; false when there is no room for it. */
  offer(message: DirectMessage): boolean;
}

/** What an inbox works with. */
export interface InboxParts {
  readonly network: Network;
  readonly keys: KeyPair;
  readonly clock: Clock;
  readonly inspector: Inspector;
  /** The queue of the one handler, when there is one. */
  readonly delivery: () => Delivery<DirectMessage> | undefined;
  readonly onAck: (ack: Envelope, from: Hex) => void;
  /** Brings an acknowledgement to its receiver where the carrier has no way back. */
  readonly answer: (to: Hex, ack: Uint8Array) => void;
}

/** An inbox for the holder of the keys. */
export function createInbox(parts: InboxParts): Inbox {
  const { keys, inspector } = parts;
  const opener = createSealOpener(keys);
  const isForUs = ({ kind, scope }: Envelope) =>
    kind !== kinds.topic && equalBytes(scope, keys.publicKey);
  const offer = (message: DirectMessage): boolean => {
    const delivery = parts.delivery();
    if (!delivery) inspector.drop('noHandler');
    else if (delivery.offer(message, message.payload.length)) return true;
    else inspector.drop('queueFull');
    return false;
  };
  const take = ({ envelope, sender, markTaken }: Inspected): boolean => {
    const payload = openedPayload(opener.open(envelope.payload), envelope.sender);
    if (!payload) return inspector.drop('unreadable').passed !== undefined;
    const { sequence, timeMs } = envelope;
    const session = hex(envelope.session);
    if (!offer({ sender, payload, sequence, session, timeMs })) return false;
    markTaken();
    return true;
  };
  return {
    offer,
    onBytes(bytes, reply) {
      const { passed } = inspector.inspect(bytes, isForUs);
      if (!passed) return;
      if (passed.envelope.kind === kinds.ack) return parts.onAck(passed.envelope, passed.sender);
      if (passed.isRepeat) inspector.drop('replayed');
      else if (!take(passed)) return;
      const ack = ackOf(passed.envelope, parts);
      if (reply) reply(ack);
      else parts.answer(passed.sender, ack);
    },
  };
}

/** What stands behind the sender's key, when the right key stands there. */
function openedPayload(opened: Uint8Array | undefined, sender: Uint8Array): Uint8Array | undefined {
  if (!opened || !equalBytes(opened.subarray(0, publicKeyBytes), sender)) return undefined;
  return opened.slice(publicKeyBytes);
}

/** An acknowledgement repeats the numbers of what it acknowledges. */
function ackOf({ sender, session, sequence }: Envelope, parts: InboxParts): Uint8Array {
  const fields = {
    kind: kinds.ack,
    session,
    sequence,
    timeMs: parts.clock.nowMs(),
    scope: sender,
    payload: new Uint8Array(0),
  };
  return encodeEnvelope(fields, parts.keys, parts.network);
}
