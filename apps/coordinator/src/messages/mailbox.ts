/**
 * Mailboxes: letters that wait for accounts which are away.
 *
 * A coordinator checks what it can without reading: signature, network, times, room, and that the sender is somebody. Order,
 * repetition and what is inside are the receiver's business (`packages/protocol/src/messages/letter-receiver.ts`), so a
 * coordinator that loses, repeats or reorders letters is noticed and cannot do more than that. Rejected: checking the
 * numbers of streams here as well, which would need a memory as long as the receiver's and prove nothing to it.
 */
import { base64, bytesFromBase64, type Clock } from '@aitbc/primitives';
import {
  AppError,
  addressOf,
  decodeLetter,
  type Hex,
  isLetterSigned,
  type Letter,
  letterIdOf,
  limits,
  type MailboxLetter,
  type Network,
} from '@aitbc/protocol';
import type { LetterRows } from '../store/messages/letter-rows.ts';
import type { LetterRow } from '../store/schema.ts';
import type { SenderGate } from './admit-sender.ts';
import type { Pokes } from './pokes.ts';

/** Letters of those who read here within this time are taken from the bus, ms. */
export const readHereMs = limits.letterLifetimeMs;

/** A letter that was checked. */
export interface CheckedLetter {
  readonly id: Hex;
  readonly letter: Letter;
  readonly bytes: Uint8Array;
}

/** All mailboxes. */
export interface Mailboxes {
  /** Throws LETTER_INVALID, RATE_LIMITED, SENDER_NOT_ADMITTED, MAILBOX_FULL, UNAVAILABLE. */
  put(bytes: Uint8Array): Promise<CheckedLetter>;
  /** The same for a letter that another coordinator has; only for those who read here. False when it was not taken. */
  putForReader(bytes: Uint8Array): Promise<boolean>;
  page(receiver: Hex, page: { after: number; limit: number }): Promise<MailboxLetter[]>;
  /** The account reads here: remembered, so that letters from the bus are kept for it. */
  markRead(account: Hex): Promise<void>;
  remove(receiver: Hex, ids: readonly Hex[]): Promise<number>;
}

/** What mailboxes work with. */
export interface MailboxDeps {
  readonly rows: LetterRows;
  readonly gate: SenderGate;
  readonly pokes: Pokes;
  readonly clock: Clock;
  network(): Network;
}

/** Mailboxes over stored rows. */
export function createMailboxes(deps: MailboxDeps): Mailboxes {
  const { rows, gate, pokes, clock } = deps;
  const store = async ({ id, letter, bytes }: CheckedLetter): Promise<void> => {
    const { sender, receiver, expiresMs } = letter;
    await gate.admit(sender);
    const stored = await rows.insert({
      ...{ letter_id: id, sender, receiver, expires_at_ms: expiresMs },
      ...{ size_bytes: bytes.length, letter: base64(bytes) },
    });
    if (typeof stored === 'object') {
      throw new AppError('MAILBOX_FULL', { account: addressOf(receiver), reason: stored.full });
    }
    pokes.poke(receiver);
  };
  return {
    async put(bytes) {
      const checked = checkLetter(deps, bytes);
      await store(checked);
      return checked;
    },
    async putForReader(bytes) {
      const checked = checkLetter(deps, bytes);
      const { receiver } = checked.letter;
      const sinceMs = clock.nowMs() - readHereMs;
      if (!pokes.has(receiver) && !(await rows.isReadSince(receiver, sinceMs))) return false;
      await store(checked);
      return true;
    },
    async page(receiver, { after, limit }) {
      const nowMs = clock.nowMs();
      return (await rows.page({ receiver, after, nowMs, limit })).map(shown);
    },
    markRead: (account) => rows.markRead(account),
    remove: (receiver, ids) => rows.remove(receiver, ids),
  };
}

function shown({ seq, letter_id, letter }: LetterRow): MailboxLetter {
  return { seq, id: letter_id, letter };
}

/** Throws LETTER_INVALID. */
function checkLetter(
  { network, clock }: Pick<MailboxDeps, 'network' | 'clock'>,
  bytes: Uint8Array,
): CheckedLetter {
  const letter = decodeLetter(bytes);
  const reason = letter ? faultOf(letter, network(), clock.nowMs()) : 'it cannot be read';
  if (!letter || reason) throw new AppError('LETTER_INVALID', { reason: reason ?? '' });
  return { id: letterIdOf(network(), letter), letter, bytes };
}

function faultOf(letter: Letter, network: Network, nowMs: number): string | undefined {
  if (letter.chain !== network.chain) return 'it is for another network';
  if (letter.expiresMs < nowMs) return 'it has run out';
  if (letter.timeMs > nowMs + limits.clockSkewMs) return 'its time is ahead of ours';
  return isLetterSigned(network, letter) ? undefined : 'its signature is wrong';
}

/** Bytes of base64 from outside. Throws LETTER_INVALID or NOTICE_INVALID. */
export function bytesOf(text: string, code: 'LETTER_INVALID' | 'NOTICE_INVALID'): Uint8Array {
  const bytes = bytesFromBase64(text);
  if (bytes) return bytes;
  throw new AppError(code, { reason: 'it is not base64' });
}
