/**
 * Letters on their way out. A letter is numbered and stored before it leaves; one that nobody took stays here and goes out
 * again, in order, until it runs out.
 *
 * It goes over the carrier, where there is one, and into the mailbox as well: a carrier's answer means that the receiver
 * has the letter in memory, and a receiver that crashes then would wait for it for days. The receiver drops the double.
 * A letter that the mailbox refuses for good ends its stream: the next one begins another, so that nobody waits for it.
 */
import { base64, bytesFromBase64, type Clock, type KeyPair } from '@aitbc/primitives';
import {
  AppError,
  asAppError,
  decodeLetter,
  type ErrorCode,
  type LetterWish,
  type Network,
  nextLetter,
  type OutboxState,
  zBase64,
  zHash,
  zKey,
  zOutboxState,
} from '@aitbc/protocol';
import { z } from 'zod';
import type { CoordinatorClient } from '../http/clients.ts';
import type { AgentStore } from './store.ts';
import type { LetterCarrier, SentMessage } from './types.ts';

/** Letters that may wait here. */
const waitingMax = 256;

const zWaiting = z.strictObject({ id: zHash, to: zKey, letter: zBase64 });
const zOutbox = z.strictObject({
  streams: zOutboxState,
  waiting: z.array(zWaiting).max(waitingMax),
});

type Waiting = z.infer<typeof zWaiting>;

/** Sends letters. */
export interface Outbox {
  /** Throws BAD_REQUEST, PAYLOAD_TOO_LARGE, SENDER_NOT_ADMITTED, LETTER_INVALID, CANCELLED. */
  send(wish: LetterWish, signal?: AbortSignal): Promise<SentMessage>;
  /** Sends what waits, oldest first, as far as that is possible now. */
  flush(signal?: AbortSignal): Promise<void>;
  readonly waiting: number;
}

/** What an outbox works with. */
export interface OutboxDeps {
  readonly network: Network;
  readonly keys: KeyPair;
  readonly store: AgentStore;
  readonly clock: Clock;
  readonly coordinator: Pick<CoordinatorClient, 'sendLetter'>;
  readonly carrier: LetterCarrier | undefined;
}

/** Refusals that will not change for this letter. */
const final: readonly ErrorCode[] = [
  'SENDER_NOT_ADMITTED',
  'LETTER_INVALID',
  'BAD_REQUEST',
  'PAYLOAD_TOO_LARGE',
  'NOT_FOUND',
];

interface State {
  streams: OutboxState;
  waiting: readonly Waiting[];
}

/** An outbox as the store has it. Throws STORE_CORRUPT. */
export async function openOutbox(deps: OutboxDeps): Promise<Outbox> {
  const state = stateOf(await deps.store.load('outbox'));
  const save = () => deps.store.save('outbox', { streams: state.streams, waiting: state.waiting });
  let last: Promise<unknown> = Promise.resolve();
  /** One after the other: numbers are given out in the order of the calls. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work, work);
    last = done.catch(() => {});
    return done;
  };
  const forget = async ({ id }: Waiting): Promise<void> => {
    state.waiting = state.waiting.filter((row) => row.id !== id);
    await save();
  };
  const drop = async (row: Waiting): Promise<void> => {
    state.streams = state.streams.filter(({ receiver }) => receiver !== row.to);
    await forget(row);
  };
  const number = (wish: LetterWish) =>
    inTurn(async (): Promise<Waiting> => {
      if (state.waiting.length >= waitingMax) {
        throw new AppError('BUS_FULL', { what: 'letters that wait', limit: waitingMax });
      }
      const nowMs = deps.clock.nowMs();
      const { id, bytes, state: streams } = nextLetter(deps, state.streams, { wish, nowMs });
      const row = { id, to: wish.receiver, letter: base64(bytes) };
      state.streams = streams;
      state.waiting = [...state.waiting, row];
      await save();
      return row;
    });
  const post = async (row: Waiting, signal: AbortSignal | undefined): Promise<boolean> => {
    try {
      await deps.coordinator.sendLetter({ letter: row.letter }, { signal });
      await forget(row);
      return true;
    } catch (error) {
      if (!final.includes(asAppError(error).code)) return false;
      await drop(row);
      throw error;
    }
  };
  return {
    get waiting() {
      return state.waiting.length;
    },
    async send(wish, signal) {
      const row = await number(wish);
      const [isDelivered, posted] = await Promise.all([
        carry(deps.carrier, row, signal),
        post(row, signal).catch((error: unknown) => asAppError(error)),
      ]);
      if (isDelivered) return { id: row.id, state: 'delivered' };
      if (posted instanceof AppError) throw posted;
      return { id: row.id, state: posted ? 'stored' : 'waiting' };
    },
    async flush(signal) {
      for (const row of state.waiting) {
        if (isOver(row, deps.clock.nowMs())) await forget(row);
        else if (!(await post(row, signal).catch(() => true))) return;
      }
    },
  };
}

async function carry(
  carrier: LetterCarrier | undefined,
  { to, letter }: Waiting,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (!carrier) return false;
  try {
    await carrier.send(to, lettersBytes(letter), signal ? { signal } : {});
    return true;
  } catch {
    return false; // away, or the carrier is: the mailbox has it
  }
}

function lettersBytes(text: string): Uint8Array {
  return bytesFromBase64(text) ?? new Uint8Array();
}

function isOver({ letter }: Waiting, nowMs: number): boolean {
  return (decodeLetter(lettersBytes(letter))?.expiresMs ?? 0) < nowMs;
}

function stateOf(stored: unknown): State {
  if (stored === undefined) return { streams: [], waiting: [] };
  const parsed = zOutbox.safeParse(stored);
  if (parsed.success) return parsed.data;
  const reason = parsed.error.issues[0]?.message ?? 'unknown';
  throw new AppError('STORE_CORRUPT', { what: 'the letters of an agent', reason });
}
