/**
 * The sender's side of letters: which stream, which number, what came before.
 *
 * A stream goes on until an hour after its last letter has run out; later the receiver may have forgotten it, so the next
 * letter begins a new one. What `next` answers must be stored before the letter leaves: a sender that falls back behind what it sent
 * would use a number twice, and its receiver would refuse the second letter as repeated. A sender that has lost its
 * store begins new streams, which is always allowed.
 */
import { hex, type KeyPair, randomBytes } from '@aitbc/primitives';
import { z } from 'zod';
import type { Hex } from '../fields.ts';
import { limits } from '../limits.ts';
import type { Network } from '../network.ts';
import { zCount, zHash, zKey } from '../scalars.ts';
import { type LetterContent, noLetter, type WrittenLetter, writeLetter } from './letter.ts';

export const zStreamId = z.string().regex(/^[0-9a-f]{32}$/, 'expected a stream: 32 hex digits');

/** How long after the end of its last letter a stream is still used. The receiver keeps it longer (letter-receiver.ts). */
export const letterStreamIdleMs = 3_600_000;

/** A stream that a sender writes to. */
export const zOutStream = z.strictObject({
  receiver: zKey,
  stream: zStreamId,
  sequence: zCount.meta({ description: 'number of the last letter' }),
  lastId: zHash,
  untilMs: zCount.meta({ description: 'when the last of its letters runs out' }),
});

/** All streams of a sender, the one used longest ago first. */
export const zOutboxState = z.array(zOutStream).max(limits.letterReceivers);

export type OutStream = z.infer<typeof zOutStream>;
export type OutboxState = readonly OutStream[];

/** What is to be sent. */
export interface LetterWish extends Omit<LetterContent, 'replyTo'> {
  readonly receiver: Hex;
  /** Default: none. */
  readonly replyTo?: Hex | undefined;
  /** Default and most: `limits.letterLifetimeMs`. */
  readonly lifetimeMs?: number | undefined;
}

/** A letter that may leave once `state` is stored. */
export interface NextLetter extends WrittenLetter {
  readonly state: OutboxState;
}

/** The next letter to a receiver. Throws AppError BAD_REQUEST, PAYLOAD_TOO_LARGE. */
export function nextLetter(
  { network, keys }: { readonly network: Network; readonly keys: KeyPair },
  state: OutboxState,
  { wish, nowMs }: { readonly wish: LetterWish; readonly nowMs: number },
): NextLetter {
  const { receiver, contentType, payload, replyTo = noLetter } = wish;
  const lifetimeMs = Math.min(wish.lifetimeMs ?? limits.letterLifetimeMs, limits.letterLifetimeMs);
  const known = state.find((row) => row.receiver === receiver);
  const goesOn = known && nowMs < known.untilMs + letterStreamIdleMs;
  const row = goesOn ? known : freshStream(receiver);
  const expiresMs = nowMs + Math.max(1, lifetimeMs);
  const head = {
    ...{ receiver, stream: row.stream, sequence: row.sequence + 1, timeMs: nowMs, expiresMs },
    ...{ previous: row.lastId, priorUntilMs: row.untilMs },
  };
  const letter = writeLetter(network, { ...head, contentType, payload, replyTo }, keys);
  const untilMs = Math.max(row.untilMs, expiresMs);
  const next = { ...row, sequence: head.sequence, lastId: letter.id, untilMs };
  const others = state.filter((other) => other.receiver !== receiver);
  return { ...letter, state: [...others, next].slice(-limits.letterReceivers) };
}

function freshStream(receiver: Hex): OutStream {
  const stream = hex(randomBytes(16));
  return { receiver, stream, sequence: 0, lastId: noLetter, untilMs: 0 };
}
