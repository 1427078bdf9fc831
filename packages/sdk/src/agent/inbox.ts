/**
 * Letters on their way in: from the mailbox and over the carrier, through one receiver, to the listeners.
 *
 * A letter is handled, then the state of the receiver is stored, then it is deleted from the mailbox. So a crash repeats at
 * most the letters whose handling had not been stored, and loses none. Listeners are called one letter at a time; what one
 * throws is logged and does not bring the letter back.
 */
import { bytesFromBase64, type Clock, type KeyPair } from '@aitbc/primitives';
import {
  AppError,
  asAppError,
  createLetterReceiver,
  type Endpoint,
  type Hex,
  type LetterReason,
  limits,
  messageEndpoints,
  type Network,
  passingReasons,
  type ReceivedLetter,
  signAccountCall,
  zMailboxLetter,
} from '@aitbc/protocol';
import type { BuyerLog } from '../books/log.ts';
import { pause } from '../chain/pause.ts';
import { baseOf, jsonOf } from '../http/client.ts';
import type { CoordinatorClient } from '../http/clients.ts';
import { readEvents } from '../http/event-stream.ts';
import type { Transport } from '../http/transport.ts';
import type { AgentStore } from './store.ts';
import type { LetterCarrier } from './types.ts';

/** What an inbox works with. */
export interface InboxDeps {
  readonly network: Network;
  readonly keys: KeyPair;
  readonly store: AgentStore;
  readonly clock: Clock;
  readonly log: BuyerLog;
  readonly transport: Transport;
  readonly coordinator: Pick<CoordinatorClient, 'acknowledgeLetters' | 'readLetters'>;
  readonly coordinatorUrl: string;
  readonly carrier: LetterCarrier | undefined;
  /** Whose letters are taken; default everybody's. */
  readonly admits?: ((sender: Hex) => boolean) | undefined;
  onLetter(letter: ReceivedLetter): void | Promise<void>;
}

/** Takes letters. */
export interface Inbox {
  /** Reads the mailbox once; how many letters were handed on. */
  read(signal?: AbortSignal): Promise<number>;
  /** Follows the mailbox and the carrier until the signal aborts. Survives lost connections. */
  follow(signal: AbortSignal): Promise<void>;
  /** Letters that were refused so far, by reason. */
  readonly refused: Readonly<Partial<Record<LetterReason, number>>>;
}

const tickMs = 5_000;
const retryFirstMs = 250;
const retryLongestMs = 10_000;

interface Mailed {
  readonly id: Hex;
  readonly letter: string;
}

/** An inbox as the store has it. Throws STORE_CORRUPT. */
export async function openInbox(deps: InboxDeps): Promise<Inbox> {
  const { network, keys, admits, store, clock, log } = deps;
  const receiver = createLetterReceiver({ network, keys, admits }, await store.load('inbox'));
  const refused: Partial<Record<LetterReason, number>> = {};
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work, work);
    last = done.catch(() => {});
    return done;
  };
  const handOn = async (letters: readonly ReceivedLetter[]): Promise<void> => {
    for (const letter of letters) {
      try {
        await deps.onLetter(letter);
      } catch (error) {
        log.warn({ err: error, letter: letter.id }, 'a listener failed');
      }
    }
  };
  /** Whether the letter is done with: delivered, kept, or refused for good. */
  const takeOne = (bytes: Uint8Array): Promise<{ isDone: boolean; delivered: number }> =>
    inTurn(async () => {
      const intake = receiver.take(bytes, clock.nowMs());
      if (intake.kind === 'refused') {
        refused[intake.reason] = (refused[intake.reason] ?? 0) + 1;
        core.isBehind ||= passingReasons.has(intake.reason);
        return { isDone: !passingReasons.has(intake.reason), delivered: 0 };
      }
      const letters = intake.kind === 'delivered' ? intake.letters : [];
      await handOn(letters);
      await store.save('inbox', receiver.state());
      return { isDone: true, delivered: letters.length };
    });
  const tick = (): Promise<number> =>
    inTurn(async () => {
      const letters = receiver.tick(clock.nowMs());
      await handOn(letters);
      if (letters.length > 0) await store.save('inbox', receiver.state());
      return letters.length;
    });
  const core: Core = { deps, takeOne, tick, isBehind: false };
  return {
    refused,
    read: (signal) => readAll(core, signal),
    follow: (signal) => followAll(core, signal),
  };
}

interface Core {
  readonly deps: InboxDeps;
  takeOne(bytes: Uint8Array): Promise<{ isDone: boolean; delivered: number }>;
  tick(): Promise<number>;
  /** A letter stayed in the mailbox because it came too early. */
  isBehind: boolean;
}

function signed({ network, keys, clock }: InboxDeps, row: Endpoint, input: unknown) {
  const by = { keys, nowMs: clock.nowMs() };
  return { authorization: signAccountCall(network, { row, input }, by) };
}

/** Hands on what these letters give and deletes those that are done with. */
async function takeMailed(
  { deps, takeOne }: Core,
  mailed: readonly Mailed[],
  signal: AbortSignal | undefined,
): Promise<number> {
  let count = 0;
  const ids: Hex[] = [];
  for (const { id, letter } of mailed) {
    const { isDone, delivered } = await takeOne(bytesFromBase64(letter) ?? new Uint8Array());
    count += delivered;
    if (isDone) ids.push(id);
  }
  if (ids.length > 0) {
    const input = { ids };
    const headers = signed(deps, messageEndpoints.acknowledgeLetters, input);
    await deps.coordinator.acknowledgeLetters(input, { headers, signal });
  }
  return count;
}

async function readAll(core: Core, signal: AbortSignal | undefined): Promise<number> {
  const { deps } = core;
  let delivered = await core.tick();
  for (let after = 0; ; ) {
    const input = { after };
    const headers = signed(deps, messageEndpoints.readLetters, input);
    const { letters, next } = await deps.coordinator.readLetters(input, { headers, signal });
    delivered += await takeMailed(core, letters, signal);
    if (letters.length < limits.pageSize) break;
    after = next;
  }
  return delivered + (await core.tick());
}

async function followAll(core: Core, signal: AbortSignal): Promise<void> {
  const { carrier, log } = core.deps;
  const unlisten = carrier?.onLetter((bytes) => {
    core.takeOne(bytes).catch((error: unknown) => log.warn({ err: error }, 'a letter was lost'));
  });
  try {
    await Promise.all([followMailbox(core, signal), tickOn(core, signal)]);
  } finally {
    unlisten?.();
  }
}

async function tickOn(core: Core, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (core.isBehind) {
      core.isBehind = false;
      await readAll(core, signal).catch(() => {
        core.isBehind = true;
      });
    } else await core.tick();
    await pause(tickMs, signal).catch(() => {});
  }
}

/** Reads what is there, then what comes; begins anew when the connection is lost. */
async function followMailbox(core: Core, signal: AbortSignal): Promise<void> {
  let retryMs = retryFirstMs;
  while (!signal.aborted) {
    try {
      for await (const mailed of mailboxEvents(core.deps, signal)) {
        await takeMailed(core, [mailed], signal);
        retryMs = retryFirstMs;
      }
    } catch (error) {
      if (signal.aborted) return;
      const { code, message } = asAppError(error);
      core.deps.log.warn({ code, reason: message }, 'the mailbox cannot be followed');
    }
    await pause(retryMs, signal).catch(() => {});
    retryMs = Math.min(retryLongestMs, retryMs * 2);
  }
}

async function* mailboxEvents(deps: InboxDeps, signal: AbortSignal): AsyncGenerator<Mailed> {
  const { transport, coordinatorUrl } = deps;
  const row = messageEndpoints.followLetters;
  const url = `${baseOf(coordinatorUrl)}${row.path}`;
  const headers = signed(deps, row, {});
  for await (const { event, data } of readEvents(transport, { url, headers, signal })) {
    if (event !== 'letter') continue;
    const parsed = zMailboxLetter.safeParse(jsonOf(data));
    if (!parsed.success) {
      throw new AppError('ANSWER_INVALID', { what: coordinatorUrl, reason: 'no letter' });
    }
    yield parsed.data;
  }
}
