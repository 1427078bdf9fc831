/** Names of topics and sizes of payloads: what a sender may ask for. */
import { utf8 } from '@aitbc/primitives';
import { AppError, limits } from '@aitbc/protocol';

const topicPattern = /^[a-z0-9]+(?:[./-][a-z0-9]+)*$/;

/** Throws AppError BAD_REQUEST unless the topic is words of a-z and 0-9, joined by single `.`, `/` or `-`. */
export function assertTopic(topic: string): void {
  if (utf8(topic).length <= limits.busTopicBytes && topicPattern.test(topic)) return;
  const rule = `words of a-z, 0-9 joined by ".", "/" or "-", at most ${limits.busTopicBytes} bytes`;
  throw new AppError('BAD_REQUEST', { reason: `a topic is ${rule}` });
}

/** Throws AppError PAYLOAD_TOO_LARGE. */
export function assertPayload(payload: Uint8Array): void {
  if (payload.length <= limits.busPayloadBytes) return;
  const facts = { sizeBytes: payload.length, limitBytes: limits.busPayloadBytes };
  throw new AppError('PAYLOAD_TOO_LARGE', facts);
}
